"""A real PostgreSQL server for tests: started, killed and started again, on loopback and with passwords."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from anpr_edge.fleet.broker import free_port

HOST = "127.0.0.1"
OWNER = "anpr_owner"
OWNER_PASSWORD = "made-up-for-tests"
READY_WITHIN_S = 60.0


def find_programs() -> Path:
    """The folder of the server's programs; skips the test when there are none."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    pytest.skip("no PostgreSQL server here: apt-get install postgresql")


def _server_user() -> dict[str, Any]:
    """Whom the server runs as: it refuses to be root."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


class Server:
    """One server with its own files; every test makes a database of its own in it."""

    def __init__(self, directory: Path) -> None:
        self._programs = find_programs()
        self._directory = directory
        self._as_user = _server_user()
        if self._as_user:
            os.chown(directory, self._as_user["user"], self._as_user["group"])
        self.port = free_port()
        self._databases = 0
        password = directory / "password"
        password.write_text(OWNER_PASSWORD)
        password.chmod(0o644)
        self._run(
            "initdb", "-D", str(directory / "data"), "-U", OWNER, f"--pwfile={password}", "-E", "UTF8",
            "--auth=scram-sha-256", "--no-sync", "--locale=C",
        )  # fmt: skip

    def start(self) -> None:
        """Start, and wait until it answers."""
        # without fsync only a power cut loses anything, and recovery is quick on a busy disk
        options = f"-p {self.port} -c listen_addresses={HOST} -c unix_socket_directories= -c fsync=off"
        self._run("pg_ctl", "-D", str(self._directory / "data"), "-l", str(self._directory / "log"),
                  "-o", options, "-w", "-t", str(round(READY_WITHIN_S)), "start")  # fmt: skip

    def kill(self) -> None:
        """Stop as a crash would: no goodbye to anybody."""
        self._run("pg_ctl", "-D", str(self._directory / "data"), "-m", "immediate", "-w", "stop")

    def new_database(self) -> str:
        """The URL of an empty database."""
        self._databases += 1
        name = f"centre_{self._databases}"
        self.sql("postgres", f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, database: str, role: str = OWNER) -> str:
        return f"postgresql://{role}@{HOST}:{self.port}/{database}"

    def sql(self, database: str, statement: str) -> list[tuple[Any, ...]]:
        """What a statement gives, by a connection of its own, as the owner."""
        import psycopg

        with psycopg.connect(self.url(database), password=OWNER_PASSWORD, autocommit=True) as db:
            cursor = db.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            cwd=self._directory,
            check=False,
            **self._as_user,
        )
        assert done.returncode == 0, f"{program}: {(done.stdout or b'').decode()}"


@contextmanager
def running() -> Iterator[Server]:
    """A server, started; gone at the end. Our own sessions find the owner's password in PGPASSWORD."""
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    directory = Path(tempfile.mkdtemp(prefix="anpr-postgres-"))
    directory.chmod(0o711)
    before = os.environ.get("PGPASSWORD")
    os.environ["PGPASSWORD"] = OWNER_PASSWORD
    try:
        server = Server(directory)
        server.start()
        try:
            yield server
        finally:
            with suppress(AssertionError):
                server.kill()
    finally:
        if before is None:
            os.environ.pop("PGPASSWORD", None)
        else:
            os.environ["PGPASSWORD"] = before
        shutil.rmtree(directory, ignore_errors=True)
