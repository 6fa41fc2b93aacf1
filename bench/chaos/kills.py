"""Kills: a driver and its JVM are killed at chosen requests to the storage, again and again.

The proxy between them and the server holds the request at which a cut is to be made and says so;
the driver's whole process group is killed then. So a cut can be made between any two requests, and
the stages know nothing of it. Each restart runs into the next cut; the last one ends, and then every
table must equal that of a lakehouse to which the same objects landed and nothing happened.
"""

import contextlib
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from bench.chaos import lakes
from bench.chaos.cuts import CUTS, STAGES, Cut, arm
from bench.chaos.drivers import Outcome, until
from bench.chaos.lakes import Relay
from bench.results import Row
from lakehouse import tables
from lakehouse.lake import Lake

_WANTED = 200


@dataclass
class Pair:
    """Two lakehouses to which the same lands; the drivers of one are killed.

    beside  runs stages of the other, which nothing befalls
    done    kills by the name of the cut
    """

    calm: Lake
    rough: Lake
    beside: Callable[[str], object]
    relay: Relay
    more: Iterator[dict[str, bytes]]
    done: Counter[str] = field(default_factory=Counter)

    def land(self) -> None:
        """Let the next few objects land in both."""
        objects = next(self.more)
        for lake in (self.calm, self.rough):
            lakes.land(lake, objects)

    def through(self, chain: Sequence[Cut], stages: str = STAGES) -> list[str]:
        """Run one driver after the other into a cut, the last one all stages to their end; the
        differences then.
        """
        self.land()
        stage = ""
        for cut in chain:
            if cut.stage == "ingest":  # which has nothing to do once a batch is committed
                self.land()
            # A stage that was killed has still to do what it was killed at.
            is_killed = killed(self.relay, cut, cut.before if cut.stage != stage else "")
            stage = cut.stage
            self.done[cut.name] += is_killed
            print(f"chaos: {'killed' if is_killed else 'not reached'}, {cut.name}", flush=True)
        with ThreadPoolExecutor(1) as threads, self.relay.next() as (_, last):
            calm = threads.submit(self.beside, stages)
            lakes.run(last, stages)
            calm.result()
        return lakes.differences(self.calm, self.rough)


@contextlib.contextmanager
def pair(
    endpoint: str,
    shares: Sequence[dict[str, bytes]],
    calm: Lake,
    beside: Callable[[str], object],
    rough: str = "rough",
) -> Iterator[Pair]:
    """A pair that has ingested the first share, the other one called `rough`; its tables are
    made, no cut is among those commits.
    """
    lake = lakes.lake(rough, endpoint)
    with contextlib.closing(Relay(lake, endpoint)) as relay:
        made = Pair(calm, lake, beside, relay, iter(shares))
        made.land()
        beside("ingest")
        with relay.next() as (_, first):
            lakes.run(first, "ingest")
        yield made


def kills(endpoint: str, seed: int) -> Outcome:
    """Kills over all cuts, in chains; the control trusts Spark's checkpoint alone."""
    wanted = int(os.environ.get("KILLS") or _WANTED)
    outcome, chance = Outcome(), random.Random(seed)
    shares = lakes.shares()
    lakes.archive(endpoint, shares[0], STAGES)
    calm = lakes.lake("calm", endpoint)
    recoveries = equal = 0
    began = time.monotonic()

    with (
        lakes.driver(calm, endpoint) as ready,
        pair(endpoint, shares, calm, partial(lakes.run, ready)) as both,
    ):
        while both.done.total() < wanted:
            turns = ((cut, min(chance.choice((2, 2, 3)), cut.most)) for cut in CUTS)
            chain = [cut for cut, times in turns for _ in range(times)]
            chain = chain[: wanted - both.done.total()]
            differs = both.through(chain)
            recoveries += 1
            equal += not differs
            outcome.must(not differs, f"{differs} after {[cut.name for cut in chain]}")
            print(f"chaos: {both.done.total()} kills, {equal} of {recoveries} equal", flush=True)
    seconds = time.monotonic() - began
    never = [cut.name for cut in CUTS if not both.done[cut.name]]
    outcome.must(not never, f"cuts that were not reached: {never}")
    outcome.rows += [
        Row("kills", both.done.total(), "kills", wanted),
        Row("recoveries equal to the undisturbed run", equal, "recoveries", recoveries),
        *(Row(f"kills, {cut.name}", both.done[cut.name], "kills") for cut in CUTS),
        Row("time a kill, with recovery and comparison", seconds / wanted, "s"),
        _control(endpoint, shares[0], outcome),
    ]
    return outcome


def killed(relay: Relay, cut: Cut, before: str) -> bool:
    """Run the next driver into a cut, after the stages `before` it, and kill it there.

    False where it ended without reaching it.
    """
    with relay.next() as (proxy, driver):
        if before:
            lakes.run(driver, before)
        reached = arm(proxy, cut)
        is_done = lakes.start(driver, cut.stage)
        until(lambda: reached.is_set() or is_done.is_set(), [driver])
    return reached.is_set()


def _control(endpoint: str, objects: dict[str, bytes], outcome: Outcome) -> Row:
    """Rows of bronze that a driver doubles which trusts Spark's checkpoint alone."""
    lake = lakes.lake("naive", endpoint)
    lakes.land(lake, objects)
    [cut] = [cut for cut in CUTS if "/commits/" in cut.path]
    with contextlib.closing(Relay(lake, endpoint, is_naive=True)) as relay:
        killed(relay, cut, cut.before)
        with relay.next() as (_, driver):
            lakes.run(driver, "ingest")
    rows = lake.read(tables.by_name("bronze.events"), "source_object", "source_line")
    doubled = rows.num_rows - rows.group_by(rows.column_names).aggregate([]).num_rows
    outcome.must(doubled > 0, "the naive driver doubled nothing: the check does not bite")
    return Row("control without transaction ids and ledger, rows doubled", doubled, "rows", 1)
