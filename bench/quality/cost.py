"""What it costs to judge rows as they are written, beside a plain write and beside GX.

    python -m bench.quality.cost

A million readings lie in a Delta table. They are written to another one: plainly; judged by the 12
row rules of readings.json here and split into what is kept and what is set aside; and split by what
Great Expectations says (COMPLETE, with index columns), then filtered. Then GX judges the written
table as the gate does (BOOLEAN_ONLY). Each is done three times, in another order each time; the
figure is the median. A round of a tenth of the rows before them warms the JVM up. ROWS=100000 takes
fewer.
"""

import os
import shutil
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import great_expectations as gx
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from bench.results import Row, publish
from lakehouse import rules, s3, s3_server, session, settings
from lakehouse.settings import PROJECT

ROWS = int(os.environ.get("ROWS", "1000000"))
ROUNDS = 3
BROKEN_SHARE = 0.01

_HOME = PROJECT / ".cache" / "bench-quality-cost"
_SUITE = "bench.readings"  # the file readings.json beside this one
_ID = "event_id"
Seconds = dict[str, float]


def main() -> None:
    """Measure, print and write the results."""
    shutil.rmtree(_HOME, ignore_errors=True)
    _HOME.mkdir(parents=True)
    os.environ["LAKEHOUSE_HOME"] = str(_HOME)
    where = settings.load(PROJECT / "conf" / "bench.yml")
    try:
        with s3_server.running(where) as endpoint:
            s3.ensure_buckets(s3.client(where, endpoint), [where.buckets.lake])
            with session.spark(where, endpoint, "bench") as spark:
                publish("quality-cost", _figures(spark, f"s3a://{where.buckets.lake}/cost"))
    finally:
        shutil.rmtree(_HOME, ignore_errors=True)


