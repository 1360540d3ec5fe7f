"""The shape of the configuration: sections, keys, types, ranges and defaults.

What each key means stands in `example.toml`; docs/configuration.md joins the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

NAME_PATTERN = r"^[a-z0-9][a-z0-9-]{0,31}$"
RAW_KEY_PATTERN = r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"  # 32 bytes of canonical base64url
POLYGON_TEXT = "3 to 64 corners [x, y], each from 0 to 1, that enclose an area"
P256_KEY_PATTERN = r"A[A-Za-z0-9_-]{43}"  # 33 bytes of base64url, the first 2 or 3
HYBRID_KEY_PATTERN = r"[A-Za-z0-9_-]{1621}[AQgw]"  # 1216 bytes of canonical base64url


@dataclass(frozen=True, slots=True)
class Allowed:
    """Says in words what a key may hold, where type and range alone do not; `each` is for a list's items."""

    text: str
    each: str = ""


def _beside_file(value: object, info: ValidationInfo) -> object:
    """A relative path is meant from the configuration file's own folder."""
    if not isinstance(value, str) or not value:
        return value
    base: Path = info.context if isinstance(info.context, Path) else Path()
    return base / value


def _location_beside_file(value: str | None, info: ValidationInfo) -> str | None:
    return value if value is None or "://" in value else str(_beside_file(value, info))


Place = Annotated[Path, BeforeValidator(_beside_file), Allowed("a path in quotes")]
MaybePlace = Annotated[Path | None, BeforeValidator(_beside_file), Allowed("a path in quotes")]
Name = Annotated[
    str,
    Field(pattern=NAME_PATTERN),
    Allowed("1 to 32 lower-case letters, digits and hyphens, not starting with a hyphen"),
]
RecipientText = Annotated[
    str, Field(pattern=f"^(x25519:{RAW_KEY_PATTERN}|mlkem768-x25519:{HYBRID_KEY_PATTERN})$")
]
VERIFY_PATTERN = f"^(ed25519:{RAW_KEY_PATTERN}|p256:{P256_KEY_PATTERN})$"
VERIFY_WORDS = "a verifying key: `ed25519:` and 43 characters or `p256:` and 44, as `{}` prints it"
VerifyText = Annotated[
    str, Field(pattern=VERIFY_PATTERN), Allowed(VERIFY_WORDS.format("anpr-central keygen"))
]


class Section(BaseModel):
    """What all sections share: no unknown keys, no type coercion, no changes after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Unit(Section):
    """Who this unit is and where it keeps its state."""

    fleet: Name
    id: Name
    state_dir: Place = Path("/var/lib/anpr-edge")
    tpm: Annotated[str | None, Allowed("a TPM's device, or a TCTI's configuration")] = Field(
        default=None, pattern=r"^(/|[a-z0-9-]+(:|$)).*"
    )
    run_dir: Place = Path("/run/anpr-edge")

    @property
    def keys_dir(self) -> Path:
        """Where the unit's own keys lie, mode 0700."""
        return self.state_dir / "keys"


class Site(Section):
    """Where the unit stands."""

    name: str = Field(default="", max_length=64)
    lat_deg: float | None = Field(default=None, ge=-90, le=90)
    lon_deg: float | None = Field(default=None, ge=-180, le=180)


class Synthetic(Section):
    """The rendered road, for `camera.source = "synthetic"`."""

    vehicles: int = Field(default=6, ge=1, le=1000)
    seed: int = Field(default=1, ge=0, le=2**31 - 1)


class Camera(Section):
    """Where frames come from and how they are exposed."""

    source: Literal["picamera", "video", "images", "synthetic"] = "picamera"
    location: Annotated[str | None, AfterValidator(_location_beside_file)] = Field(default=None, min_length=1)
    width: int = Field(default=1280, ge=160, le=4096)
    height: int = Field(default=720, ge=120, le=3072)
    frame_rate: float = Field(default=30.0, ge=1, le=240)
    shutter_us: int = Field(default=500, ge=20, le=1_000_000)
    gain: float = Field(default=4.0, ge=1, le=64)
    stall_after_s: float = Field(default=5.0, ge=0.5, le=30)
    synthetic: Synthetic = Synthetic()


class ExposureSettings(Section):
    """How plates are kept from being too bright or too dark; for cameras whose shutter is ours to set."""

    mode: Literal["auto", "fixed"] = "auto"
    speed_limit_km_h: int = Field(default=113, ge=10, le=300)
    target_grey: int = Field(default=150, ge=60, le=220)
    max_gain: float = Field(default=8.0, ge=1, le=64)


class Gps(Section):
    """A GPS receiver that sends NMEA sentences over a serial line."""

    device: Place
    baud: Literal[4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800] = 9600


class IlluminatorSettings(Section):
    """The IR lamps, on a PWM channel of the kernel or on a lamp board."""

    pwm: MaybePlace = None
    board: MaybePlace = None
    level: float = Field(default=1.0, ge=0, le=1)
    day_level: float = Field(default=0.0, ge=0, le=1)


class Models(Section):
    """The detector and the recogniser."""

    directory: Place
    threads: int = Field(default=2, ge=1, le=16)
    detector_score_min: float | None = Field(default=None, ge=0.01, le=0.99)


def _polygon_area(corners: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    """Refuses corners that enclose nothing."""
    around = zip(corners, (*corners[1:], corners[0]), strict=True)
    if abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in around)) < 1e-6:
        raise ValueError("encloses nothing")
    return corners


