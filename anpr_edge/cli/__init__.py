"""The three commands: anpr-edge, anpr-central, anpr-fleet."""
