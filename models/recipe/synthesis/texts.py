"""What is written on a made-up plate: national patterns as data, and texts drawn from them.

A pattern is read from left to right. ``L`` is a letter, ``D`` a digit, ``X`` either; the same in lower case
is there half of the time, and ``R`` is one of the nation's own region codes. A space is a gap, ``-`` a drawn
hyphen, ``*`` a seal or coat of arms, ``:`` two stickers one above the other, ``^`` a stack of small letters
or a picture, and ``/`` the place where the two-row form of the plate breaks. None of these marks belongs to
the plate's text.

Source: registration formats as published by the national authorities; British syntax: DVLA INF104 and INF46.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS: Final = "0123456789"
SEPARATORS: Final = " -*:^"


@dataclass(frozen=True)
class Nation:
    """One family of plates: how often it is drawn, its band, its alphabet and its patterns."""

    family: str
    code: str
    weight: float
    patterns: tuple[str, ...]
    letters: str = LETTERS
    bands: str = "left"
    """``left``, ``both`` or ``none``: on which sides a band with the nation's letters is usual."""
    regions: str = ""
    """Region codes that ``R`` stands for, separated by spaces."""


@dataclass(frozen=True)
class PlateText:
    """A text laid out in rows; each row is characters and separators as they stand on the plate."""

    rows: tuple[str, ...]
    nation: Nation

    @property
    def text(self) -> str:
        """The characters alone, in reading order: what the recogniser should say."""
        return "".join(char for row in self.rows for char in row if char not in SEPARATORS)


_UK_LETTERS: Final = "ABCDEFGHJKLMNOPRSTUVWXYZ"
_NO_O_OR_Q: Final = "ABCDEFGHJKLMNPRSTUVWXYZ"
_PLAIN_IT: Final = "ABCDEFGHJKLMNPRSTVWXYZ"

_ROMANIAN: Final = (
    "IF IF IF IL IL IS IS AB AR AG BC BH BN BR BT BV BZ CJ CL CS CT CV DB DJ GJ GL GR HD HR IF IL IS"
    " MH MM MS NT OT PH SB SJ SM SV TL TM TR VL VN VS"
)
"""Those with an I first several times: beside a band it is the character most easily lost."""
_GERMAN: Final = (
    "A AA AC B BI BN BO C D DA DD DO DU E EM ER F FB FN FR FRG G GI H HD HH HN HR HRO J K KA KI KS L LA LB LU"
    " M MA MB MI MTK MZ N NE OF OL P PB R RA RE RO S SB SG SW TR TO UL V W WI WN WOB WU Z"
)
_AUSTRIAN: Final = (
    "W G L S I K P B BN BR BZ BA DO E EF FE FB FF GF GM GU HA HL IL KB KF KI KO KU LA LB LE MD ML MU OP PL RA"
)
_SWISS: Final = "ZH BE LU UR SZ OW NW GL ZG FR SO BS BL SH AR AI SG GR AG TG TI VD VS NE GE JU"
_SLOVAK: Final = (
    "BA BL BB BJ BN BR BY CA DK DS DT GA GL HC HE IL KA KE KK KM KN KS LC LE LM LV MA MI MT MY NM NO NR NZ"
    " PB PD PE PO PP PT PU RA RK RS RV SA SC SE SI SK SL SN SO SP SV TN TO TR TS TT TV VK VT ZA ZC ZH ZM ZV"
)
_SLOVENE: Final = "LJ MB CE KP KR GO NM MS SG PO KK"
_CROATIAN: Final = "ZG ST RI OS ZD PU SB VK VZ KA SK SI DU KC CK BJ VU GS KR DJ IM KT ND NA NG"
_BULGARIAN: Final = "A B BH BP BT C CA CB CC CH CM CO CT E EB EH H K KH M OB P PA PB PK PP T TX X Y"