Share = Annotated[float, Field(ge=0, le=1)]
Corner = Annotated[tuple[Share, Share], Field(strict=False)]
Polygon = Annotated[
    tuple[Corner, ...],
    Field(min_length=3, max_length=64, strict=False),
    AfterValidator(_polygon_area),
    Allowed(POLYGON_TEXT),
]
Polygons = Annotated[
    tuple[Polygon, ...],
    Field(max_length=32, strict=False),
    Allowed("a list of up to 32 polygons", each=POLYGON_TEXT),
]


class Lane(Section):
    """One lane, under a name that stands in its reads."""

    polygon: Polygon


class ViewSettings(Section):
    """Which parts of the picture count. Corners are shares of its width and height, [0, 0] top left."""

    regions: Polygons = ()
    exclusions: Polygons = ()
    lanes: Annotated[dict[Name, Lane], Allowed("sections [view.lanes.NAME]")] = {}


class Reading(Section):
    """When looks at one plate become a read."""

    min_confidence: float = Field(default=0.5, ge=0, le=1)
    min_plate_width_px: float = Field(default=40.0, ge=10, le=1000)
    max_delay_ms: int = Field(default=2000, ge=100, le=60_000)
    max_misses: int = Field(default=3, ge=0, le=100)
    repeat_within_s: float = Field(default=10.0, ge=0, le=3600)
    remind_every_s: float = Field(default=0.0, ge=0, le=86_400)
    any_text: bool = False
    motion_gate: bool = True
    heartbeat_frames: int = Field(default=5, ge=1, le=10_000)


class Feed(Section):
    """One recipient group, its purpose, and how long reads may wait for it on the unit."""

    purpose: str = Field(min_length=1, max_length=200)
    recipients: Annotated[
        tuple[RecipientText, ...],
        Field(min_length=1, max_length=16, strict=False),
        Allowed(
            "a list of 1 to 16 recipient keys in quotes",
            each="a recipient key: `x25519:` and 43 characters or `mlkem768-x25519:` and 1622, "
            "as `anpr-central keygen` prints it",
        ),
    ]
    ack_key: VerifyText
    retention_hours: float = Field(default=72.0, ge=0.1, le=744)


PolicyKeyText = Annotated[
    str, Field(pattern=VERIFY_PATTERN), Allowed(VERIFY_WORDS.format("anpr-fleet policy key"))
]


class PolicySettings(Section):
    """The signed policy that says which feeds there are, in the place of `[feeds.NAME]` sections."""

    file: Place = Path("/etc/anpr-edge/policy.cose")
    key: PolicyKeyText
    groups: Annotated[
        tuple[Name, ...],
        Field(max_length=32, strict=False),
        Allowed("a list of up to 32 names in quotes"),
    ] = ()


class CommandSettings(Section):
    """Whose commands the unit takes, and what it can be addressed by besides its name."""

    key_file: Place
    groups: Annotated[
        tuple[Name, ...],
        Field(max_length=32, strict=False),
        Allowed("a list of up to 32 names in quotes"),
    ] = ()


class OutboxSettings(Section):
    """Where sealed reads wait."""

    path: Place
    max_megabytes: int = Field(default=512, ge=1, le=65_536)
    commit_window_ms: int = Field(default=500, ge=0, le=5000)


HostText = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9._:-]{1,253}$"),
    Allowed("a host name or address alone, without scheme or port"),
]


class Standby(Section):
    """Another broker of the fleet, for when those before it fail."""

    host: HostText
    port: int = Field(default=8883, ge=1, le=65_535)


class Broker(Section):
    """The MQTT broker and the unit's credentials for it."""

    host: HostText
    port: int = Field(default=8883, ge=1, le=65_535)
    ca_file: Place
    cert_file: Place
    key_file: Place
    keep_alive_s: int = Field(default=60, ge=5, le=3600)
    in_flight: int = Field(default=20, ge=1, le=1000)
    session_expiry_s: int = Field(default=3600, ge=0, le=604_800)
    failover_after: int = Field(default=3, ge=1, le=100)
    failover_after_s: float = Field(default=60.0, ge=1, le=86_400)
    return_after_s: float = Field(default=900.0, ge=1, le=86_400)
    standby: Annotated[dict[Name, Standby], Allowed("sections [broker.standby.NAME]")] = {}


class UplinkSettings(Section):
    """How fast the backlog goes out, and what a metered link may carry."""

    backlog_per_s: float = Field(default=5.0, ge=0.01, le=1000)
    backlog_spread_s: float = Field(default=10.0, ge=0, le=3600)
    backlog_unconfirmed: int = Field(default=2, ge=1, le=1000)
    daily_megabytes: float | None = Field(default=None, ge=0.1, le=1_000_000)


class UpdateSettings(Section):
    """Where ordered updates come from, and how long a new system has to show that it works."""

    host: HostText | None = None
    port: int = Field(default=443, ge=1, le=65_535)
    kilobytes_per_s: int = Field(default=500, ge=1, le=100_000)
    gate_minutes: float = Field(default=15.0, ge=2, le=30)


class Log(Section):
    """What is logged."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(Section):
    """The whole configuration of one unit."""

    unit: Unit
    site: Site = Site()
    camera: Camera = Camera()
    exposure: ExposureSettings = ExposureSettings()
    gps: Gps | None = None
    illuminator: IlluminatorSettings | None = None
    models: Models
    view: ViewSettings = ViewSettings()
    reading: Reading = Reading()
    feeds: Annotated[dict[Name, Feed], Allowed("sections [feeds.NAME]")] = {}
    policy: PolicySettings | None = None
    commands: CommandSettings
    outbox: OutboxSettings
    broker: Broker
    uplink: UplinkSettings = UplinkSettings()
    update: UpdateSettings = UpdateSettings()
    log: Log = Log()
