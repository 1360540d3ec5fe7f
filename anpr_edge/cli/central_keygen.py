"""`anpr-central keygen`: a recipient's two key pairs, and what the units need of them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from pathlib import Path

from anpr_edge.cli.central_files import ACK_FILE, RECIPIENT_FILE
from anpr_edge.cli.output import note
from anpr_edge.errors import KeyFileError

SUITES = ("x25519", "mlkem768-x25519")
"""The names in `seal.hpke.SUITES`, which is loaded only when it is needed."""

TEXT = f"""Make this recipient's keys: one that opens reads ({RECIPIENT_FILE}), one that signs
acknowledgements ({ACK_FILE}). Prints their public halves as TOML, for the
feed's section of the fleet's fleet.toml, or for its policy.

`--suite mlkem768-x25519` makes the opening key a hybrid with ML-KEM-768: what is recorded off the air
today then stays closed when X25519 falls to a quantum computer, for about 1.1 kB more a read. A feed may
have recipients of both suites while it changes over: its reads are as closed as the weakest of them.

Keep {RECIPIENT_FILE} safe, and a copy of it safer: without it no read can be opened, and
whoever has it can open them all."""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `keygen`."""
    parser = subparsers.add_parser(
        "keygen",
        help="make a recipient's keys",
        description=TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to put them in")
    parser.add_argument(
        "--suite",
        choices=SUITES,
        default=SUITES[0],
        help="how reads are sealed for the opening key (%(default)s)",
    )
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Write both private keys, print both public ones."""
    from anpr_edge.seal import hpke
    from anpr_edge.seal.keys import RecipientPrivateKey, SigningKey

    directory: Path = args.out
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise KeyFileError(f"{directory}: {error.strerror}", hint="name another folder") from error
    for name in (RECIPIENT_FILE, ACK_FILE):
        if (directory / name).exists():
            raise KeyFileError(
                f"{directory / name}: exists, and a key is never overwritten", hint="name another folder"
            )
    recipient, signer = RecipientPrivateKey.generate(hpke.SUITES[args.suite]), SigningKey.generate()
    recipient.save(directory / RECIPIENT_FILE)
    signer.save(directory / ACK_FILE)
    print(f'recipients = ["{recipient.public.text}"]')
    print(f'ack_key = "{signer.public.text}"')
    note(
        f"{directory}: {RECIPIENT_FILE} and {ACK_FILE} are private; "
        "the two lines above go to [feeds.NAME] of the fleet's fleet.toml, or into its policy"
    )
    return 0
