"""A PostgreSQL of this machine on loopback, from Debian's package, as another user than root."""

import hashlib
import json
import os
import pwd
import random
import secrets
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from lakehouse import machine
from lakehouse.errors import BadMachine, ServerFault

USER = "lakehouse"
DATABASE = "lakehouse"
_SYSTEM_USER = "postgres"  # Debian's package makes it
_SECONDS = 60


@dataclass(frozen=True)
class Running:
    """The server that runs, and where its rows lie."""

    port: int
    data: str

    @property
    def url(self) -> str:
        """Where clients find it; the password is in its own file."""
        return f"postgresql://{USER}@{machine.LOOPBACK}:{self.port}/{DATABASE}"


def status(home: Path) -> Running | None:
    """The server of `home`, if it runs."""
    try:
        noted = Running(**json.loads(_note(home).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return noted if _call("pg_ctl", "-D", noted.data, "status").returncode == 0 else None


def start(home: Path) -> Running:
    """Start the server, to stay until `stop`; one that runs already is left as it is.

    Raises BadMachine where PostgreSQL is not installed, ServerFault where it does not start.
    """
    if (running := status(home)) is not None:
        return running
    data = _data(home)
    if not (data / "PG_VERSION").exists():
        _make(home, data)
    running = Running(_free_port(home), str(data))
    said = f"-p {running.port} -c listen_addresses={machine.LOOPBACK} -c unix_socket_directories=''"
    log = str(data / "server.log")
    _must("pg_ctl", "-D", str(data), "-l", log, "-o", said, "-w", "-t", str(_SECONDS), "start")
    draft = _note(home).with_suffix(".draft")
    draft.write_text(json.dumps(asdict(running), indent=2), encoding="utf-8")
    draft.replace(_note(home))
    return running


def stop(home: Path) -> bool:
    """Stop the server, which keeps its rows; False where none runs."""
    running = status(home)
    if running is not None:
        _must("pg_ctl", "-D", running.data, "-m", "fast", "-w", "stop")
    _note(home).unlink(missing_ok=True)
    return running is not None


def remove(home: Path) -> None:
    """Stop the server and delete its rows."""
    stop(home)
    shutil.rmtree(_data(home), ignore_errors=True)
    password_file(home).unlink(missing_ok=True)


def password(home: Path) -> str:
    """The password of its owner; made with the server, readable by this user alone."""
    return password_file(home).read_text(encoding="utf-8").strip()


def _make(home: Path, data: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    machine.write_private(password_file(home), secrets.token_hex(20) + "\n")
    data.mkdir(parents=True, exist_ok=True)
    data.chmod(0o700)
    if os.getuid() == 0:
        shutil.chown(data, _SYSTEM_USER, _SYSTEM_USER)
    _must("initdb", "-D", str(data), "-U", USER, "-E", "UTF8", "--locale=C", "--auth=trust")
    # By its own command alone, before anybody can ask it: a database, and a password for all.
    said = f"CREATE DATABASE {DATABASE}\nALTER ROLE {USER} PASSWORD '{password(home)}'\n"
    _must("postgres", "--single", "-D", str(data), "postgres", given=said)
    asked = f"host all all {machine.LOOPBACK}/32 scram-sha-256\n"
    (data / "pg_hba.conf").write_text(asked, encoding="utf-8")


def _free_port(home: Path) -> int:
    """The same port at each start as long as it is free: tools keep the address."""
    for port in random.Random(f"postgres {home}").sample(range(10_000, 20_000), 100):
        if machine.is_free(port):
            return port
    return machine.free_port()


def _data(home: Path) -> Path:
    """In the home folder; where root runs this, in that of the user who can, as root's is shut."""
    if os.getuid() != 0:
        return home / "postgres"
    try:
        theirs = Path(pwd.getpwnam(_SYSTEM_USER).pw_dir)
    except KeyError:
        raise _missing() from None
    return theirs / f"lakehouse-{hashlib.sha256(str(home).encode()).hexdigest()[:12]}"


def _note(home: Path) -> Path:
    return home / "postgres.json"


def password_file(home: Path) -> Path:
    """Where the password of its owner is."""
    return home / "postgres-password"


def program(name: str) -> Path:
    """One of its programs, of the newest version that is installed."""
    versions = Path("/usr/lib/postgresql").glob(f"*/bin/{name}")
    found = sorted(versions, key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1]
    on_path = shutil.which(name)
    if on_path is None:
        raise _missing()
    return Path(on_path)


def _missing() -> BadMachine:
    return BadMachine(
        "no PostgreSQL on this machine: `apt-get install postgresql`, or give --url of another one"
    )


def _must(name: str, *arguments: str, given: str | None = None) -> None:
    done = _call(name, *arguments, given=given)
    if done.returncode != 0:
        lines = (done.stderr or done.stdout or "").strip().splitlines()
        raise ServerFault(f"PostgreSQL's {name}: {lines[-1] if lines else 'it said nothing'}")


def _call(
    name: str, *arguments: str, given: str | None = None
) -> "subprocess.CompletedProcess[str]":
    user = _SYSTEM_USER if os.getuid() == 0 else None
    # (The server that it starts would hold a pipe open.)
    kept = subprocess.DEVNULL if arguments[-1] == "start" else subprocess.PIPE
    return subprocess.run(
        [str(program(name)), *arguments],
        input=given or "",
        check=False,
        stdout=kept,
        stderr=kept,
        text=True,
        cwd="/",
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
        user=user,
        group=user,
        extra_groups=[] if user else None,
    )
