"""What `lakehouse sql` takes, and whether many who ask at once see whole batches and new ones.

    make bench-sql                    every part
    make bench-sql PART=analysts      one of them; MINUTES=1 ANALYSTS=5 less

first     from the start of the process to the answer
warm      a group-by over two million rows (ROWS=200000 fewer), beside Polars
analysts  20 at once for five minutes, a process each, while `lakehouse stream` writes. Exits 1 where
          one was refused, saw a part of a batch, or did not see what had been committed before;
          the control asks the tables as they were when the others began
"""

import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from bench import homes, processes, publishing
from bench.results import Row, publish
from lakehouse import s3_server, settings, tables
from lakehouse.errors import BadQuery
from lakehouse.lake import Lake
from lakehouse.query import Session
from lakehouse.settings import PROJECT

_EVENTS, _GOLD = tables.by_name("bronze.events"), tables.by_name("gold.shop_hours")
_STARTS, _ASKED = 10, 20
_RATE = 200  # messages a second that are played beside the analysts
_MOST_START_SECONDS = 300.0
_THINKS_S = 2.0
_BATCHES = "SELECT batch_id, count(*) AS messages FROM bronze.events GROUP BY ALL"
_QUESTIONS = (
    _BATCHES,
    "SELECT shop_id, sum(net_revenue_cents) / 100 AS revenue FROM gold.shop_hours GROUP BY ALL",
    "SELECT shop_id, sum(baskets) / sum(visitors) FROM gold.shop_hours GROUP BY ALL",
    "SELECT table_name, count(*) FROM ops.quarantine GROUP BY ALL",
    "SELECT metric, count(*), avg(value) FROM silver.readings GROUP BY ALL",
    "SELECT device_id, max(too_warm_s) FROM gold.fridge_hours GROUP BY ALL ORDER BY 2 DESC LIMIT 5",
)


@dataclass(frozen=True)
class Asked:
    """What an analyst asked.

    began    s since 1970
    batches  what was seen of each batch, by its id; null for other questions
    fault    why there was no answer
    """

    began: float
    seconds: float
    batches: dict[str, int] | None
    fault: str | None


def main() -> None:
    """Run the parts, print and write the results."""
    wanted = os.environ.get("PART") or "all"
    if wanted not in (*PARTS, "all"):
        sys.exit(f"bench-sql: no part called '{wanted}'; there are {', '.join(PARTS)}")
    with homes.lake("bench-sql") as lake:
        parts = [part for name, part in PARTS.items() if wanted in (name, "all")]
        rows = [row for part in parts for row in part(lake)]
        publish("bench-sql" if wanted == "all" else f"bench-sql-{wanted}", rows)
        if broken := [row.name for row in rows if row.is_promise and not row.met]:
            sys.exit(f"bench-sql: {'; '.join(broken)}")


def warm(lake: Lake) -> list[Row]:
    """A group-by over many rows, by who has asked before."""
    count = int(os.environ.get("ROWS") or 2_000_000)
    lake.append(publishing.TABLE, publishing.rows(count))
    session = Session(lake)
    asked = (
        f"SELECT shop_id, count(*), sum(entries), avg(noise_leq_db) FROM {publishing.TABLE.name}"
    )
    frame = pl.scan_delta(lake.uri(publishing.TABLE), storage_options=lake.storage_options)
    grouped = frame.group_by("shop_id").agg(
        pl.len(), pl.col("entries").sum(), pl.col("noise_leq_db").mean()
    )
    ours = _median(lambda: session.ask(f"{asked} GROUP BY ALL"))
    theirs = _median(grouped.collect)
    name = f"group-by over {count:,} rows, asked before"
    return [Row(name, ours, "s", 0.1, theirs, "s by Polars", is_at_most=True)]


def first(lake: Lake) -> list[Row]:
    """A question asked of the command line, the storage up."""
    if not lake.exists(publishing.TABLE):
        lake.append(publishing.TABLE, publishing.rows(1000))
    question = f"SELECT count(*) FROM {publishing.TABLE.name}"
    command = [sys.executable, "-m", "lakehouse.cli", "sql", question]
    seconds = _median(lambda: subprocess.run(command, check=True, capture_output=True), _STARTS)
    bare = _median(
        lambda: subprocess.run([sys.executable, "-c", "import duckdb"], check=True), _STARTS
    )
    name = "first answer of `lakehouse sql`, from the start of the process"
    return [Row(name, seconds, "s", 1.0, bare, "s to import DuckDB", is_at_most=True)]


