"""A PostgreSQL of this machine on loopback, from Debian's package, as another user than root.

Where the package is not installed it is unpacked beside the rows (programs.py).
"""

import contextlib
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
from lakehouse.publishing import programs

USER = "lakehouse"
DATABASE = "lakehouse"
# Who runs it where root runs this: Debian's package makes the first, the other is everywhere.
_SYSTEM_USERS = ("postgres", "nobody")
_UNPACKED = Path("/var/lib")  # for somebody else to read, root's own home is shut
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
    said = _call(home, "pg_ctl", "-D", noted.data, "status")
    return noted if said is not None and said.returncode == 0 else None


def start(home: Path) -> Running:
    """Start the server, to stay until `stop`; one that runs already is left as it is.

    Raises BadMachine where PostgreSQL is neither installed nor to be had, ServerFault where it does
    not start.
    """
    if (running := status(home)) is not None:
        return running
    if programs.found("postgres", unpacked(home)) is None:
        programs.unpack(unpacked(home))
    data = _data(home)
    if not (data / "PG_VERSION").exists():
        _make(home, data)
    running = Running(_free_port(home), str(data))
    said = f"-p {running.port} -c listen_addresses={machine.LOOPBACK} -c unix_socket_directories=''"
    log = str(data / "server.log")
    _must(
        home, "pg_ctl", "-D", str(data), "-l", log, "-o", said, "-w", "-t", str(_SECONDS), "start"
    )
    draft = _note(home).with_suffix(".draft")
    draft.write_text(json.dumps(asdict(running), indent=2), encoding="utf-8")
    draft.replace(_note(home))
    return running


def stop(home: Path) -> bool:
    """Stop the server, which keeps its rows; False where none runs."""
    running = status(home)
    if running is not None:
        _must(home, "pg_ctl", "-D", running.data, "-m", "fast", "-w", "stop")
    _note(home).unlink(missing_ok=True)
    return running is not None


def remove(home: Path) -> None:
    """Stop the server and delete its rows."""
    stop(home)
    for folder in (_data(home), unpacked(home)):
        shutil.rmtree(folder, ignore_errors=True)
    password_file(home).unlink(missing_ok=True)


def password(home: Path) -> str:
    """The password of its owner; made with the server, readable by this user alone."""
    return password_file(home).read_text(encoding="utf-8").strip()


def _make(home: Path, data: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    machine.write_private(password_file(home), secrets.token_hex(20) + "\n")
    data.mkdir(parents=True, exist_ok=True)
    data.chmod(0o700)
    if (user := _user()) is not None:
        os.chown(data, user.pw_uid, user.pw_gid)
    _must(home, "initdb", "-D", str(data), "-U", USER, "-E", "UTF8", "--locale=C", "--auth=trust")
    # By its own command alone, before anybody can ask it: a database, and a password for all.
    said = f"CREATE DATABASE {DATABASE}\nALTER ROLE {USER} PASSWORD '{password(home)}'\n"
    _must(home, "postgres", "--single", "-D", str(data), "postgres", given=said)
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
    return _folder(home, "postgres", "")


def unpacked(home: Path) -> Path:
    """Where the programs are that are not installed."""
    return _folder(home, "postgres-programs", "-programs")


def _folder(home: Path, own: str, mark: str) -> Path:
    user = _user()
    if user is None:
        return home / own
    theirs = Path(user.pw_dir)
    hashed = hashlib.sha256(str(home).encode()).hexdigest()[:12]
    return (theirs if theirs.is_dir() else _UNPACKED) / f"lakehouse-{hashed}{mark}"


def _user() -> pwd.struct_passwd | None:
    """Who runs the server: whoever runs this, but another one in root's place."""
    if os.getuid() != 0:
        return None
    for name in _SYSTEM_USERS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise BadMachine(
        f"root cannot run PostgreSQL, and there is no user {' or '.join(_SYSTEM_USERS)}"
    )


def _note(home: Path) -> Path:
    return home / "postgres.json"


def password_file(home: Path) -> Path:
    """Where the password of its owner is."""
    return home / "postgres-password"


def _must(home: Path, name: str, *arguments: str, given: str | None = None) -> None:
    done = _call(home, name, *arguments, given=given)
    if done is None:
        raise BadMachine(f"PostgreSQL's {name} is not there any more; `lakehouse postgres start`")
    if done.returncode != 0:
        lines = (done.stderr or done.stdout or "").strip().splitlines()
        raise ServerFault(f"PostgreSQL's {name}: {lines[-1] if lines else 'it said nothing'}")


def _call(
    home: Path, name: str, *arguments: str, given: str | None = None
) -> "subprocess.CompletedProcess[str] | None":
    """What a program did; None where it is not there."""
    program = programs.found(name, unpacked(home))
    if program is None:
        return None
    user = _user()
    # (The server that it starts would hold a pipe open.)
    kept = subprocess.DEVNULL if arguments[-1] == "start" else subprocess.PIPE
    more = programs.environment(unpacked(home))
    return subprocess.run(
        [str(program), *arguments],
        input=given or "",
        check=False,
        stdout=kept,
        stderr=kept,
        text=True,
        cwd="/",
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC", **more},
        user=user.pw_name if user else None,
        group=user.pw_gid if user else None,
        extra_groups=[] if user else None,
    )
