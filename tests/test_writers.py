"""Several processes on one table of ops lose nothing: each is a driver of its own."""

import os
import subprocess
import sys
import textwrap

import pytest

from lakehouse import tables
from lakehouse.lake import Lake
from tests.worlds import lakehouse_in

# One process: a Spark driver of its own that appends to two tables of ops, a commit each time.
DRIVER = textwrap.dedent("""
    import sys
    from lakehouse import ledger, session, tables
    from lakehouse.delta import Store
    from lakehouse.lake import Lake
    from lakehouse.settings import Settings

    name, endpoint, appends, content = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    settings = Settings.model_validate_json(content)
    lake = Lake(settings, endpoint)
    repeats, batches = tables.by_name("ops.repeats"), ledger.Ledger(lake)
    with session.spark(settings, endpoint, name) as spark:
        store = Store(spark, settings, lake)
        for turn in range(appends):
            rows = spark.sql(
                f"SELECT 'ops.test' AS table_name, '{name}-{turn}' AS event_id, '{name}' AS "
                f"source_object, {turn} AS source_line, current_timestamp() AS arrived_at, "
                f"'{name}-{turn}' AS batch_id"
            )
            store.append(repeats, rows, {"part_of": f"{name}-{turn}"})
            batches.record([ledger.started("test", "ops.test", f"{name}-{turn}")])
""")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("appends", [8, pytest.param(50, marks=pytest.mark.slow)])
def test_two_processes_at_once_lose_no_commit(where, server, spark, appends):
    at = lakehouse_in(f"writers-{appends}", where, server, spark)
    before = at.lake.version(tables.by_name("ops.repeats"))
    content = at.settings.model_dump_json()
    drivers = [
        subprocess.Popen(
            [sys.executable, "-c", DRIVER, name, server, str(appends), content],
            env=dict(os.environ),
            stderr=subprocess.PIPE,
        )
        for name in ("left", "right")
    ]
    for driver in drivers:
        _, errors = driver.communicate(timeout=390)
        assert driver.returncode == 0, errors.decode()[-2000:]
    lake = Lake(at.settings, server)
    expected = {(f"{name}-{turn}",) for name in ("left", "right") for turn in range(appends)}
    for table in (tables.by_name("ops.repeats"), tables.by_name("ops.batches")):
        assert lake.distinct(table, "batch_id") >= expected, table.name
        assert lake.rows(table) == 2 * appends, table.name
    assert lake.version(tables.by_name("ops.repeats")) == before + 2 * appends
