"""All vectors of single sealed reads: good ones, and bad ones with exactly one fault each."""

from __future__ import annotations

from tests.vectors.cases_envelope import ADDRESS, HEADER, SHAPE, SIGNATURE
from tests.vectors.cases_good import GOOD
from tests.vectors.cases_hybrid import HYBRID_FAULTS
from tests.vectors.cases_payload import PAYLOAD

CASES = GOOD + SHAPE + HEADER + SIGNATURE + ADDRESS + PAYLOAD + HYBRID_FAULTS
