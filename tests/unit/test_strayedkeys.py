"""A private key that opens a feed is found on the unit, and nothing else is complained of."""

from __future__ import annotations

import time
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import tomli_w

from anpr_edge.cli.edge import main
from anpr_edge.config import load_config
from anpr_edge.diag.checks.recipients import CHECK
from anpr_edge.diag.condition import Verdict
from anpr_edge.seal.policy.model import Recipient
from anpr_edge.seal.policy.signed import sign_policy
from tests.unit.diag.bench import Bench, make_bench
from tests.unit.seal.policies import KEY, POLICE, POLICY
from tests.vectors.keys import recipient

PRIVATE = recipient("of the feed")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = make_bench(tmp_path)
    config = bench.config.read_text()
    known = load_config(bench.config).feeds["access"].recipients[0]
    bench.config.write_text(config.replace(known, PRIVATE.public.text))
    return bench


def under_policy(bench: Bench) -> None:
    """The feeds come from a policy that offers a police feed, which has not been taken."""
    police = replace(POLICE, recipients=(Recipient("Police", PRIVATE.public.text),))
    now_s = int(time.time())
    policy = replace(POLICY, from_utc_s=now_s - 60, until_utc_s=now_s + 3600, feeds=(police,))
    document = tomllib.loads(bench.config.read_text())
    del document["feeds"]
    document["policy"] = {"file": "policy.cose", "key": KEY.public.text}
    bench.config.write_text(tomli_w.dumps(document))
    (bench.directory / "policy.cose").write_bytes(sign_policy(policy, KEY))


def test_a_unit_as_it_should_be(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    recipient("of another feed").save(bench.keys / "another.pem")
    assert bench.find(CHECK)["recipient-keys"].verdict is Verdict.OK
    assert main(["config", "check", str(bench.config)]) == 0


@pytest.mark.parametrize("place", ["recipient.pem", "state/keys/open.pem", "state/backup/old/notes.txt"])
def test_a_key_that_opens_a_feed_is_named(
    bench: Bench, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = bench.directory / place
    file.parent.mkdir(parents=True, exist_ok=True)
    PRIVATE.save(file)
    found = bench.find(CHECK)["recipient-keys"]
    assert (found.verdict, found.measured) == (Verdict.FAIL, f"{file}: opens feed access")
    assert f"shred -u {file}" in found.next
    assert main(["config", "check", str(bench.config)]) == 78
    assert f"{file}: a private key that opens feed access" in capsys.readouterr().out
    assert main(["config", "check", "--json", str(bench.config)]) == 78
    assert '"ok": false' in capsys.readouterr().out


def test_the_policy_that_is_offered_counts_too(bench: Bench) -> None:
    under_policy(bench)
    assert bench.find(CHECK)["recipient-keys"].verdict is Verdict.OK
    PRIVATE.save(bench.keys / "stray.pem")
    assert bench.find(CHECK)["recipient-keys"].measured.endswith("stray.pem: opens feed police")
