"""Configurations with something wrong, and every word said of them."""

from __future__ import annotations

from anpr_edge.config.rules import PLACEHOLDER_KEY
from tests.unit.config.samples import ACK_KEY, HYBRID_RECIPIENT, MINIMAL, OTHER_RECIPIENT, RECIPIENT

POLYGON_RULE = "3 to 64 corners [x, y], each from 0 to 1, that enclose an area"
NAME_RULE = "1 to 32 lower-case letters, digits and hyphens, not starting with a hyphen"
RECIPIENT_RULE = (
    "a recipient key: `x25519:` and 43 characters or `mlkem768-x25519:` and 1622, "
    "as `anpr-central keygen` prints it"
)
VERIFY_RULE = (
    "a verifying key: `ed25519:` and 43 characters or `p256:` and 44, as `anpr-central keygen` prints it"
)

BAD = {
    "unknown key": (
        "[camera]\nshuter_us = 500\n",
        ["14: camera.shuter_us: unknown key; did you mean shutter_us?"],
    ),
    "unknown key, nothing near": (
        "[log]\ncolour = true\n",
        ["14: log.colour: unknown key; [log] may have level"],
    ),
    "key of another section": (
        "[site]\nshutter_us = 500\n",
        ["14: site.shutter_us: unknown key here; did you mean camera.shutter_us?"],
    ),
    "unknown section": ("[cammera]\nwidth = 640\n", ["13: cammera: unknown section; did you mean camera?"]),
    "text for a number": (
        '[camera]\nwidth = "1280"\n',
        ['14: camera.width: "1280" is not allowed; must be a whole number from 160 to 4096'],
    ),
    "fraction for a whole number": (
        "[camera]\nwidth = 640.5\n",
        ["14: camera.width: 640.5 is not allowed; must be a whole number from 160 to 4096"],
    ),
    "number for true or false": (
        "[reading]\nmotion_gate = 1\n",
        ["14: reading.motion_gate: 1 is not allowed; must be true or false"],
    ),
    "truth for a number": (
        "[camera]\ngain = true\n",
        ["14: camera.gain: true is not allowed; must be a number from 1 to 64"],
    ),
    "infinity": (
        "[camera]\nframe_rate = inf\n",
        ["14: camera.frame_rate: inf is not allowed; must be a number from 1 to 240"],
    ),
    "not a number": (
        "[illuminator]\npwm = '/sys/x'\nlevel = nan\n",
        ["15: illuminator.level: nan is not allowed; must be a number from 0 to 1"],
    ),
    "lamps without a driver": (
        "[illuminator]\nlevel = 0.5\n",
        ["13: illuminator.pwm: missing; the lamps need illuminator.pwm or illuminator.board"],
    ),
    "lamps with two drivers": (
        "[illuminator]\npwm = '/sys/x'\nboard = '/dev/x'\n",
        ["15: illuminator.board: illuminator.pwm is given too; lamps have one driver"],
    ),
    "below range": (
        "[reading]\nmin_confidence = -0.1\n",
        ["14: reading.min_confidence: -0.1 is not allowed; must be a number from 0 to 1"],
    ),
    "corner outside the picture": (
        "[view]\nregions = [[[0, 0], [1.5, 0], [1, 1]]]\n",
        [f"14: view.regions[0][1][0]: 1.5 is not allowed; must be {POLYGON_RULE}"],
    ),
    "polygon without area": (
        "[view]\nexclusions = [[[0, 0], [0.5, 0.5], [1, 1]]]\n",
        [f"14: view.exclusions[0]: [[0, 0], [0.5, 0.5], [1, 1]] is not allowed; must be {POLYGON_RULE}"],
    ),
    "too few corners": (
        "[view.lanes.near]\npolygon = [[0, 0], [1, 1]]\n",
        [f"14: view.lanes.near.polygon: [[0, 0], [1, 1]] is not allowed; must be {POLYGON_RULE}"],
    ),
    "above range": (
        "[site]\nlat_deg = 91\nlon_deg = 0\n",
        ["14: site.lat_deg: 91 is not allowed; must be a number from -90 to 90"],
    ),
    "not one of a few": (
        '[camera]\nsource = "webcam"\n',
        [
            '14: camera.source: "webcam" is not allowed; must be one of '
            '"picamera", "video", "images", "synthetic"'
        ],
    ),
    "an odd speed": (
        '[gps]\ndevice = "/dev/ttyS0"\nbaud = 9601\n',
        [
            "15: gps.baud: 9601 is not allowed; must be one of "
            "4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800"
        ],
    ),
    "value for a section": (
        "gps = 5\n",
        ["1: gps: 5 is not allowed; must be a section with device"],
    ),
    "section without what it needs": (
        "[gps]\nbaud = 9600\n",
        ["13: gps.device: missing; needs a path in quotes"],
    ),
    "a date": (
        "[camera]\nwidth = 2026-11-22\n",
        ["14: camera.width: 2026-11-22 is not allowed; must be a whole number from 160 to 4096"],
    ),
    "shutter longer than a frame": (
        "[camera]\nshutter_us = 40000\n",
        ["14: camera.shutter_us: 40000 is longer than a frame; at most 33333 at 30 frames/s"],
    ),
    "half a position": (
        "[site]\nlat_deg = 51.5\n",
        ["13: site.lon_deg: missing; site.lat_deg is given, and a position needs both or neither"],
    ),
    "video from nowhere": (
        '[camera]\nsource = "video"\n',
        [
            '13: camera.location: missing; camera.source = "video" needs '
            "a file, rtsp:// address or /dev/video0",
        ],
    ),
    "images from nowhere": (
        '[camera]\nsource = "images"\n',
        ['13: camera.location: missing; camera.source = "images" needs a file or folder'],
    ),
    "feed with a name no topic may have": (
        f'[feeds."Police+"]\npurpose = "x"\nrecipients = ["{RECIPIENT}"]\nack_key = "{ACK_KEY}"\n',
        [f'13: feeds.Police+: "Police+" is not allowed as a name; must be {NAME_RULE}'],
    ),
    "feed without a recipient": (
        f'[feeds.police]\npurpose = "x"\nrecipients = []\nack_key = "{ACK_KEY}"\n',
        [
            "15: feeds.police.recipients: the value is not allowed; "
            "must be a list of 1 to 16 recipient keys in quotes"
        ],
    ),
    "keys changed over": (
        f'[feeds.police]\npurpose = "x"\nrecipients = ["{ACK_KEY}"]\nack_key = "{RECIPIENT}"\n',
        [
            f"15: feeds.police.recipients[0]: the value is not allowed; must be {RECIPIENT_RULE}",
            f"16: feeds.police.ack_key: the value is not allowed; must be {VERIFY_RULE}",
        ],
    ),
    "hybrid key cut short": (
        f'[feeds.police]\npurpose = "x"\nrecipients = ["{HYBRID_RECIPIENT[:-1]}"]\nack_key = "{ACK_KEY}"\n',
        [f"15: feeds.police.recipients[0]: the value is not allowed; must be {RECIPIENT_RULE}"],
    ),
    "recipient twice": (
        f'[feeds.police]\npurpose = "x"\nrecipients = [\n  "{OTHER_RECIPIENT}",\n  "{OTHER_RECIPIENT}",\n]\n'
        f'ack_key = "{ACK_KEY}"\n',
        ["17: feeds.police.recipients[1]: names the same recipient a second time"],
    ),
    "placeholder left": (
        f'[feeds.police]\npurpose = "x"\nrecipients = ["x25519:{PLACEHOLDER_KEY}"]\nack_key = "{ACK_KEY}"\n',
        [
            "15: feeds.police.recipients[0]: still the example's placeholder; "
            "put the key here that `anpr-central keygen` printed"
        ],
    ),
    "policy key left a placeholder": (
        f'[policy]\nkey = "ed25519:{PLACEHOLDER_KEY}"\n',
        [
            "13: policy: [feeds] is given too; a unit has its own feeds or a signed policy, not both",
            "14: policy.key: still the example's placeholder; "
            "put the key here that `anpr-fleet policy key` printed",
        ],
    ),
    "feeds from two places": (
        f'[policy]\nkey = "{ACK_KEY}"\n',
        ["13: policy: [feeds] is given too; a unit has its own feeds or a signed policy, not both"],
    ),
    "several at once, in the order of the file": (
        '[log]\nlevel = "loud"\n[camera]\nshuter_us = 1\nsource = "images"\n',
        [
            '14: log.level: "loud" is not allowed; must be one of "debug", "info", "warning", "error"',
            '15: camera.location: missing; camera.source = "images" needs a file or folder',
            "16: camera.shuter_us: unknown key; did you mean shutter_us?",
        ],
    ),
}
"""What is added to the sample from line 13 on, and the problems without the file's name."""

