"""The configuration the suites start from. Its keys are real in form alone."""

from __future__ import annotations

RECIPIENT = "x25519:Zm9yLXRlc3RzLW9ubHktbm8tcHJpdmF0ZS1oYWxmISE"
HYBRID_RECIPIENT = "mlkem768-x25519:" + "Zm9y" * 405 + "Zg"
OTHER_RECIPIENT = "x25519:Zm9yLXRlc3RzLW9ubHktYW5vdGhlci1yZWNpcGllbnQ"
ACK_KEY = "ed25519:Zm9yLXRlc3RzLW9ubHktdGhlLWFjay1rZXktaXRzZWw"

MINIMAL = f"""\
[unit]
fleet = "london"
id = "unit-7"

[feeds.charging]
purpose = "road user charging"
recipients = ["{RECIPIENT}"]
ack_key = "{ACK_KEY}"

[broker]
host = "broker.example"
"""
"""The least a unit can be told."""
