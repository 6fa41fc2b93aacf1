"""A driver that runs stages when it is told to: `python -m bench.chaos.stages TASK`.

Each line of its stdin names stages; it says "done" when they are. Its session is started and warmed
before, the lakehouse is opened at the first line.
"""

import sys

from pydantic import BaseModel

from lakehouse import landing, session, tables
from lakehouse.delta import Once, Store
from lakehouse.flow import build, maintain, once, place
from lakehouse.flow.place import Place
from lakehouse.lake import Lake
from lakehouse.ledger import Ledger
from lakehouse.settings import Settings

EXPIRY = "expire"  # the part of maintenance that takes landed objects away


class Task(BaseModel):
    """Where it works; `is_naive` is the control: it trusts Spark's checkpoint alone."""

    settings: Settings
    endpoint: str
    is_naive: bool = False


def main() -> None:
    """Run stages until stdin ends."""
    task = Task.model_validate_json(sys.argv[1])
    if task.is_naive:
        _forget()
    with session.spark(task.settings, task.endpoint, "chaos") as spark:
        landing.register(spark)
        spark.range(1).collect()
        at = None
        for line in sys.stdin:
            at = at or place.at(task.settings, task.endpoint, spark)
            run(at, line)
            print("done", flush=True)


def run(at: Place, stages: str) -> None:
    """Run stages, named with blanks between, one after the other.

    Gold without what is built from whole days: those tables are written as the others are, and take
    most of the time.
    """
    for stage in stages.split():
        if stage == maintain.STAGE:
            with at.alone(stage):
                for table in tables.TABLES:
                    maintain.table(at, table)
        elif stage == EXPIRY:
            with at.alone(maintain.STAGE):
                maintain.expire_landing(at)
        else:
            once.run(at, stage, build.quick if stage == build.STAGE else None)


def _forget() -> None:
    """Write without transaction ids, and do not ask the ledger what was done."""
    append = Store.append

    def naive(self, table, rows, noted, once: Once | None = None) -> None:  # type: ignore[no-untyped-def]
        del once
        append(self, table, rows, noted)

    Store.append = naive  # type: ignore[method-assign]
    Ledger.ingested = lambda self: set()  # type: ignore[method-assign]
    Lake.transaction = lambda self, table, app: -1  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
