"""A broker with the listener for enrolment: what it keeps, and who may do what at which of its ports."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.integration.bareclient import SUCCESS, bare_client
from tests.integration.enrolling import FEED, HOST, EnrolmentSite, make_enrolment_site

pytestmark = pytest.mark.broker
UNIT = "unit-0002"
READS, CENTRES = f"anpr/v1/demo/{UNIT}/reads/{FEED}", f"anpr/v1/demo/+/reads/{FEED}"


@pytest.fixture
def site(tmp_path: Path) -> EnrolmentSite:
    return make_enrolment_site(tmp_path)


def sent(site: EnrolmentSite, *reads: bytes) -> list[int]:
    """What the broker answers to a unit's reads."""
    with bare_client(HOST, site.port, site.credentials(UNIT).context(), "unit") as unit:
        return [unit.publish(READS, read) for read in reads]


def fetched(site: EnrolmentSite, count: int) -> list[bytes]:
    """What a centre gets that comes back; it subscribes the first time, when it has no session yet."""
    with bare_client(HOST, site.port, site.credentials("centre").context(), "centre") as centre:
        if not centre.session:
            centre.subscribe(CENTRES)
        return [read for _, read in centre.hears(count, within_s=5.0)]


@pytest.mark.parametrize("meanwhile", ["nothing", "reload", "restart"])
def test_reads_wait_for_a_centre_that_is_away(site: EnrolmentSite, meanwhile: str) -> None:
    with site.broker() as process:
        assert fetched(site, 0) == []
        assert sent(site, b"1", b"2") == [SUCCESS, SUCCESS]
        if meanwhile == "reload":
            process.send_signal(signal.SIGHUP)
        if meanwhile != "restart":
            assert sent(site, b"3") == [SUCCESS]
            assert fetched(site, 3) == [b"1", b"2", b"3"]
    if meanwhile == "restart":
        with site.broker():
            assert sent(site, b"3") == [SUCCESS]
            assert fetched(site, 3) == [b"1", b"2", b"3"]
