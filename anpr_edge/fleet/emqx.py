"""The same broker in EMQX 5.8.4 or newer: its listener and its access rules.

The configuration is written as JSON, which HOCON contains. EMQX takes a list of revoked certificates from a
web server alone, and only for certificates that name it; so whoever has no good certificate left is shut out
by name.
Source: docs.emqx.com (EMQX 5.8), configuration/configuration, /listener, /mqtt, /dashboard,
access-control/authn/x509, access-control/authz/file, network/crl.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from anpr_edge.fleet.access import check_names, for_clients, for_units
from anpr_edge.fleet.authority import make_folder
from anpr_edge.fleet.broker import CA_FILE, CERT_FILE, KEY_FILE, Listener
from anpr_edge.fleet.filing import write_all

CONFIG_FILE, RULES_FILE = "base.hocon", "acl.conf"
INSTALLED_AT: Final = Path("/etc/emqx")
EMQX_USER: Final = "emqx"
OLDEST: Final = "5.8.4"
"""The first EMQX that reads etc/base.hocon; one before it would go on with its own open listeners."""

MOST_WAITING: Final = "1GB"
"""What EMQX lets one session grow to before it ends it, with all that waits in it: 32 MB by itself, which is
little for a fleet's reads that wait for their centre."""

MOST_ARRIVING: Final = 100_000
"""Messages on their way into one session, beyond which EMQX ends it too: 1000 by itself, and a city may send
more than that to its centre in the second in which its network comes back."""

DASHBOARD: Final = "127.0.0.1:18083"

ACTIONS: Final = {"read": "subscribe", "write": "publish", "readwrite": "all"}


def pack_emqx(
    directory: Path,
    fleet: str,
    listener: Listener,
    consumers: Mapping[str, Sequence[str]],
    installed_at: Path = INSTALLED_AT,
    *,
    commanders: Sequence[str] = (),
    shut_out: Sequence[str] = (),
) -> Path:
    """Write what EMQX needs into `directory`, for `installed_at` on its machine; returns the configuration.

    Raises: UsageError for a name that cannot be a topic level, KeyFileError when a file cannot be copied.
    """
    check_names(fleet, consumers, commanders)
    make_folder(directory)
    rules = "".join(f"{rule}.\n" for rule in _rules(fleet, consumers, commanders, shut_out))
    config = json.dumps(_configuration(listener, installed_at), indent=2) + "\n"
    public = {CA_FILE: listener.ca_file.read_bytes(), CERT_FILE: listener.cert_file.read_bytes()}
    public |= {RULES_FILE: rules.encode(), CONFIG_FILE: config.encode()}
    write_all({directory / name: content for name, content in public.items()})
    write_all({directory / KEY_FILE: listener.key_file.read_bytes()}, mode=0o600)
    return directory / CONFIG_FILE


def emqx_install_commands(directory: Path, installed_at: Path = INSTALLED_AT) -> tuple[str, ...]:
    """The shell commands that put a packed folder in its place."""
    public = " ".join(str(directory / name) for name in (CONFIG_FILE, RULES_FILE, CA_FILE, CERT_FILE))
    own = f"-o {EMQX_USER} -g {EMQX_USER}"
    return (
        f"sudo install {own} -m 644 {public} {installed_at}",
        f"sudo install {own} -m 600 {directory / KEY_FILE} {installed_at}",
        "sudo systemctl restart emqx",
    )


def _configuration(listener: Listener, installed_at: Path) -> dict[str, object]:
    tls = {
        "cacertfile": str(installed_at / CA_FILE),
        "certfile": str(installed_at / CERT_FILE),
        "keyfile": str(installed_at / KEY_FILE),
        "verify": "verify_peer",
        "fail_if_no_peer_cert": True,
        "versions": ["tlsv1.3"],
    }
    off = {"default": {"enable": False}}
    secure = {"enable": True, "bind": f"{listener.address or '[::]'}:{listener.port}", "ssl_options": tls}
    rules = {"type": "file", "enable": True, "path": str(installed_at / RULES_FILE)}
    limits = {"max_heap_size": MOST_WAITING, "max_mailbox_size": MOST_ARRIVING}
    return {
        "listeners": {"tcp": off, "ws": off, "wss": off, "ssl": {"default": secure}},
        "mqtt": {
            "peer_cert_as_username": "cn",
            "max_packet_size": "64KB",
            "max_inflight": 100,
            "max_mqueue_len": "infinity",
        },
        "force_shutdown": limits,
        # As persistence does for mosquitto: watermarks and states are there after a restart.
        "retainer": {"backend": {"type": "built_in_database", "storage_type": "disc"}},
        "dashboard": {"listeners": {"http": {"bind": DASHBOARD}}},
        "authorization": {"no_match": "deny", "deny_action": "ignore", "sources": [rules]},
    }


def _rules(
    fleet: str,
    consumers: Mapping[str, Sequence[str]],
    commanders: Sequence[str],
    shut_out: Sequence[str],
) -> Iterator[str]:
    """Erlang terms; the first that matches counts."""
    for name in sorted(shut_out):
        yield f'{{deny, {{username, "{name}"}}, all, ["#"]}}'
    for grant in for_units(fleet):
        yield f'{{allow, all, {ACTIONS[grant.action]}, ["{grant.topic("${username}")}"]}}'
    for name, grants in for_clients(fleet, consumers, commanders):
        for grant in grants:
            yield f'{{allow, {{username, "{name}"}}, {ACTIONS[grant.action]}, ["{grant.topic()}"]}}'
    yield "{deny, all}"