NATIONS: Final = (
    Nation("uk", "UK", 10.0, ("LLDD/ LLL",), _UK_LETTERS),
    Nation("uk", "GB", 2.0, ("LDdd/ LLL", "LLL/ DddL"), _UK_LETTERS),
    Nation("uk", "UK", 1.5, ("LlDDdd", "DDddLl", "LLlDDd", "DDdLLl", "LLl/ DDdd"), _UK_LETTERS, "none"),
    Nation("uk", "NI", 1.0, ("LIL/ DDdd", "LLZ/ DDdd", "LIl DDdd"), _UK_LETTERS, "none"),
    Nation("uk", "GB", 0.4, ("DDDLDDD", "DD LL DD", "DDD LLl", "DDDDD"), _UK_LETTERS, "none"),
    Nation("eu", "D", 4.0, ("R:/Ll Dddd", "Lll:/Ll Dddd", "R*/Ll Dddd", "Lll:/Ll DDdD"), regions=_GERMAN),
    Nation("eu", "F", 2.0, ("LL-DDD/-LL", "LL-DDD-LL", "DDDd/ LLl DD"), bands="both"),
    Nation("eu", "I", 2.0, ("LL /DDDLL", "LL DDDLL"), _PLAIN_IT, "both"),
    Nation("eu", "E", 1.5, ("DDDD/ LLL", "Ll-DDDD/-Ll"), _NO_O_OR_Q),
    Nation("eu", "PL", 2.0, ("LLl*/DDDDd", "LLl /DDDLL", "LLl*/DDDL", "LLl /LDDD", "LLl*/DLDDd")),
    Nation(
        "eu",
        "NL",
        2.5,
        ("LL-DD/-LL", "DD-LLL/-D", "D-LLL/-DD", "LL-DDD/-L", "DD/-LL-LL", "LL-/LL-DD", "L-DDD/-LL"),
    ),
    Nation("eu", "B", 1.2, ("D-LLL/-DDD", "LLL-/DDD", "DDD-/LLL"), bands="left"),
    Nation("eu", "A", 2.5, ("R*/DDDDL", "R*/DdDLL", "L*/DDDDDL", "R*/DLLL", "W*/DDDDDL"), regions=_AUSTRIAN),
    Nation("eu", "CH", 1.5, ("*R*/DDDDdd", "R DDDDdd", "R:DDDDdd"), bands="none", regions=_SWISS),
    Nation("eu", "CZ", 2.5, ("DLD*/DDDD", "DLD /DDDD", "DLL*/DDDD", "LLL DD-DD", "DLD:/DDDD")),
    Nation("eu", "SK", 2.5, ("R*/DDDLL", "R*DDDLL", "R-DDDLL"), regions=_SLOVAK),
    Nation("eu", "H", 1.5, ("LLL-/DDD", "LLL:/DDD", "LL/ LL*DDD", "LLL*/DDD")),
    Nation(
        "eu", "RO", 7.0, ("R DD/ LLL", "B DDd/ LLL", "R DD LLL", "B DDd LLL", "R DDDDDD"), regions=_ROMANIAN
    ),
    Nation("eu", "BG", 1.2, ("R /DDDD LL", "R DDDD LL"), "ABCEHKMOPTXY", regions=_BULGARIAN),
    Nation("eu", "SLO", 2.0, ("R*/LL-DDD", "R*LD-DDL", "R*DD-DLL", "R*DDD-LL"), regions=_SLOVENE),
    Nation("eu", "HR", 2.0, ("R*/DDDd-Ll", "R*DDDd-LL"), regions=_CROATIAN),
    Nation("eu", "S", 1.2, ("LLL/ DDD", "LLL:DDD", "LLL DDL"), _NO_O_OR_Q),
    Nation("eu", "FIN", 1.0, ("LLL-/DDD", "LLL-DDd")),
    Nation("eu", "N", 1.5, ("LL/ DDDDd", "LL DDDDD")),
    Nation("eu", "DK", 1.5, ("LL DD/ DDD", "LL/ DDDDD", "LL DD DDD")),
    Nation("eu", "EST", 0.8, ("DDD/ LLL", "DDD LLL")),
    Nation("eu", "LV", 0.8, ("LL-/DDDd", "LL-DDDd")),
    Nation("eu", "LT", 0.8, ("LLL:/DDD", "LLL DDD")),
    Nation("eu", "P", 1.2, ("DD-DD/-LL", "DD-LL-DD", "LL-DD-LL")),
    Nation("eu", "IRL", 1.2, ("DDd-L/-DDDDdd", "DDd-Ll-DDDdd"), "CDEGHKLMORSTWX"),
    Nation("eu", "L", 0.8, ("LL /DDDD", "DDDDd", "Ll DDDDd")),
    Nation("eu", "GR", 0.8, ("LLL-/DDDd",), "ABEHIKMNOPTXYZ"),
    Nation("eu", "UA", 0.6, ("LL /DDDDLL", "LL DDDD LL"), "ABCEHIKMOPTX"),
    Nation("eu", "RUS", 0.6, ("LDDD/LL", "L DDD LL"), "ABCEHKMOPTXY"),
    Nation("eu", "TR", 0.6, ("DD LLl/ DDDd",)),
    Nation("eu", "SRB", 0.8, ("LL*/DDDd-LL", "LL DDDd-LL")),
    Nation("eu", "BIH", 0.6, ("LDD-L/-DDD", "DDD-L-DDD"), "AEJKMOT"),
    Nation("eu", "M", 0.3, ("LLL-/DDD", "LLL DDD")),
    Nation("eu", "FL", 0.3, ("LL*DDDDd",), bands="none"),
    Nation("us", "US", 6.0, ("LLL DDDD", "LLL-DDDd", "LLL*DDDd", "DLLLDDD", "DDD LLL", "DDD*LLL", "LLL DDL")),
    Nation(
        "us",
        "US",
        3.0,
        ("LL DDDDd", "DDDDDDd", "LDDDDDd", "DLL DDDD", "LDD DLL", "DDLL DDd", "LLDD LDd", "DDD-DDDd"),
    ),
    Nation("us", "US", 2.0, ("^LLLDDDd", "^DDDDd", "^LL DDd^", "LLL^DDDd", "D^DDDdL", "DDdd^LL", "^DDDDDDd")),
    Nation("us", "US", 3.0, ("LLlllll", "LLll LLl", "LLLLllX", "XXxxxxx", "LLLlDd", "DLLLLll")),
    Nation("br", "BR", 3.0, ("LLL-/DDDD", "LLL-DDDD", "LLL:DDDD"), bands="none"),
    Nation("br", "BR", 1.5, ("LLLDL/DD", "LLLDLDD"), bands="none"),
    Nation("ar", "AR", 3.0, ("LLL*DDD", "LLL DDD", "LLL/DDD"), bands="none"),
    Nation("ar", "AR", 1.0, ("LL DDD LL", "LL DDD/LL"), bands="none"),
    Nation(
        "any",
        "XX",
        6.0,
        ("XXXxxxxx", "XXx XXxx", "XXXx-XXx", "XXXx/XXxxx", "Xx/XXXxx", "XX XX xX", "XXXXXXXxx"),
    ),
)


