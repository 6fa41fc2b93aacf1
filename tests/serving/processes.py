"""Servers of SQL as processes of their own, as a person starts them."""

import os
import signal
import subprocess
import sys
import time

from lakehouse import machine
from lakehouse.settings import PROJECT

_READY_S = 240


def start(name, folder):
    """A server of a role on free ports, when it is ready; what it says is in a file of the folder."""
    ports = [str(machine.free_port()) for _ in range(2)]
    command = [sys.executable, "-m", "lakehouse.cli", "serve", "sql", "--role", name]
    command += ["--port", ports[0], "--connect-port", ports[1], "--memory", "1g"]
    said = folder / f"{name}.log"
    secret = {"LAKEHOUSE_ALERT_SECRET": "a canary of the owner"}
    with said.open("w") as log:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | secret,
            start_new_session=True,
        )
    end = time.monotonic() + _READY_S
    while "Ctrl-C stops it" not in said.read_text():
        assert process.poll() is None, said.read_text()
        assert time.monotonic() < end
        time.sleep(0.5)
    return process


def stop(started, folder):
    """End servers, process by role; each has to end by itself, and well."""
    for process in started.values():
        process.send_signal(signal.SIGTERM)
    for name, process in started.items():
        try:
            assert process.wait(60) == 0, (folder / f"{name}.log").read_text()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
