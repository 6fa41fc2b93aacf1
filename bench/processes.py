"""Commands of the lakehouse as processes beside us, for benchmarks and tests."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lakehouse.settings import PROJECT

Process = subprocess.Popen[bytes]


@contextmanager
def lakehouse(*words: str, log: Path) -> Iterator[Process]:
    """`lakehouse WORDS`, what it says in `log`, in a process group of its own, which is killed."""
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "lakehouse.cli", *words],
            cwd=PROJECT,
            stdout=said,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            start_new_session=True,
        )
        try:
            yield process
        finally:
            kill(process)


def kill(process: Process) -> None:
    """Kill a command and its JVM at once, where they have not ended by themselves."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def until(
    holds: Callable[[], bool],
    processes: Sequence[subprocess.Popen[Any]],
    seconds: float,
    every_s: float = 0.3,
) -> None:
    """Wait until it holds.

    Raises RuntimeError where a process ends before, TimeoutError after so many seconds.
    """
    begun = time.monotonic()
    while not holds():
        for process in processes:
            if process.poll() is not None:
                raise RuntimeError(f"{process.args!r} ended with status {process.returncode}")
        if time.monotonic() - begun > seconds:
            raise TimeoutError(f"not within {seconds:.0f} s: {holds}")
        time.sleep(every_s)
