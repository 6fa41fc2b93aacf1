"""A real Airflow on loopback with the project's DAGs: prepared, started, and stopped as one.

    python -m lakehouse.airflow_server

Airflow has an environment of its own, .venv-airflow. Its database (SQLite), logs and the password of
`admin` lie in the home folder; AIRFLOW__… of the environment go before what is said here.
"""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import requests
import tenacity

from lakehouse import machine
from lakehouse.errors import BadMachine
from lakehouse.settings import PROJECT, home

AIRFLOW = PROJECT / ".venv-airflow" / "bin" / "airflow"
_USER = "admin"
_HEALTHY_S = 180.0  # at the longest; 51 s were seen
_GRACE_S = 30.0  # of its processes once they were asked to end


@dataclass(frozen=True)
class Server:
    """A running Airflow: where it is, and how to sign in."""

    address: str
    user: str
    password: str
    environment: dict[str, str]
    process: subprocess.Popen[bytes]

    def token(self) -> str:
        """For the REST API."""
        said = {"username": self.user, "password": self.password}
        answer = requests.post(f"{self.address}/auth/token", json=said, timeout=30)
        answer.raise_for_status()
        return str(answer.json()["access_token"])


def environment(folder: Path, port: int) -> dict[str, str]:
    """What Airflow finds in its environment.

    Takes   folder  for its database, logs and passwords
    """
    said = {
        "AIRFLOW_HOME": str(folder),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "true",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{_USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(folder / "passwords.json"),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": f"{port}",
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "false",
    }
    # `standalone` starts its parts by the name alone.
    path = f"{AIRFLOW.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**said, **os.environ, "PATH": path}


@contextlib.contextmanager
def running(folder: Path, port: int | None = None) -> Iterator[Server]:
    """An Airflow whose every process ends with the context.

    Raises BadMachine where .venv-airflow is missing, or it is not healthy in time.
    """
    if not AIRFLOW.exists():
        raise BadMachine(f"{AIRFLOW} is missing: `make setup-airflow` makes it")
    port = port or machine.free_port()
    folder.mkdir(parents=True, exist_ok=True)
    password = _password(folder / "passwords.json")
    said = environment(folder, port)
    for arguments in (
        ("db", "migrate"),
        ("pools", "set", "lakehouse", "1", "One command of the lakehouse at a time"),
    ):
        _ask(said, *arguments)
    with (folder / "standalone.log").open("ab") as log:
        process = subprocess.Popen(
            [str(AIRFLOW), "standalone"],
            env=said,
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        server = Server(f"http://127.0.0.1:{port}", _USER, password, said, process)
        try:
            _wait(server)
            yield server
        finally:
            end(process)


def _password(path: Path) -> str:
    """The password of the only user; made once, readable by its owner alone."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(json.dumps({_USER: secrets.token_urlsafe(16)}), encoding="utf-8")
    return str(json.loads(path.read_text(encoding="utf-8"))[_USER])


def _ask(said: dict[str, str], *arguments: str) -> None:
    done = subprocess.run(
        [str(AIRFLOW), *arguments],
        env=said,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr or done.stdout).strip().rpartition("\n")[2]
        raise BadMachine(f"airflow {' '.join(arguments)}: {last}")


def _wait(server: Server) -> None:
    """Until every part says that it is healthy."""

    @tenacity.retry(
        wait=tenacity.wait_fixed(1),
        stop=tenacity.stop_after_delay(_HEALTHY_S),
        retry=tenacity.retry_if_exception_type((requests.RequestException, KeyError, ValueError)),
        reraise=True,
    )
    def healthy() -> None:
        if server.process.poll() is not None:
            raise BadMachine("Airflow ended before it was healthy; see standalone.log")
        answer = requests.get(f"{server.address}/api/v2/monitor/health", timeout=10)
        answer.raise_for_status()
        parts = answer.json()
        for name in ("metadatabase", "scheduler", "dag_processor"):
            if parts[name]["status"] != "healthy":
                raise ValueError(name)

    try:
        healthy()
    except (requests.RequestException, KeyError, ValueError) as fault:
        raise BadMachine(f"Airflow was not healthy after {_HEALTHY_S:.0f} s: {fault}") from None


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and its whole group: asked first, then made to."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def main() -> None:
    """Serve until Ctrl-C or SIGTERM."""
    closing = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: closing.set())
    port = int(os.environ.get("PORT") or 8080)
    try:
        with running(home() / "airflow", port) as server:
            print(f"Airflow is at {server.address}: user {server.user}, password {server.password}")
            print("DAGs begin paused; Ctrl-C stops all of it", flush=True)
            while not closing.wait(1):
                if server.process.poll() is not None:
                    raise BadMachine("Airflow has ended; see standalone.log")
    except BadMachine as fault:
        sys.exit(f"airflow: {fault}")


if __name__ == "__main__":
    main()
