"""The way to the broker: MQTT 5 over TLS, and when to try again."""
