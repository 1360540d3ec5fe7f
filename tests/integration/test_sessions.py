"""A session belongs to whoever has its key: no other certificate of the fleet takes it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from paho.mqtt.client import Client, ConnectFlags, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from anpr_edge.seal.keys import SigningKey
from anpr_edge.uplink.tls import Credentials
from tests.integration.centre import Centre
from tests.integration.conftest import CENTRE, FLEET, HOST, UNIT, Site
from tests.integration.helpers import WITHIN_S

pytestmark = pytest.mark.broker


def takes_a_session(site: Site, credentials: Credentials, client_id: str) -> bool:
    """Whether the broker gives a session to a bare client that names `client_id` with this certificate."""
    given: list[bool] = []
    answered = threading.Event()

    def on_connect(_: Client, __: object, flags: ConnectFlags, reason: ReasonCode, ___: object) -> None:
        given.append(flags.session_present)
        answered.set()

    client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=MQTTv5)
    client.on_connect = on_connect
    client.tls_set_context(credentials.context())
    properties = Properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 3600
    client.connect(HOST, site.port, clean_start=False, properties=properties)
    client.loop_start()
    try:
        assert answered.wait(WITHIN_S)
    finally:
        client.disconnect()
        client.loop_stop()
    return given[0]


def test_a_unit_cannot_take_the_centres_session(broker: Site, tmp_path: Path) -> None:
    centre = Centre(tmp_path / "reads.jsonl")
    with centre.subscribed(broker, SigningKey.generate().public) as subscriber:
        centre.await_connection(subscriber)
    units = broker.credentials(UNIT)
    for guess in (f"{FLEET}.{CENTRE}", f"{FLEET}.{CENTRE}.{units.secret_name()}"):
        assert not takes_a_session(broker, units, guess)


def test_the_centre_finds_its_session_again(broker: Site, tmp_path: Path) -> None:
    centre = Centre(tmp_path / "reads.jsonl")
    with centre.subscribed(broker, SigningKey.generate().public) as subscriber:
        centre.await_connection(subscriber)
    own = broker.credentials(CENTRE)
    assert takes_a_session(broker, own, f"{FLEET}.{CENTRE}.{own.secret_name()}")