def _figures(spark: SparkSession, at: str) -> list[Row]:
    _round(spark, _source(spark, f"{at}/few", ROWS // 10), f"{at}/warm", list(_JOBS))
    source = _source(spark, f"{at}/source", ROWS)
    rounds = []
    for turn in range(ROUNDS):
        order = list(_JOBS)[turn:] + list(_JOBS)[:turn]
        rounds.append(_round(spark, source, f"{at}/{turn}", order))
    seconds = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    plain, judged, with_gx, gate = (seconds[name] for name in (*_JOBS, "gate"))
    many = f"{ROWS:,} rows"
    return [
        Row(f"plain write, {many}", plain, "s"),
        Row("judged and split write, 12 row rules", judged, "s", None, plain, "plain"),
        Row("judged, of plain", judged / plain, "times", 1.8, is_at_most=True),
        Row("GX COMPLETE, then filtered, of judged", with_gx / judged, "times", 3, with_gx, "s"),
        Row(f"gate, BOOLEAN_ONLY, {many}", gate, "s", 5, is_at_most=True),
    ]


def _source(spark: SparkSession, path: str, rows: int) -> str:
    """A table of readings, of which some break each rule; gives its path."""
    number = F.col("id")
    metric = F.element_at(F.array(*map(F.lit, ("temperature", "humidity", "battery"))), _of(3))
    # Of each hundred rows one is spoiled, in another way each time.
    is_spoiled = number % round(1 / BROKEN_SHARE) == 0
    way = (number / round(1 / BROKEN_SHARE)).cast("bigint") % 6

    def spoiled(ways: int, bad: Any, good: Any) -> Any:
        return F.when(is_spoiled & (way == ways), bad).otherwise(good)

    measured = F.timestamp_seconds(F.lit(1_767_225_600) + number / 10)
    columns = {
        "event_id": F.md5(number.cast("string")),
        "shop_id": spoiled(0, F.lit("S9"), F.concat(F.lit("S"), _of(3).cast("string"))),
        "device_id": spoiled(1, F.lit(None), F.concat(F.lit("device-"), _of(1000).cast("string"))),
        "device_kind": F.when(_of(3) == 1, "fridge_thermometer").otherwise("hygrometer"),
        "zone_id": F.concat(F.lit("zone-"), _of(40).cast("string")),
        "subject": F.lit(None).cast("string"),
        "metric": spoiled(2, F.lit("mood"), metric),
        "value": spoiled(3, F.lit(4000.0), F.round(_of(300) / 20, 2)),
        "value_as_sent": spoiled(4, F.lit(None), F.round(_of(300) / 20, 2)),
        "unit": F.lit("C"),
        "measured_at": measured,
        "arrived_at": spoiled(5, measured - F.expr("interval 1 day"), measured),
        "source_object": F.concat(F.lit("2026-01-01/gateway_"), (number / 5000).cast("bigint")),
        "source_line": (number % 5000).cast("int"),
    }
    made = spark.range(rows).select(*(what.alias(name) for name, what in columns.items()))
    _write(made, path)
    return path


def _of(values: int) -> Any:
    """A number from 1 to `values` that follows no other column."""
    return F.pmod(F.xxhash64("id", F.lit(values)), F.lit(values)).cast("int") + 1


def _round(spark: SparkSession, source: str, at: str, order: Sequence[str]) -> Seconds:
    """The seconds of each job in this order, and of the gate on what the plain one wrote."""
    taken = {}
    for name in order:
        readings = spark.read.format("delta").load(source)
        taken[name] = _seconds(lambda name=name, of=readings: _JOBS[name](of, f"{at}/{name}"))
    written = spark.read.format("delta").load(f"{at}/plain/kept")
    taken["gate"] = _seconds(lambda: _gate(written))
    return taken


def _plain(readings: DataFrame, to: str) -> None:
    _write(readings, f"{to}/kept")


def _judged(readings: DataFrame, to: str) -> None:
    """As refine does it: judged once and kept in memory, then written in two parts."""
    suite = rules.load(_SUITE, Path(__file__).parent)
    assert len(suite.rules) == 12
    judged = readings.withColumn("broken", suite.broken()).persist()
    _write(judged.where(F.size("broken") == 0).drop("broken"), f"{to}/kept")
    _write(judged.where(F.size("broken") > 0), f"{to}/quarantined")
    judged.unpersist()


def _by_gx(readings: DataFrame, to: str) -> None:
    """The same with GX: it collects the ids of what it did not expect, rule by rule."""
    suite = rules.load(_SUITE, Path(__file__).parent)
    row_rules = [rule.expectation for rule in suite.rules]
    form = {"result_format": "COMPLETE", "unexpected_index_column_names": [_ID]}
    reasons: dict[str, list[str]] = {}
    for one in _validated(readings, row_rules, form).results:
        assert not one.exception_info.get("raised_exception", False), one.exception_info
        for index in one.result.get("unexpected_index_list") or ():
            reasons.setdefault(index[_ID], []).append(one.expectation_config.meta["id"])
    found = readings.sparkSession.createDataFrame(
        list(reasons.items()), f"{_ID} string, broken array<string>"
    )
    kept = readings.join(F.broadcast(found), on=_ID, how="left_anti")
    _write(kept, f"{to}/kept")
    _write(readings.join(F.broadcast(found), on=_ID, how="inner"), f"{to}/quarantined")


def _gate(written: DataFrame) -> None:
    suite = rules.load(_SUITE, Path(__file__).parent)
    every = [*(rule.expectation for rule in suite.rules), *suite.gate]
    for one in _validated(written, every, "BOOLEAN_ONLY").results:
        assert not one.exception_info.get("raised_exception", False), one.exception_info


def _validated(frame: DataFrame, expectations: Sequence[Any], form: Any) -> Any:
    context = gx.get_context(mode="ephemeral")
    source = context.data_sources.add_spark("spark", persist=False)
    whole = source.add_dataframe_asset("readings").add_batch_definition_whole_dataframe("whole")
    suite = gx.ExpectationSuite(name="readings", expectations=list(expectations))
    return whole.get_batch({"dataframe": frame}).validate(suite, result_format=form)


def _write(frame: DataFrame, to: str) -> None:
    frame.write.format("delta").mode("overwrite").save(to)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


_JOBS: dict[str, Callable[[DataFrame, str], None]] = {
    "plain": _plain,
    "judged": _judged,
    "gx": _by_gx,
}


if __name__ == "__main__":
    main()
