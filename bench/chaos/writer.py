"""One driver that writes a table over and over, as a process: `python -m bench.chaos.writer TASK`.

It prints a line for each write that the table has acknowledged: its name and turn.
"""

import random
import sys

from pydantic import BaseModel

from lakehouse import session
from lakehouse.delta import Once, Store
from lakehouse.lake import Lake
from lakehouse.settings import Settings
from lakehouse.tables.schema import Column, Table

TABLE = Table(
    name="ops.chaos",
    grain="what a writer said last of an id",
    key=("id",),
    columns=(
        Column("id", "string", "of a write, or one that several writers write"),
        Column("writer", "string", "its name"),
        Column("turn", "int", "the writer's, from 0"),
        Column("batch_id", "string", "writer and turn"),
    ),
)
IDS = 40  # that merging writers share
_AT_ONCE = 10  # of them in a MERGE
_FILE_BYTES = 64 << 20


class Task(BaseModel):
    """What a driver does: `turns` appends (a row each), merges (some shared ids) or compactions.

    is_told  each turn waits for a line of stdin
    """

    name: str
    kind: str
    turns: int
    settings: Settings
    endpoint: str
    is_once: bool = True
    is_told: bool = False


def shared(name: str, turn: int) -> list[str]:
    """The ids that a merging writer writes in a turn; the same at each call."""
    return [f"id-{one}" for one in random.Random(f"{name}-{turn}").sample(range(IDS), _AT_ONCE)]


def main() -> None:
    """Write until the turns are over."""
    task = Task.model_validate_json(sys.argv[1])
    lake = Lake(task.settings, task.endpoint)
    with session.spark(task.settings, task.endpoint, task.name) as spark:
        store = Store(spark, task.settings, lake)
        for turn in range(task.turns):
            if task.is_told:
                sys.stdin.readline()
            if task.kind == "compact":
                store.optimize(TABLE, _FILE_BYTES)
            else:
                ids = [f"{task.name}-{turn}"] if task.kind == "append" else shared(task.name, turn)
                cells = [(one, task.name, turn, f"{task.name}-{turn}") for one in ids]
                rows = spark.createDataFrame(cells, TABLE.ddl)
                noted = {"writer": task.name, "turn": turn}
                if task.kind == "append":
                    store.append(
                        TABLE, rows, noted, Once(task.name, turn) if task.is_once else None
                    )
                else:
                    store.merge(TABLE, rows, rows.limit(0), noted)
            print(task.name, turn, flush=True)


if __name__ == "__main__":
    main()
