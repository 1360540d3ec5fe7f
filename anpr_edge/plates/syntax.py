"""National syntaxes: which pattern a plate's text fits, as data.

A match ranks readings that look alike, such as O and 0; it never rewrites what was seen. A pattern
that several countries share has no region. Patterns loose enough to fit nearly anything (a German
plate is one to five letters and one to four digits) are left out: a match with them says nothing.

Sources. United Kingdom: DVLA INF104, "Vehicle registration numbers and number plates" (memory tags,
age identifiers, letters not used). Elsewhere: France, arrêté of 9 February 2009; Spain, order of 15
September 2000; Ireland, year-half-county-number since 2013; Netherlands, RDW sidecodes 4 to 10;
Czechia, act 56/2001.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_LOOKALIKES = str.maketrans("OQI", "001")
"""Characters drawn alike on plates. Source: in the UK type face O and 0, and I and 1, are the same."""


MAX_CHARACTERS, MAX_LETTERS_TOGETHER = 8, 5
"""Source: German plates, FZV annex 4 (8 characters, 3 + 2 letters together, no number beginning with 0), are
the longest of those that fit no pattern here."""
MAX_RUNS = 4
"""Letters and digits take turns so often at most, as in Poland's `WA 12A34`; A406 M25 N is a sign."""
MAX_NUMBER = 6
"""Digits of a plate that has nothing else. Source: Luxembourg has 5, diplomatic and older series 6."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One national syntax: a regular expression without groups that capture.

    `prior` is how much a fit speaks for a reading, next to no fit at all.
    """

    name: str
    region: str | None
    regex: str
    prior: float


@dataclass(frozen=True, slots=True)
class SyntaxMatch:
    """The pattern a text fits: its name, such as `gb:current`, and its ISO 3166-1 country."""

    name: str
    region: str | None
    text: str


_STRONG, _FAIR, _WEAK = 20.0, 8.0, 3.0
"""Fixes letter or digit at every place and covers most vehicles of a country; fixes the order only, or
fewer vehicles; open in number and order. Our own judgement."""

_TAG = "[A-HJ-PR-Y]"  # memory tag: never I, Q or Z
_LAST = "[A-HJ-PR-Z]"  # last three since 2001: never I or Q
_YEAR = "[A-HJ-NPR-TV-Y]"  # year letter 1963 to 2001: never I, O, Q, U or Z
_AGE = "(?:0[2-9]|[1-4][0-9]|5[1-9]|[6-9][0-9])"  # 51 is September 2001, 02 is March 2002
_IRISH_COUNTY = "(?:C[ENW]?|DL?|G|K[EKY]|L[DHMS]?|M[HNO]|OY|RN|SO|T|W[HWX]?)"
_DUTCH = "[BDFGHJKLMNPRSTVWXZ]"
_SPANISH = "[BCDFGHJKLMNPRSTVWXYZ]"

