"""Freshness and steadiness of `lakehouse stream` while messages land at a set rate.

    make bench-live                              5,000 messages/s for 10 minutes
    make bench-live RATE=2000 MINUTES=60         an hour of play

`lakehouse play`, `lakehouse stream` and the storage server are processes of their own on this
machine, in a lakehouse of its own. Freshness of a landed object in a silver table is the instant
of the commit that brought it there less the instant in the object's name; the first minutes, in
which the JVM compiles what is hot, are left out. Exits 1 where the sums are not exact: what `play`
says it landed, bronze and quarantine, and what each silver table accounts for.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pandas as pd

from bench import memory, processes, sums
from bench.processes import Process
from bench.results import Row, publish
from lakehouse import s3_server, settings, tables
from lakehouse.lake import Lake
from lakehouse.landing.lines import arrived_at
from lakehouse.ledger import Batch, Ledger
from lakehouse.settings import PROJECT
from lakehouse.tables import Table

_WARM_UP = timedelta(minutes=5)
_MOST_START_SECONDS = 300.0
_MOST_REST_SECONDS = 1200.0  # to ingest and refine what is left when the play is over
_GOLD = tables.by_name("gold.shop_hours")


def main() -> None:
    """Play, stream, measure, print and write the results."""
    rate = float(os.environ.get("RATE", "5000"))
    minutes = float(os.environ.get("MINUTES", "10")) + _WARM_UP.total_seconds() / 60
    home = PROJECT / ".cache" / "bench-live"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    os.environ["LAKEHOUSE_HOME"] = str(home)
    where = settings.load(PROJECT / "conf" / "local.yml")
    with s3_server.running(where) as endpoint:
        lake = Lake(where, endpoint)
        lines, seconds, looks = _play(lake, home, rate, minutes)
        ledger = Ledger(lake, is_reader=True)
        ingested = sum(batch.messages_in for batch in ledger.of("ingest"))
        missing = sums.missing(ledger)
        rows = [
            Row("rate landed", lines / seconds, "messages/s", 0.98 * rate),
            _hot_share(ledger),
            *_freshness(lake, ledger, rate),
            *_gold(lake),
            *memory.rows(looks),
            Row("lines in the ledger, of those landed", ingested / lines, "share", 1.0),
        ]
    publish("bench-live", rows)
    if ingested != lines or missing:
        sys.exit(f"bench-live: {lines:,} landed, {ingested:,} ingested; not refined: {missing}")
    shutil.rmtree(home, ignore_errors=True)


def _play(
    lake: Lake, home: Path, rate: float, minutes: float
) -> tuple[int, float, list[dict[str, float]]]:
    """Play beside a stream until all is refined; lines, seconds of play, looks at the memory."""
    log = home / "stream.log"
    with processes.lakehouse("stream", log=log) as stream:
        processes.until(lambda: "caught up" in log.read_text(), [stream], _MOST_START_SECONDS)
        options = ("--rate", f"{rate}", "--minutes", f"{minutes}")
        with (
            processes.lakehouse("play", *options, log=home / "play.log") as play,
            memory.watched(_processes(stream, home)) as looks,
        ):
            longest = minutes * 60 * 2 + _MOST_START_SECONDS
            processes.until(lambda: play.poll() is not None, [stream], longest)
        said = (home / "play.log").read_text()
        found = re.search(r"play: ([\d,]+) lines landed in ([\d,]+) s", said)
        if play.returncode or found is None:
            sys.exit(said)
        lines, seconds = (int(number.replace(",", "")) for number in found.groups())
        processes.until(lambda: _is_refined(lake, lines), [stream], _MOST_REST_SECONDS, every_s=5)
        stream.send_signal(signal.SIGTERM)
        if stream.wait(_MOST_REST_SECONDS):
            sys.exit(log.read_text()[-2000:])
    return lines, seconds, looks


def _is_refined(lake: Lake, lines: int) -> bool:
    ledger = Ledger(lake, is_reader=True)
    is_in = sum(batch.messages_in for batch in ledger.of("ingest")) >= lines
    return is_in and not sums.missing(ledger)


def _processes(stream: Process, home: Path) -> dict[str, int]:
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


def _hot_share(ledger: Ledger) -> Row:
    hot, every = (
        sum(batch.messages_in for table in of for batch in ledger.of("refine", table.name))
        for of in ([table for table in tables.SILVER if table.is_hot], tables.SILVER)
    )
    return Row("messages of hot tables, of those refined", hot / every, "share", 0.9)


def _freshness(lake: Lake, ledger: Ledger, rate: float) -> list[Row]:
    """p95 of each silver table after the warm-up, beside that of the second half."""
    rows = []
    for table in tables.SILVER:
        fresh = _fresh(lake, ledger, table)
        steady = fresh[fresh.index >= _began(ledger) + _WARM_UP]
        if steady.empty:  # reference sets land at the beginning
            continue
        middle = steady.index.min() + (steady.index.max() - steady.index.min()) / 2
        rows.append(
            Row(
                f"{table.name}, freshness p95 at {rate:,.0f}/s",
                float(steady.quantile(0.95)),
                "s",
                7.0 if table.is_hot else 30.0,
                float(steady[steady.index >= middle].quantile(0.95)),
                "in the second half",
                is_at_most=True,
            )
        )
    return rows


def _began(ledger: Ledger) -> pd.Timestamp:
    names = [name for batch in ledger.of("ingest") for name in batch.objects]
    return pd.Timestamp(min(at for at in map(arrived_at, names) if at))


def _fresh(lake: Lake, ledger: Ledger, table: Table) -> "pd.Series[float]":
    """Seconds from the landing to the commit of each object that held messages for the table's
    feed, as far as batches tell; index: when it landed.
    """
    committed = _committed(lake, table)
    ingested = [batch for batch in ledger.of("ingest") if batch.feeds.get(table.feed or "")]
    found: dict[datetime, float] = {}
    for batch in ledger.of("refine", table.name):
        if batch.version_after is not None:
            done = committed[batch.version_after]
            for source in ingested:
                if _holds(batch, source):
                    found |= {
                        at: done - at.timestamp() for at in map(arrived_at, source.objects) if at
                    }
    index = pd.DatetimeIndex(list(found), tz="UTC")
    return pd.Series(list(found.values()), index=index, dtype=float)


def _holds(batch: Batch, source: Batch) -> bool:
    """Whether a batch of refine read what a batch of ingest wrote."""
    after = -1 if batch.source_from is None else batch.source_from
    version, until = source.version_after, batch.source_to
    return version is not None and until is not None and after < version <= until


def _committed(lake: Lake, table: Table) -> dict[int, float]:
    """When each version of a table was committed, s since 1970."""
    return {entry["version"]: entry["timestamp"] / 1000 for entry in lake.open(table).history()}


def _gold(lake: Lake) -> list[Row]:
    at = sorted(when for version, when in _committed(lake, _GOLD).items() if version > 0)
    between = pd.Series([later - sooner for sooner, later in pairwise(at)], dtype=float)
    if between.empty:
        return []
    return [
        Row(
            f"{_GOLD.name}, between two commits, median",
            float(between.median()),
            "s",
            61.0,  # each minute; a commit may take longer than the one before
            float(between.max()),
            "at most",
            is_at_most=True,
        )
    ]


if __name__ == "__main__":
    main()