ALTERED = {
    "no unit": (
        MINIMAL[MINIMAL.index("[feeds") :],
        ["unit.toml: unit: missing; needs a section with fleet, id"],
    ),
    "no feed": (
        '[unit]\nfleet = "a"\nid = "b"\n[broker]\nhost = "c"\n',
        ["unit.toml: feeds: missing; needs at least one section [feeds.NAME], or [policy]"],
    ),
    "misspelt section hides what is missing": (
        MINIMAL.replace("[unit]", "[unti]"),
        ["unit.toml:1: unti: unknown section; did you mean unit?"],
    ),
    "misspelt needed key hides what is missing": (
        MINIMAL.replace("host", "hots"),
        ["unit.toml:11: broker.hots: unknown key; did you mean host?"],
    ),
    "address for a host": (
        MINIMAL.replace("broker.example", "mqtts://broker.example/"),
        [
            'unit.toml:11: broker.host: "mqtts://broker.example/" is not allowed; '
            "must be a host name or address alone, without scheme or port"
        ],
    ),
    "name with capitals": (
        MINIMAL.replace('"unit-7"', '"Unit 7"'),
        [f'unit.toml:3: unit.id: "Unit 7" is not allowed; must be {NAME_RULE}'],
    ),
    "name of a number": (
        MINIMAL.replace('"unit-7"', "7"),
        [f"unit.toml:3: unit.id: 7 is not allowed; must be {NAME_RULE}"],
    ),
    "key twice": (
        MINIMAL.replace('id = "unit-7"', 'id = "unit-7"\nfleet = "paris"'),
        ["unit.toml:4: unit.fleet: given twice; first on line 2"],
    ),
    "section twice": (
        f"{MINIMAL}[unit]\n",
        ["unit.toml:12: not TOML: cannot declare ('unit',) twice"],
    ),
    "no value": (
        MINIMAL.replace('"unit-7"', ""),
        ["unit.toml:3: not TOML: invalid value"],
    ),
    "no quotes": (
        MINIMAL.replace('"unit-7"', "unit-7"),
        ["unit.toml:3: not TOML: invalid value"],
    ),
    "open quote": (
        MINIMAL.replace('"unit-7"', '"unit-7'),
        [r"unit.toml:3: not TOML: illegal character '\n'"],
    ),
}
"""The sample with something taken out or changed, and the problems."""

SECRETS = {
    "a password": '[broker2]\npassword = "hunter2hunter2"\n',
    "an address with a password": '[camera]\nsource = 3\nlocation = ["rtsp://admin:hunter2@192.0.2.1/"]\n',
    "a private key": '[feeds.x]\nrecipients = ["---BEGIN hunter2"]\nack_key = "hunter2hunter2"\n',
    "a token where a number goes": '[camera]\nwidth = "hunter2hunter2hunter2hunter2hunter2"\n',
}
"""What is added to the sample; each holds something that must not be shown."""
