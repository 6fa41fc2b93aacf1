"""Commits: many writers, lost answers, and what it all costs."""

import re
import subprocess
import time
from pathlib import Path

import pyspark

from bench.chaos.drivers import HOME, Outcome, acknowledged, drivers, ground
from bench.chaos.writer import TABLE, shared
from bench.results import Row
from lakehouse import jars
from lakehouse.machine import java
from lakehouse.settings import PROJECT
from tests import fault_proxy
from tests.fault_proxy import Fault, Kind

_LOG = re.compile(r"/_delta_log/(\d{20})\.json$")
# A look for the next version and its write lie so far apart for both log stores, or the stock one may
# lose nothing on a machine at rest.
_LATE, _LATER = Fault(Kind.DELAY, seconds=0.3), Fault(Kind.DELAY, seconds=0.8)
_MERGING, _ENDLESS = ("left", "right"), 10_000
_WARM, _TIMED = 20, 80  # commits of each driver
# As it is without us: the flag that spares requests would have it write over what is there.
_STOCK = {
    "spark.delta.logStore.s3a.impl": "io.delta.storage.S3SingleDriverLogStore",
    "spark.hadoop.fs.s3a.performance.flags": "",
}


def writers(endpoint: str, seed: int) -> Outcome:
    """Four drivers append to one table, 50 commits each; the control, of 15, has Delta's own log store."""
    del seed  # the drivers race as they do
    outcome = Outcome()
    lost = {}
    for name, conf, turns in (("ours", {}, 50), ("stock", _STOCK, 15)):
        with fault_proxy.running(endpoint) as proxy:
            proxy.plan = _late_commits(_LATE)
            at = ground(f"writers-{name}", proxy.endpoint, endpoint, conf)
            told, is_well = acknowledged(*(at.task(f"w{one}", "append", turns) for one in range(4)))
        there = [str(row["id"]) for row in at.rows]
        lost[name] = len(told - set(there))
        if name == "ours":
            outcome.must(is_well and len(told) == 200, f"{len(told)} of 200 acknowledged")
            outcome.must(sorted(there) == sorted(told), f"{len(there)} rows of {len(told)}")
            outcome.must(at.versions == 200, f"{at.versions} versions of 200")
    outcome.rows.append(
        Row(
            "4 drivers x 50 appends, acknowledged rows lost",
            lost["ours"],
            "rows",
            0,
            lost["stock"],
            "of 60 with the stock log store",
            is_at_most=True,
        )
    )
    outcome.must(lost["stock"] > 0, "the stock log store lost nothing: the check does not bite")
    return outcome


def merges(endpoint: str, seed: int) -> Outcome:
    """Two drivers merge overlapping ids while a third compacts: each row is what was said last. The
    control has Delta's own log store, which loses merges.
    """
    del seed
    outcome = Outcome()
    wrong, _ = _merged("ours", endpoint, {}, 25, outcome)
    _, lost = _merged("stock", endpoint, _STOCK, 10, Outcome())
    outcome.rows.append(
        Row(
            "2 drivers x 25 MERGEs beside compaction, wrong rows",
            wrong,
            "rows",
            0,
            lost,
            "MERGEs of 20 lost with the stock log store",
            is_at_most=True,
        )
    )
    outcome.must(lost > 0, "the stock log store lost nothing: the check does not bite")
    return outcome


def _merged(
    name: str, endpoint: str, conf: dict[str, str], turns: int, outcome: Outcome
) -> tuple[int, int]:
    """Rows that are not what the last commit said of them; acknowledged merges without a commit."""
    with fault_proxy.running(endpoint) as proxy:
        proxy.plan = _late_commits(_LATER)
        at = ground(f"merges-{name}", proxy.endpoint, endpoint, conf)
        with drivers(at.task("third", "compact", _ENDLESS)) as [third]:
            told, is_well = acknowledged(*(at.task(who, "merge", turns) for who in _MERGING))
            is_well &= third.poll() is None
    outcome.must(is_well, f"a driver failed; see {HOME}")
    expected = {}
    noted = [commit.note for commit in at.lake.commits(TABLE)]
    for note in noted:
        writer, turn = note["writer"], note["turn"]
        expected |= dict.fromkeys(shared(writer, turn), (writer, turn))
    found = {row["id"]: (row["writer"], row["turn"]) for row in at.rows}
    wrong = sum(found.get(one) != said for one, said in expected.items())
    outcome.must(found == expected and len(at.rows) == len(found), f"{wrong} rows are wrong")
    lost = told - {f"{note['writer']}-{note['turn']}" for note in noted}
    done = [entry.get("operation") for entry in at.lake.open(TABLE).history()]
    outcome.must("OPTIMIZE" in done, "nothing was compacted beside the MERGEs")
    outcome.must(len(noted) == len(told) == 2 * turns and not lost, f"{len(noted)} commits")
    return wrong, len(lost)


