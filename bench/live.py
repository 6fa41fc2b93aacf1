"""Freshness and steadiness of `lakehouse stream` while messages land at a set rate.

    make bench-live                              5,000 messages/s for 10 minutes
    make bench-live RATE=2000 MINUTES=60         an hour of play

`lakehouse play`, `lakehouse stream` and the storage server are processes of their own on this
machine, in a lakehouse of its own. Freshness of a landed object in a silver table is the instant
of the commit that brought it there less the instant in the object's name; the first minutes, in
which the JVM compiles what is hot, are left out. Exits 1 where the sums are not exact: the ledger's
must be what `play` says it landed.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from bench.results import Row, publish
from lakehouse import s3_server, settings, tables
from lakehouse.lake import Lake
from lakehouse.landing import arrived_at
from lakehouse.ledger import Ledger
from lakehouse.settings import PROJECT

_LOOK_SECONDS = 5.0
_WARM_UP_MINUTES = 2.0
# Nine in ten of the messages that a silver table waits for are of these.
_HOT = ("silver.sightings", "silver.readings", "silver.rfid_reads")


def main() -> None:
    """Play, stream, measure, print and write the results."""
    rate = float(os.environ.get("RATE", "5000"))
    minutes = float(os.environ.get("MINUTES", "10")) + _WARM_UP_MINUTES
    home = PROJECT / ".cache" / "bench-live"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    os.environ["LAKEHOUSE_HOME"] = str(home)
    where = settings.load(PROJECT / "conf" / "local.yml")
    with s3_server.running(where) as endpoint:
        with _process("stream", home) as stream:
            _wait_until_said(home / "stream.log", "caught up", stream)
            options = ("--rate", f"{rate}", "--minutes", f"{minutes}")
            with _process("play", home, *options) as play:
                memory = _memory(_watched(stream, home), play)
            if play.returncode:
                sys.exit((home / "play.log").read_text())
            landed = _landed(home)
            _wait_for(Lake(where, endpoint), landed, stream)
            stream.send_signal(signal.SIGTERM)
            if stream.wait(600):
                sys.exit((home / "stream.log").read_text()[-2000:])
        fresh = _freshness(Lake(where, endpoint))
        exact = _sums(Lake(where, endpoint), landed)
    publish("bench-live", [*_fresh_rows(fresh, rate), *_memory_rows(memory), exact])
    shutil.rmtree(home, ignore_errors=True)
    sys.exit(0 if exact.met else 1)


@contextmanager
def _process(command: str, home: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A `lakehouse` command beside us; killed where it has not ended by itself."""
    with (home / f"{command}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "lakehouse.cli", command, *options],
            cwd=PROJECT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def _wait_until_said(log: Path, words: str, process: subprocess.Popen[bytes]) -> None:
    while words not in log.read_text():
        if process.poll() is not None:
            sys.exit(log.read_text())
        time.sleep(0.5)


def _landed(home: Path) -> int:
    found = re.search(r"play: ([\d,]+) lines", (home / "play.log").read_text())
    assert found is not None
    return int(found[1].replace(",", ""))


def _wait_for(lake: Lake, landed: int, stream: subprocess.Popen[bytes]) -> None:
    """Wait until the stream has ingested and refined all that landed."""
    while stream.poll() is None:
        ledger = Ledger(lake, is_reader=True)
        ingested = sum(batch.messages_in for batch in ledger.of("ingest"))
        newest = max((batch.version_after or 0 for batch in ledger.of("ingest")), default=-1)
        reached = [
            max((batch.source_to or -1 for batch in ledger.of("refine", table.name)), default=-1)
            for table in tables.SILVER
        ]
        if ingested >= landed and min(reached) >= newest:
            return
        time.sleep(_LOOK_SECONDS)


def _watched(stream: subprocess.Popen[bytes], home: Path) -> dict[str, int]:
    """The processes whose memory is watched: the driver's JVM and Python, and the server."""
    server = s3_server.status(home)
    assert server is not None
    children = subprocess.run(
        ["pgrep", "--parent", str(stream.pid), "java"], check=True, capture_output=True, text=True
    )
    return {
        "driver's JVM": int(children.stdout.split()[0]),
        "driver's Python": stream.pid,
        "storage server": server.pid,
    }


def _memory(watched: dict[str, int], play: subprocess.Popen[bytes]) -> pd.DataFrame:
    """Resident MB of each process every few seconds while `play` runs; index: minutes."""
    began = time.monotonic()
    looks = []
    while play.poll() is None:
        look = {name: _resident_mb(pid) for name, pid in watched.items()}
        looks.append({"minutes": (time.monotonic() - began) / 60} | look)
        time.sleep(_LOOK_SECONDS)
    return pd.DataFrame(looks).set_index("minutes")


def _resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def _freshness(lake: Lake) -> pd.DataFrame:
    """table_name, arrived_at, fresh_s, messages: one row for each object in each silver table."""
    ledger = Ledger(lake, is_reader=True)
    rows = []
    ingested = ledger.of("ingest")
    for table in tables.SILVER:
        committed = {
            entry["version"]: entry["timestamp"] / 1000 for entry in lake.open(table).history()
        }
        for batch in ledger.of("refine", table.name):
            if batch.version_after is None or batch.source_to is None:
                continue
            after = -1 if batch.source_from is None else batch.source_from
            for source in ingested:
                if after < (source.version_after or 0) <= batch.source_to:
                    for name in source.objects:
                        at = arrived_at(name)
                        assert at is not None
                        rows.append(
                            (table.name, at, committed[batch.version_after] - at.timestamp())
                        )
    return pd.DataFrame(rows, columns=["table_name", "arrived_at", "fresh_s"])


def _sums(lake: Lake, landed: int) -> Row:
    """The share of the landed lines that the ledger accounts for; 1 is exact."""
    ledger = Ledger(lake, is_reader=True)
    ingested = sum(batch.messages_in for batch in ledger.of("ingest"))
    return Row(
        "lines in the ledger, of those landed", ingested / landed, "share", 1.0, landed, "lines"
    )


def _fresh_rows(fresh: pd.DataFrame, rate: float) -> list[Row]:
    begin = fresh["arrived_at"].min() + pd.Timedelta(minutes=_WARM_UP_MINUTES)
    steady = fresh[fresh["arrived_at"] >= begin]
    rows = []
    for name, seen in steady.groupby("table_name"):
        middle = (
            seen["arrived_at"].min() + (seen["arrived_at"].max() - seen["arrived_at"].min()) / 2
        )
        late = seen[seen["arrived_at"] >= middle]["fresh_s"].quantile(0.95)
        rows.append(
            Row(
                f"{name}, freshness p95 at {rate:,.0f}/s",
                seen["fresh_s"].quantile(0.95),
                "s",
                7.0
                if name in ("silver.sightings", "silver.readings", "silver.rfid_reads")
                else 30.0,
                late,
                "in the second half",
                is_at_most=True,
            )
        )
    return rows


def _memory_rows(memory: pd.DataFrame) -> list[Row]:
    half = memory.index.max() / 2
    return [
        Row(
            f"most memory of the {name}",
            memory[name].max(),
            "MB",
            None,
            memory[memory.index < half][name].max(),
            "in the first half",
        )
        for name in memory
    ]


if __name__ == "__main__":
    main()
