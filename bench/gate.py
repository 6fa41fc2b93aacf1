"""What the gate costs: a version of a million readings on S3, judged by its rule file, beside the
same rules in the words that Great Expectations has of its own.

    make bench-gate              ROWS=100000 fewer

The session is warm: the first judgement of a process, which also loads Great Expectations and has
the JVM compile, is told apart.
"""

import os
import time
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from bench import homes
from bench.results import Row, publish
from lakehouse import tables
from lakehouse.delta import Store
from lakehouse.flow import place, sight, suites
from lakehouse.flow.figures import Figures
from lakehouse.flow.place import Place

_READINGS, _DEVICES = tables.by_name("silver.readings"), tables.by_name("silver.devices")
_DEVICES_OF = 97
_SECONDS = 0.6  # between two of all readings
_AIM_SECONDS = 5.0


def main() -> None:
    """Write the readings, judge them, print and write the results."""
    rows = int(os.environ.get("ROWS") or 1_000_000)
    with homes.lake("bench-gate") as lake, place.opened(lake.settings, "bench") as at:
        _write(at, rows)
        took = {name: _took(at, raw, rows) for name, raw in _suites().items()}
    first, warm = took["ours"]
    publish(
        "bench-gate",
        [
            Row(f"the gate, {rows:,} rows", warm, "s", _AIM_SECONDS, took["its"][1],
                "s in GX's own words", is_at_most=True),
            Row("its first run in a process", first, "s"),
        ],
    )  # fmt: skip


def _write(at: Place, rows: int) -> None:
    number = F.col("id")
    began = F.lit("2026-03-01 00:00:00").cast("timestamp")
    values = {
        "shop_id": F.concat(F.lit("S"), number % 3),
        "measured_at": began + F.make_dt_interval(secs=number * _SECONDS),
        "event_id": F.substring(F.sha2(number.cast("string"), 256), 1, 32),
        "device_id": F.concat(F.lit("device-"), number % _DEVICES_OF),
        "zone_id": F.lit("aisle"),
        "metric": F.element_at(
            F.array(*map(F.lit, ("temperature", "humidity", "co2"))), (number % 3 + 1).cast("int")
        ),
        "value": F.rand(1) * 20,
        "unit": F.lit("C"),
        "is_late": F.lit(False),
        "source_object": F.concat(F.lit("2026-03-01/gw_"), (number / 500).cast("int")),
        "source_line": (number % 500 + 1).cast("int"),
        "arrived_at": began + F.make_dt_interval(secs=number * _SECONDS + 1),
        "batch_id": F.lit("bench"),
    }
    readings = at.spark.range(rows).select(*(value.alias(name) for name, value in values.items()))
    at.store.append(_READINGS, readings, {})
    device = {
        "device_id": F.concat(F.lit("device-"), number),
        "interval_s": F.lit(_SECONDS * _DEVICES_OF * 3),  # of each of its three metrics
        "valid_from": began,
        "event_id": number.cast("string"),
        "source_object": F.lit("bench"),
        "source_line": number.cast("int"),
        "arrived_at": began,
        "batch_id": F.lit("bench"),
    }
    devices = at.spark.range(_DEVICES_OF).select(
        *(value.alias(name) for name, value in device.items())
    )
    at.store.append(_DEVICES, devices, {})


def _suites() -> dict[str, list[dict[str, Any]]]:
    """The rules of readings as they are, and with what GX has of its own for two of them."""
    ours = list(suites.of(_READINGS).raw)
    theirs = {
        "key_is_unique": {
            "type": "expect_column_values_to_be_unique",
            "kwargs": {"column": "event_id"},
        },
        "devices_are_known": {
            "type": "unexpected_rows_expectation",
            "kwargs": {
                "unexpected_rows_query": "SELECT device_id FROM {batch} "
                "LEFT ANTI JOIN silver_devices USING (device_id) WHERE subject IS NULL"
            },
        },
    }
    its = [one | theirs.get(one["meta"]["id"], {}) for one in ours]
    assert its != ours
    return {"ours": ours, "its": its}


def _took(at: Place, raw: list[dict[str, Any]], rows: int) -> tuple[float, float]:
    """Seconds of the first judgement, and of the quickest of three after it."""
    from lakehouse.quality import judge  # noqa: PLC0415  its loading is part of the first

    seen = {table.name: at.lake.version(table) for table in tables.TABLES}
    took = []
    for _ in range(4):
        began = time.perf_counter()
        frame = _frame(at, seen)
        found, _ = judge.judge(_READINGS.name, frame, raw, {"kept": rows}, ("subject",))
        took.append(time.perf_counter() - began)
        assert all(one.holds for one in found), [one for one in found if not one.holds]
    return took[0], min(took[1:])


def _frame(at: Place, seen: dict[str, int]) -> DataFrame:
    session = at.spark.newSession()
    store = Store(session, at.settings, at.lake)
    # The reference is the version itself, so that no row is newer: it is read all the same.
    sight.name_views(store, suites.of(_READINGS), seen, seen[_READINGS.name])
    sight.name_ledger(session, Figures(at.ledger, {}))
    return store.read(_READINGS, seen[_READINGS.name])


if __name__ == "__main__":
    main()