def answers(endpoint: str, seed: int) -> Outcome:
    """100 commits whose answer is dropped: one version each. The control, of 30, forgets its tokens,
    and every second answer is dropped, or it would try for ever.
    """
    del seed
    outcome = Outcome()
    more = {}
    forgetful = {
        "spark.delta.logStore.s3a.impl": "lakehouse.delta.ForgetfulLogStore",
        "spark.driver.extraClassPath": f"{jars.class_path()}:{_forgetful()}",
        "spark.databricks.delta.commit.idempotencyCheck.enabled": "false",
    }
    for name, conf, every, turns in (("ours", {}, 1, 100), ("forgetful", forgetful, 2, 30)):
        with fault_proxy.running(endpoint) as proxy:
            proxy.plan = _drop_answers(every)
            at = ground(f"answers-{name}", proxy.endpoint, endpoint, conf)
            told, is_well = acknowledged(at.task("w", "append", turns, is_once=every == 1))
            dropped = len(proxy.seen)
        more[name] = at.versions - len(told)
        if name == "ours":
            there = sorted(str(row["id"]) for row in at.rows)
            outcome.must(is_well and len(told) == 100, f"{len(told)} of 100 acknowledged")
            outcome.must(there == sorted(told), f"{len(there)} rows of {len(told)}")
            outcome.must(at.versions == dropped == 100, f"{at.versions} versions, {dropped} drops")
    outcome.rows.append(
        Row(
            "100 commits whose answer is dropped, versions too many",
            more["ours"],
            "versions",
            0,
            more["forgetful"],
            "without token and idempotency check",
            is_at_most=True,
        )
    )
    outcome.must(more["forgetful"] > 0, "the forgetful log store did well: the check does not bite")
    return outcome


def _late_commits(late: Fault) -> fault_proxy.Plan:
    return lambda method, path: late if method == "PUT" and _LOG.search(path) else None


def _drop_answers(every: int) -> fault_proxy.Plan:
    """Drop the answer to the first PUT of each commit whose version is a multiple of `every`."""
    seen: set[str] = set()

    def plan(method: str, path: str) -> Fault | None:
        found = _LOG.search(path)
        if method != "PUT" or not found or path in seen or int(found[1]) % every:
            return None
        seen.add(path)
        return Fault(Kind.DROP_ANSWER)

    return plan


def _forgetful() -> Path:
    """The folder of the control's log store, compiled now."""
    folder = HOME / "java"
    folder.mkdir(exist_ok=True)
    source = PROJECT / "tests" / "java" / "lakehouse" / "delta" / "ForgetfulLogStore.java"
    path = f"{Path(pyspark.__file__).parent / 'jars'}/*:{jars.class_path()}"
    subprocess.run([java("javac"), "-cp", path, "-d", folder, source], check=True)
    return folder


def throughput(endpoint: str, seed: int) -> Outcome:
    """One writer's commits a second, ours and the stock log store: two drivers, a commit each in turn,
    so that what else the machine does meets both.
    """
    del seed
    taken: dict[str, list[float]] = {"ours": [], "stock": []}
    confs = ({}, _STOCK)
    tasks = [
        ground(f"speed-{name}", endpoint, endpoint, conf).task(
            "w", "append", _WARM + _TIMED, is_told=True
        )
        for name, conf in zip(taken, confs, strict=True)
    ]
    with drivers(*tasks) as started:
        pairs = list(zip(taken.values(), started, strict=True))
        for turn in range(_WARM + _TIMED):
            for seconds, process in pairs if turn % 2 else pairs[::-1]:
                assert process.stdin and process.stdout
                process.stdin.write("\n")
                process.stdin.flush()
                began = time.monotonic()
                if not process.stdout.readline():
                    raise RuntimeError(f"a driver ended; see {HOME}")
                if turn >= _WARM:
                    seconds.append(time.monotonic() - began)
    rate = {name: len(seconds) / sum(seconds) for name, seconds in taken.items()}
    share = rate["ours"] / rate["stock"]
    return Outcome(
        [
            Row(
                "commits a second, of the stock log store's",
                share,
                "share",
                0.9,
                rate["stock"],
                "commits/s with the stock one",
            )
        ]
    )
