"""`anpr-fleet policy`: the authority's side: its policy key, signing, and saying what a policy means."""

from __future__ import annotations

import tomllib
from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path
from typing import TYPE_CHECKING

from anpr_edge.cli.fleet_places import add_passphrase_option, ask_passphrase
from anpr_edge.cli.output import note
from anpr_edge.cli.policy_files import add_policy_argument, show_policy
from anpr_edge.errors import PolicyError, UsageError

if TYPE_CHECKING:
    from anpr_edge.seal.policy.model import Policy


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `policy` with its commands key, sign, diff, explain and assessment."""
    group = subparsers.add_parser("policy", help="write, sign and explain what a fleet's feeds get")
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    key = commands.add_parser("key", help="make the key that signs policies")
    key.add_argument("--out", type=Path, required=True, metavar="FILE", help="the new private key's file")
    key.set_defaults(run=run_key)
    sign = commands.add_parser("sign", help="compile a source (*.toml) and sign it")
    sign.add_argument("source", type=Path, metavar="SOURCE", help="the policy's source (*.toml)")
    sign.add_argument("--key", type=Path, required=True, metavar="FILE", help="the private policy key")
    add_passphrase_option(sign)
    sign.add_argument("--out", type=Path, required=True, metavar="FILE", help="the signed policy's new file")
    sign.add_argument("--replaces", type=Path, metavar="FILE", help="the signed policy that it follows")
    sign.set_defaults(run=run_sign)
    diff = commands.add_parser("diff", help="say in words what one policy changes against another")
    for name in ("old", "new"):
        add_policy_argument(diff, name)
    diff.set_defaults(run=run_diff)
    for name, text, run in (
        ("explain", "say in plain English who gets what, when and what for", run_explain),
        ("assessment", "print the impact assessment; exit code 1 while a question is open", run_assessment),
    ):
        command = commands.add_parser(name, help=text)
        add_policy_argument(command)
        command.set_defaults(run=run)
    command.add_argument(
        "--answers", type=Path, metavar="FILE", help="people's answers (TOML; docs/privacy-assessment.md)"
    )
    command.add_argument("--html", action="store_true", help="print a page of HTML instead of Markdown")
    command.add_argument("--draft", action="store_true", help="exit code 0 although questions are open")


def run_key(arguments: Namespace) -> int:
    """Make the policy key and print its public half, for every unit's [policy] key."""
    from anpr_edge.seal.keys import SigningKey

    key = SigningKey.generate()
    key.save(arguments.out)
    print(key.public.text)
    note(f"Keep {arguments.out} off every networked machine: who holds it decides who gets reads.")
    return 0


def run_sign(arguments: Namespace) -> int:
    """Sign a policy and print what it changes, so that nobody signs unread."""
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.fleet.policy_source import load_source
    from anpr_edge.policystore import write_policy_file
    from anpr_edge.seal.keys import SigningKey
    from anpr_edge.seal.policy.changes import changes
    from anpr_edge.seal.policy.signed import sign_policy

    policy = load_source(arguments.source, SystemClock().now().utc_ns // 10**9)
    key = SigningKey.load(arguments.key, ask_passphrase(arguments.passphrase_file))
    before = _replaced(arguments.replaces, key.public.text, policy)
    if arguments.out.exists():
        raise UsageError(f"{arguments.out} exists", hint="name a new file: a signed policy is a record")
    write_policy_file(arguments.out, sign_policy(policy, key))
    print(arguments.out)
    note("\n".join(changes(before, policy)))
    return 0


def _replaced(path: Path | None, key: str, policy: Policy) -> Policy | None:
    """The policy that is followed, which this key must have signed under a lower version."""
    from anpr_edge.policystore import read_policy_file
    from anpr_edge.seal.keys import VerifyKey
    from anpr_edge.seal.policy.signed import open_policy

    if path is None:
        return None
    before = open_policy(read_policy_file(path), VerifyKey.parse(key))
    if policy.version <= before.version:
        raise PolicyError(
            f"version {policy.version} does not follow version {before.version} of {path}",
            hint=f"set policy.version to {before.version + 1}",
        )
    return before


def run_diff(arguments: Namespace) -> int:
    """Print one line for each change."""
    from anpr_edge.seal.policy.changes import changes

    for line in changes(show_policy(arguments.old), show_policy(arguments.new)):
        print(line)
    return 0


def run_explain(arguments: Namespace) -> int:
    """Print a policy in words."""
    from anpr_edge.seal.policy.words import explain

    print("\n".join(explain(show_policy(arguments.file))))
    return 0


def run_assessment(arguments: Namespace) -> int:
    """Print the assessment's facts; it is not well while a question to people is open."""
    from anpr_edge.fleet.assessment import OPEN, assessment
    from anpr_edge.fleet.page import html_page

    lines = list(assessment(show_policy(arguments.file), _answers(arguments.answers)))
    unanswered = sum(line.count(OPEN) for line in lines)
    print("\n".join(html_page(lines[0].lstrip("# "), lines) if arguments.html else lines))
    if unanswered:
        note(f"{unanswered} questions are left for people to answer; each is marked TO BE ANSWERED")
        note("--answers FILE takes what people answered; --draft takes it as it is")
    return 1 if unanswered and not arguments.draft else 0


def _answers(path: Path | None) -> dict[str, str]:
    """The answers in a TOML file: `necessity = "…"`, and in [why] and [kept] one for each feed."""
    if path is None:
        return {}
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: no readable answers: {error}") from None
    sections = {key: value for key, value in document.items() if isinstance(value, dict)}
    flat = {key: value for key, value in document.items() if key not in sections}
    flat |= {f"{key}.{feed}": text for key, texts in sections.items() for feed, text in texts.items()}
    if wrong := [key for key, value in flat.items() if not isinstance(value, str) or not value.isprintable()]:
        raise UsageError(f"{path}: {wrong[0]}: needs one line of text in quotes")
    return flat
