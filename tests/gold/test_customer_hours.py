"""gold.customer_hours: an hour of a customer; and beside it the streaming job one would write first."""

import os
from datetime import UTC, date, datetime

import pyarrow as pa
import pytest
from chispa import assert_df_equality
from pyarrow import parquet
from pyspark.sql import functions as F

from lakehouse.gold import customer_hours

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def at(hour, minute=0):
    return datetime(2026, 3, 4, hour, minute, tzinfo=UTC)


def reading(subject, measured_at, metric, value):
    return {"subject": subject, "measured_at": measured_at, "metric": metric, "value": value}


def customer(subject, *, valid_from=LONG_AGO, valid_to=None, age="25-34", agreed=("analytics",)):
    return {
        "subject": subject,
        "consents": list(agreed),
        "contact_preference": "app",
        "age_band": age,
        "household_size": "2",
        "valid_from": valid_from,
        "valid_to": valid_to,
    }


def said(subject, kind, happened_at):
    return {"subject": subject, "kind": kind, "happened_at": happened_at}


@pytest.fixture
def build(frame):
    def of(readings, customers, app_events=()):
        return customer_hours.build(
            frame("silver.readings", *readings),
            frame("silver.customers", *customers),
            frame("silver.app_events", *app_events),
        )

    return of


def test_an_hour_of_a_customer_has_counts_averages_and_what_the_crm_knew(build, frame):
    actual = build(
        [
            reading("p1", at(9, 10), "temperature", 20.0),
            reading("p1", at(9, 50), "temperature", 20.05),
            reading("p1", at(9, 59), "humidity", 41.0),
            reading("p1", at(9, 59), "co2", 900.0),
            reading("p1", at(10), "humidity", 45.5),
            reading("p2", at(9), "temperature", 30.0),
            reading(None, at(9, 10), "temperature", 4.0),  # of a fixed sensor
        ],
        [
            customer("p1", valid_to=at(9, 55)),
            customer("p1", valid_from=at(9, 55), age="35-44"),
            customer("p2", agreed=["personalisation"]),
        ],
    )
    row = {"day_on": date(2026, 3, 4), "subject": "p1", "contact_preference": "app"}
    row |= {"age_band": "35-44", "household_size": "2"}
    nine = {"hour_at": at(9), "readings": 3, "temperature_readings": 2, "humidity_readings": 1}
    nine |= {"temperature_mean_c": 20.03, "humidity_mean_percent": 41.0}
    ten = {"hour_at": at(10), "readings": 1, "temperature_readings": 0, "humidity_readings": 1}
    ten |= {"humidity_mean_percent": 45.5}
    expected = frame("gold.customer_hours", row | nine, row | ten).drop("batch_id")
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_only_what_was_measured_while_the_customer_agreed_counts(build):
    readings = [reading("p1", at(9, minute), "humidity", 40.0 + minute) for minute in (10, 30, 50)]
    words = [said("p1", "consent_withdrawn", at(9, 20)), said("p1", "consent_given", at(9, 40))]
    [row] = build(readings, [customer("p1")], words).collect()
    assert (row.readings, row.humidity_mean_percent) == (2, 70.0)
    assert build([reading("p3", at(9), "humidity", 40.0)], [customer("p1")]).isEmpty()


# In the order in which they arrive, a batch each.
ARRIVALS = (
    [("p1", at(9, 10), 20.0), ("p1", at(9, 50), 21.0), ("p2", at(9, 55), 18.5)],
    [("p1", at(11, 30), 25.0), ("p2", at(10, 20), 19.0)],
    [("p1", at(11, 40), 25.5)],  # Spark drops by the watermark of the batch before the last
    [("p1", at(9, 40), 80.0), ("p2", at(10, 40), 20.5), ("p2", at(8, 5), 17.0)],
    [("p1", at(15, 0), 23.0)],  # after it all windows but its own are closed
)
TOO_LATE = {("p1", at(9, 40), 80.0), ("p2", at(8, 5), 17.0)}


@pytest.fixture
def plain_job(spark, where, tmp_path):
    """What the streaming job with a watermark of an hour gives of rows that arrive in batches."""
    for number, batch in enumerate(ARRIVALS):
        names = ("subject", "measured_at", "value")
        columns = dict(zip(names, zip(*batch, strict=True), strict=True))
        columns["measured_at"] = pa.array(columns["measured_at"], pa.timestamp("us", tz="UTC"))
        path = tmp_path / f"{number}.parquet"
        parquet.write_table(pa.table(columns), path)
        os.utime(path, (number, number))  # the stream reads them in this order
    hours = (
        spark.readStream.schema("subject string, measured_at timestamp, value double")
        .option("maxFilesPerTrigger", 1)
        .parquet(tmp_path.as_uri())
        .withWatermark("measured_at", "1 hour")
        .groupBy("subject", F.window("measured_at", "1 hour"))
        .agg(F.count("*").alias("readings"), F.avg("value").alias("mean_c"))
        .select("subject", F.col("window.start").alias("hour_at"), "readings", "mean_c")
    )
    query = (
        hours.writeStream.format("memory")
        .queryName("plain_job")
        .option("checkpointLocation", f"s3a://{where.buckets.ops}/_checkpoints/plain-job")
        .outputMode("append")
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    return {
        (row.subject, row.hour_at.replace(tzinfo=UTC)): (row.readings, round(row.mean_c, 2))
        for row in spark.table("plain_job").collect()
    }


def test_timely_rows_are_those_of_the_plain_streaming_job_which_drops_the_late_ones(
    build, plain_job
):
    def ours(rows):
        readings = [reading(subject, when, "temperature", value) for subject, when, value in rows]
        return {
            (row.subject, row.hour_at.replace(tzinfo=UTC)): (row.readings, row.temperature_mean_c)
            for row in build(readings, [customer("p1"), customer("p2")]).collect()
        }

    arrived = [row for batch in ARRIVALS for row in batch if row[1] < at(15)]
    timely = ours([row for row in arrived if row not in TOO_LATE])
    assert plain_job == timely
    assert len(timely) == 4
    # What it drops is in ours: an average that it gets wrong, and an hour that it never has.
    told = ours(arrived)
    lost = {hour for hour, counted in told.items() if plain_job.get(hour) != counted}
    assert lost == {(subject, when.replace(minute=0)) for subject, when, _ in TOO_LATE}
    assert (told["p1", at(9)], plain_job["p1", at(9)]) == ((3, 40.33), (2, 20.5))
    assert ("p2", at(8)) not in plain_job