PATTERNS: tuple[Pattern, ...] = (
    Pattern("gb:current", "GB", f"{_TAG}{{2}}{_AGE}{_LAST}{{3}}", _STRONG),
    Pattern("gb:prefix", "GB", f"(?:{_YEAR}|Q)[1-9][0-9]{{0,2}}{_TAG}{{3}}", _FAIR),
    Pattern("gb:suffix", "GB", f"{_TAG}{{3}}[1-9][0-9]{{0,2}}{_YEAR}", _FAIR),
    Pattern("gb:northern-ireland", "GB", "(?:[A-Z]?[A-Z]Z|[A-Z]?I[A-Z])[1-9][0-9]{0,3}", _FAIR),
    Pattern("gb:diplomatic", "GB", "[0-9]{3}[DX][0-9]{3}", _FAIR),
    Pattern("im:three-letter", "IM", "(?:MAN|[A-Z]MN)[1-9][0-9]{0,3}", _FAIR),
    # France, Italy and others share this shape: the text cannot say which
    Pattern("eu:aa000aa", None, "[A-HJ-NP-TV-Z]{2}[0-9]{3}[A-HJ-NP-TV-Z]{2}", _STRONG),
    Pattern("es:current", "ES", f"[0-9]{{4}}{_SPANISH}{{3}}", _STRONG),
    Pattern("ie:current", "IE", f"(?:1[3-9]|[2-9][0-9])[12]{_IRISH_COUNTY}[1-9][0-9]{{0,5}}", _FAIR),
    Pattern("cz:2001", "CZ", "[1-9][ABCEHJKLMPSTUZ][0-9A-Z][0-9]{4}", _FAIR),
    Pattern("nl:sidecode-4", "NL", f"{_DUTCH}{{2}}[0-9]{{2}}{_DUTCH}{{2}}", _FAIR),
    Pattern("nl:sidecode-5", "NL", f"{_DUTCH}{{4}}[0-9]{{2}}", _FAIR),
    Pattern("nl:sidecode-6", "NL", f"[0-9]{{2}}{_DUTCH}{{4}}", _FAIR),
    Pattern("nl:sidecode-7", "NL", f"[0-9]{{2}}{_DUTCH}{{3}}[0-9]", _FAIR),
    Pattern("nl:sidecode-8", "NL", f"[0-9]{_DUTCH}{{3}}[0-9]{{2}}", _FAIR),
    Pattern("nl:sidecode-9", "NL", f"{_DUTCH}{{2}}[0-9]{{3}}{_DUTCH}", _FAIR),
    Pattern("nl:sidecode-10", "NL", f"{_DUTCH}[0-9]{{3}}{_DUTCH}{{2}}", _FAIR),
    # United Kingdom before 1963: letters and digits in almost any number, in either order
    Pattern("gb:dateless", "GB", "[A-Z]{3}[1-9][0-9]{0,2}|[1-9][0-9]{0,2}[A-Z]{3}", _WEAK),
    Pattern("gb:dateless-short", "GB", "[A-Z]{1,2}[1-9][0-9]{0,3}|[1-9][0-9]{0,3}[A-Z]{1,2}", _WEAK),
)

_ANY = re.compile("|".join(f"({pattern.regex})" for pattern in PATTERNS))
"""All of them at once, each a group: the one that took part is the first that fits."""


def match(text: str) -> SyntaxMatch | None:
    """The narrowest pattern the whole of `text` fits, or None."""
    found = _find(text)
    return SyntaxMatch(found.name, found.region, text) if found else None


def prior(text: str) -> float:
    """How much more a text of this shape is to be expected than one of no known shape (1)."""
    found = _find(text)
    return found.prior if found else 1.0


def speaks_for_itself(text: str) -> bool:
    """Whether `text` fits a pattern so narrow that lettering on a sign will hardly ever fit it."""
    return prior(text) >= _STRONG


def could_be_plate(text: str) -> bool:
    """Whether `text` has a shape that some country's plates have: words and telephone numbers have none."""
    if _find(text):
        return True
    digits = "".join(character for character in text if character.isdigit())
    word = max((len(run) for run in re.findall("[A-Z]+", text)), default=0)
    longest = MAX_NUMBER if digits == text else MAX_CHARACTERS
    runs = len(re.findall("[A-Z]+|[0-9]+", text))
    dialled = re.search("[A-Z]{4}0", text)
    short = word <= MAX_LETTERS_TOGETHER and runs <= MAX_RUNS and len(text) <= longest
    # No plate's number is a lone 0: that is an O, as in SLOW on the road.
    return digits not in ("", "0") and short and not dialled


def fold(text: str) -> str:
    """`text` with characters that are drawn alike made one: O and Q as 0, I as 1."""
    return text.translate(_LOOKALIKES)


def _find(text: str) -> Pattern | None:
    fit = _ANY.fullmatch(text)
    return PATTERNS[fit.lastindex - 1] if fit and fit.lastindex else None
