"""The memory of processes while something runs."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from bench.results import Row

_LOOK_SECONDS = 1.0


@contextmanager
def watched(processes: dict[str, int]) -> Iterator[list[dict[str, float]]]:
    """Look at processes (name -> id) each second; the list grows by one look each time.

    A look is "minutes" since the begin and, by name, MB of resident memory that no file lies
    behind (RssAnon of proc(5)): what is kept of files goes when another needs the memory.
    """
    looks: list[dict[str, float]] = []
    began = time.monotonic()
    over = threading.Event()

    def look() -> None:
        while not over.wait(_LOOK_SECONDS):
            minutes = (time.monotonic() - began) / 60
            looks.append({"minutes": minutes} | {name: _mb(pid) for name, pid in processes.items()})

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield looks
    finally:
        over.set()
        thread.join()


def rows(looks: list[dict[str, float]]) -> list[Row]:
    """The most that each process had, beside the most of the first half of the time."""
    frame = pd.DataFrame(looks).set_index("minutes")
    first = frame[frame.index < frame.index.max() / 2].max()
    return [
        Row(f"most memory of the {name}", most, "MB", None, first[name], "in the first half")
        for name, most in frame.max().items()
    ]


def _mb(pid: int) -> float:
    """0 where the process has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0.0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("RssAnon")]
    return int(found[0]) / 1024 if found else 0.0