@cache
def _odds(codes: tuple[str, ...]) -> npt.NDArray[np.float64]:
    weights = np.array([nation.weight * (not codes or nation.code in codes) for nation in NATIONS])
    share: npt.NDArray[np.float64] = weights / weights.sum()
    return share


def random_text(
    rng: np.random.Generator, two_row_share: float = 0.2, codes: tuple[str, ...] = ()
) -> PlateText:
    """Draw a nation (one of ``codes`` where given), one of its patterns, and characters that fit it.

    ``two_row_share`` is how often a pattern that has a two-row form takes it.
    """
    nation = NATIONS[int(rng.choice(len(NATIONS), p=_odds(codes)))]
    pattern = nation.patterns[int(rng.integers(len(nation.patterns)))]
    marks = fill_pattern(rng, pattern, nation.letters, tuple(nation.regions.split()))
    if "/" in marks and rng.random() < two_row_share:
        upper, lower = marks.split("/")
        return PlateText((upper.strip(" -"), lower.strip(" -")), nation)
    return PlateText((marks.replace("/", ""),), nation)


def fill_pattern(
    rng: np.random.Generator, pattern: str, letters: str = LETTERS, regions: tuple[str, ...] = ()
) -> str:
    """Replace the pattern's placeholders by characters; separators and the row break stay.

    I and 1 come three times as often as the others: beside a band or an edge they are the easiest to lose.
    A letter outside the placeholders (``B``, ``W``, ``I``, ``Z``) stands for itself.
    """
    thin = "II" if "I" in letters else ""
    pools: dict[str, Sequence[str]] = {
        "L": letters + thin,
        "D": DIGITS + "11",
        "X": LETTERS + DIGITS,
        "R": regions,
    }
    filled = []
    for mark in pattern:
        if mark.islower() and rng.random() < 0.5:
            continue
        pool = pools.get(mark.upper() if mark.islower() else mark)
        filled.append(mark if pool is None else pool[int(rng.integers(len(pool)))])
    return "".join(filled)