def analysts(lake: Lake) -> list[Row]:
    """Many who ask at once while a stream writes."""
    minutes = float(os.environ.get("MINUTES") or 5)
    count = int(os.environ.get("ANALYSTS") or 20)
    log = settings.home() / "stream.log"
    with processes.lakehouse("stream", log=log) as stream:
        processes.until(lambda: "caught up" in log.read_text(), [stream], _MOST_START_SECONDS)
        options = ("--rate", f"{_RATE}", "--minutes", f"{minutes + 2}")
        with processes.lakehouse("play", *options, log=settings.home() / "play.log"):
            processes.until(lambda: lake.rows(_GOLD) > 0, [stream], _MOST_START_SECONDS)
            pinned = Session(lake, lake.version(_EVENTS))
            command = [sys.executable, "-m", "bench.sql", "analyst"]
            asking = [
                subprocess.Popen(
                    [*command, str(seed), str(minutes * 60)], stdout=subprocess.PIPE, text=True
                )
                for seed in range(count)
            ]
            said = [one.communicate()[0] for one in asking]
    control = _ask(pinned, _BATCHES)
    asked = [Asked(**json.loads(line)) for lines in said for line in lines.splitlines()]
    return _judged(lake, asked, count, control)


def _judged(lake: Lake, asked: list[Asked], count: int, control: Asked) -> list[Row]:
    refused = [one.fault for one in asked if one.fault]
    whole = {row["batch_id"]: row["messages"] for row in Session(lake).ask(_BATCHES).to_pylist()}
    looks = [one for one in asked if one.batches is not None]
    parts = sum(
        messages != whole[batch]
        for one in looks
        for batch, messages in one.batches.items()  # type: ignore[union-attr]
    )
    committed = {
        commit.note["batch"]["batch_id"]: lake.committed_at(_EVENTS, commit.version).timestamp()
        for commit in lake.commits(_EVENTS)
        if commit.note.get("batch", {}).get("batch_id") in whole
    }
    stale, of_control = (_unseen(some, committed) for some in (looks, [control]))
    seconds = [one.seconds for one in asked if not one.fault]
    batches = max(len(one.batches or {}) for one in looks) if looks else 0
    return [
        Row(
            f"answers to {count} analysts at once, p95",
            statistics.quantiles(seconds, n=20)[18],
            "s",
            None,
            statistics.median(seconds),
            "s, median",
        ),
        Row("answers", len(seconds), "answers", None, batches, "batches seen at most"),
        Row("questions refused", len(refused), "questions", 0, is_at_most=True, is_promise=True),
        Row("parts of batches seen", parts, "parts", 0, is_at_most=True, is_promise=True),
        Row(
            "batches committed before and not seen",
            stale,
            "batches",
            0,
            of_control,
            "not seen by the control",
            is_at_most=True,
            is_promise=True,
        ),
        Row("batches that the control did not see", of_control, "batches", 1, is_promise=True),
    ]


def _unseen(looks: list[Asked], committed: dict[str, float]) -> int:
    """Batches that were committed before somebody asked and that were not in the answer."""
    return sum(
        at < one.began and batch not in (one.batches or {})
        for one in looks
        for batch, at in committed.items()
    )


def analyst(seed: int, seconds: float) -> None:
    """Ask one of the questions after the other; a line of JSON for each."""
    where = settings.load(PROJECT / "conf" / "local.yml")
    chance, end = random.Random(seed), time.monotonic() + seconds
    with s3_server.running(where) as endpoint:
        session = Session(Lake(where, endpoint), memory="500MB")
        while time.monotonic() < end:
            time.sleep(chance.uniform(0, 2 * _THINKS_S))
            print(json.dumps(asdict(_ask(session, chance.choice(_QUESTIONS)))), flush=True)


def _ask(session: Session, question: str) -> Asked:
    began, since = time.time(), time.perf_counter()
    try:
        rows = session.ask(question).to_pylist()
    except BadQuery as fault:
        return Asked(began, time.perf_counter() - since, None, str(fault))
    took = time.perf_counter() - since
    of = {row["batch_id"]: row["messages"] for row in rows} if question is _BATCHES else None
    return Asked(began, took, of, None)


def _median(call: Callable[[], Any], times: int = _ASKED) -> float:
    """Seconds of a call, after two that do not count."""
    seconds = []
    for _ in range(times + 2):
        since = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - since)
    return statistics.median(seconds[2:])


PARTS: dict[str, Callable[[Lake], list[Row]]] = {"first": first, "warm": warm, "analysts": analysts}

if __name__ == "__main__":
    if sys.argv[1:2] == ["analyst"]:
        analyst(int(sys.argv[2]), float(sys.argv[3]))
    else:
        main()
