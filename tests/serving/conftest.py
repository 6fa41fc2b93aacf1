"""Two real servers, an analyst's and a scientist's, over a few rows of gold and silver."""

import os
import signal
import subprocess
import sys
import time

import pytest

from lakehouse import machine, s3, settings
from lakehouse.lake import Lake
from lakehouse.serving import roles, server
from lakehouse.settings import PROJECT, Settings
from tests.boards.worlds import ROWS, append
from tests.publishing.conftest import whole

_READY_S = 240


@pytest.fixture(scope="session")
def lake(server):
    """In the buckets that the keys of the roles open."""
    where = Settings()
    s3.ensure_buckets(s3.client(where, server), where.buckets.model_dump().values())
    lake = Lake(where, server)
    gold = {name: rows for name, rows in ROWS.items() if name.startswith("gold.")}
    append(lake, {name: [whole(name, row) for row in rows] for name, rows in gold.items()})
    append(lake, {"bronze.events": ROWS["bronze.events"]})
    append(lake, {"silver.readings": [{"event_id": "e1", "device_id": "d1", "value": 4.5}]})
    return lake


def _start(name, folder):
    ports = [str(machine.free_port()) for _ in range(2)]
    command = [sys.executable, "-m", "lakehouse.cli", "serve", "sql", "--role", name]
    command += ["--port", ports[0], "--connect-port", ports[1], "--memory", "1g"]
    log = (folder / f"{name}.log").open("w+")
    secret = {"LAKEHOUSE_ALERT_SECRET": "a canary of the owner"}
    process = subprocess.Popen(
        command,
        cwd=PROJECT,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=os.environ | secret,
        start_new_session=True,
    )
    end = time.monotonic() + _READY_S
    while "Ctrl-C stops it" not in (folder / f"{name}.log").read_text():
        assert process.poll() is None, (folder / f"{name}.log").read_text()
        assert time.monotonic() < end
        time.sleep(0.5)
    return process


@pytest.fixture(scope="session")
def served(lake, tmp_path_factory):
    """What is noted of each server by its role's name; both are stopped at the end, and cleanly."""
    folder = tmp_path_factory.mktemp("served")
    started = {}
    try:
        for role in roles.ROLES:
            started[role.name] = _start(role.name, folder)
        yield {role.name: server.status(role) for role in roles.ROLES}
    finally:
        for process in started.values():
            process.send_signal(signal.SIGTERM)
        for name, process in started.items():
            try:
                assert process.wait(60) == 0, (folder / f"{name}.log").read_text()
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
    assert not list(settings.home().glob("serve-*.json"))
