"""The S3 server of one machine: `weed` on loopback, from its start to its end.

A command that needs it starts it; the last command that used it stops it. One that was started
by name (`lakehouse s3 start`) stays until it is stopped by name.
"""

import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import FrameType
from typing import IO

from lakehouse import keys, machine, settings
from lakehouse.errors import BadMachine, ServerFault
from lakehouse.settings import Settings

LOOPBACK = machine.LOOPBACK
START_SECONDS = 30  # seen: 0.6 s; a busy machine with much data needs more
STOP_SECONDS = 15  # seen: 2 to 4 s
GRPC_OFFSET = 10_000  # weed puts each service's gRPC port so far above its own


@dataclass(frozen=True)
class Running:
    """The server that runs: its process (a recycled pid is born at another time) and ports."""

    pid: int
    born: str
    ports: dict[str, int]
    is_kept: bool

    @property
    def endpoint(self) -> str:
        """Where clients find it."""
        return f"http://{LOOPBACK}:{self.ports['s3']}"


def status(home: Path) -> Running | None:
    """The server whose data is in `home`, if it runs; a stale pid file is none."""
    try:
        noted = Running(**json.loads(_note(home).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return noted if machine.born(noted.pid) == noted.born else None


def start(home: Path, where: Settings | None = None) -> Running:
    """Start the server, to stay until `stop`; one that runs already is kept from now on."""
    with _lock(home):
        return _start(home, where or Settings(), is_kept=True)


def stop(home: Path) -> bool:
    """Stop the server; False where none runs."""
    with _lock(home):
        return _stop(home)


@contextmanager
def running(where: Settings) -> Iterator[str]:
    """The endpoint of the storage, while a command uses it.

    It is settings.s3.endpoint where that is set, else the project's own server: started if need
    be, stopped by the last command that leaves. SIGTERM leaves too.
    """
    if where.s3.endpoint is not None:
        yield where.s3.endpoint
        return
    home = settings.home()
    with _sigterm_as_exit(), _used(home) as users:
        with _lock(home):
            fcntl.flock(users, fcntl.LOCK_SH)
            server = _start(home, where, is_kept=False)
        try:
            yield server.endpoint
        finally:
            with _lock(home):
                now = status(home)
                if now and not now.is_kept and _is_last(users):
                    _stop(home)


def _note(home: Path) -> Path:
    return home / "s3.json"


def _start(home: Path, where: Settings, *, is_kept: bool) -> Running:
    server = status(home)
    if server is None:
        server = _spawn(home, where, is_kept)
    elif is_kept and not server.is_kept:
        server = Running(server.pid, server.born, server.ports, is_kept)
    draft = _note(home).with_suffix(".draft")
    draft.write_text(json.dumps(asdict(server), indent=2), encoding="utf-8")
    draft.replace(_note(home))
    return server


def _spawn(home: Path, where: Settings, is_kept: bool) -> Running:
    weed = Path(sys.executable).parent / "weed"
    if not weed.exists():
        raise BadMachine(f"{weed}: no S3 server here; run `make setup`")
    data = home / "s3"
    (data / "tmp").mkdir(parents=True, exist_ok=True)
    users = _users(home, where)
    ports = _free_ports(home)
    with (home / "s3.log").open("wb") as log:
        process = subprocess.Popen(
            [weed, *_arguments(data, ports), f"-s3.config={users}"],
            cwd=data,
            env={
                "PATH": os.environ.get("PATH", ""),
                "HOME": str(data),
                "TMPDIR": str(data / "tmp"),
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for the command, which then stops the server
        )
    try:
        _wait_until_ready(process, ports, home / "s3.log")
    except BaseException:
        process.kill()
        process.wait()
        raise
    process.returncode = 0  # it outlives this object: no warning that it still runs
    return Running(process.pid, machine.born(process.pid) or "", ports, is_kept)


def _users(home: Path, where: Settings) -> Path:
    """The file with those whom the server knows: the owner, who may read, who may read gold alone, and
    who may read silver and gold, and write in the sandbox.
    """
    ours, buckets = Settings(), where.buckets
    gold = [f"Read:{buckets.gold}", f"List:{buckets.gold}"]
    silver = [f"{what}:{buckets.lake}/silver/*" for what in ("Read", "List")]
    sandbox = [f"{what}:{buckets.sandbox}" for what in ("Read", "List", "Write")]
    rights = {
        "owner": (keys.s3(ours), ["Admin", "Read", "List", "Tagging", "Write"]),
        "viewer": (keys.viewer(ours), ["Read", "List"]),
        "reader": (keys.limited(ours, "reader"), gold),
        "scientist": (keys.limited(ours, "scientist"), [*gold, *silver, *sandbox]),
    }
    known = [
        {
            "name": name,
            "credentials": [{"accessKey": access, "secretKey": secret}],
            "actions": actions,
        }
        for name, ((access, secret), actions) in rights.items()
    ]
    path = home / "s3-users.json"
    machine.write_private(path, json.dumps({"identities": known}, indent=2))
    return path


def _arguments(data: Path, ports: dict[str, int]) -> list[str]:
    return [
        "-logtostderr=true",
        "mini",
        f"-dir={data}",
        f"-ip={LOOPBACK}",
        f"-ip.bind={LOOPBACK}",
        *(f"-{service}.port={port}" for service, port in ports.items()),
        *(f"-{service}.port.grpc={port + GRPC_OFFSET}" for service, port in ports.items()),
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-webdav=false",
        "-admin.ui=false",
        "-master.telemetry=false",
        # The work folder is `data`; an absolute path may be longer than a socket's 107 bytes.
        "-filer.localSocket=filer.sock",
        "-s3.localSocket=s3.sock",
        # Each bucket takes several volumes at once; without a limit of our own a nearly full disk
        # leaves too few of them.
        "-volume.max=1000",
        "-master.volumeSizeLimitMB=256",
        "-volume.preStopSeconds=0",
    ]


def _free_ports(home: Path) -> dict[str, int]:
    """The same ports at each start as long as they are free, below those of outgoing calls."""
    services = ["s3", "master", "volume", "filer", "admin"]
    ports: dict[str, int] = {}
    for port in random.Random(str(home)).sample(range(10_000, 20_000), 500):
        if machine.is_free(port) and machine.is_free(port + GRPC_OFFSET):
            ports[services[len(ports)]] = port
        if len(ports) == len(services):
            return ports
    raise BadMachine("no free ports between 10000 and 30000 on loopback; stop what listens there")


def _wait_until_ready(process: "subprocess.Popen[bytes]", ports: dict[str, int], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        # The S3 part is up first, the volumes that hold the content a moment later: what is
        # written to the filer and read from it has been in one of them.
        if (
            _answers(ports["s3"], "GET", "/healthz")
            and _answers(ports["filer"], "PUT", "/ready")
            and _answers(ports["filer"], "GET", "/ready")
        ):
            return
        time.sleep(0.05)
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    state = "ended" if process.poll() is not None else f"did not answer in {START_SECONDS} s"
    raise ServerFault(f"the S3 server {state}: {lines[-1] if lines else 'it said nothing'} ({log})")


def _answers(port: int, method: str, path: str) -> bool:
    connection = HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        connection.request(method, path, body=b"ready" if method == "PUT" else None)
        return connection.getresponse().status in (200, 201)
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _stop(home: Path) -> bool:
    server = status(home)
    if server is not None:
        with suppress(ProcessLookupError):
            os.kill(server.pid, signal.SIGTERM)
        end = time.monotonic() + STOP_SECONDS
        while machine.born(server.pid) == server.born:
            if time.monotonic() > end:
                with suppress(ProcessLookupError):
                    os.kill(server.pid, signal.SIGKILL)
            time.sleep(0.05)
        for service, port in server.ports.items():  # left behind where it had to be killed
            socket_file = f"/tmp/seaweedfs-{service}-grpc-{port + GRPC_OFFSET}.sock"
            Path(socket_file).unlink(missing_ok=True)
    _note(home).unlink(missing_ok=True)
    return server is not None


@contextmanager
def _lock(home: Path) -> Iterator[None]:
    """One command at a time starts or stops the server of `home`."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "s3.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _used(home: Path) -> Iterator[IO[str]]:
    """The file on which each command that uses the server holds a shared lock."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "s3.users").open("w") as file:
        yield file


def _is_last(users: IO[str]) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _sigterm_as_exit() -> Iterator[None]:
    """Let SIGTERM end the command the normal way, unless the command has its own answer to it."""

    def leave(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
