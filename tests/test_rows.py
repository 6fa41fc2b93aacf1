"""What transformations share: history, lateness, instants."""

from datetime import UTC, datetime, timedelta

import pytest
from chispa import assert_df_equality
from pyspark.sql import functions as F

from lakehouse import rows

EIGHT, NINE, TEN = (datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in (8, 9, 10))
A_SECOND = timedelta(seconds=1)


def test_what_is_in_force_is_added_and_no_row_is_lost_or_doubled(spark):
    readings = spark.createDataFrame(
        [
            ("before", "T1", EIGHT - A_SECOND),
            ("at the start", "T1", EIGHT),
            ("at the end", "T1", NINE - A_SECOND),
            ("at the change", "T1", NINE),
            ("a gap", "T1", TEN),
            ("still in force", "T2", TEN),
            ("unknown", "T3", TEN),
            ("no device", None, TEN),
            ("no instant", "T2", None),
        ],
        "case string, sensor string, at timestamp",
    )
    devices = spark.createDataFrame(
        [("T1", "chilled", EIGHT, NINE), ("T1", "aisle", NINE, TEN), ("T2", "door", EIGHT, None)],
        "device_id string, zone string, valid_from timestamp, valid_to timestamp",
    )
    actual = rows.in_force(
        readings, devices, by={"sensor": "device_id"}, at="at", gives={"zone": "zone_id"}
    )
    zone = {
        "at the start": "chilled",
        "at the end": "chilled",
        "at the change": "aisle",
        "still in force": "door",
    }
    expected = spark.createDataFrame(
        [(*row, zone.get(row.case)) for row in readings.collect()],
        "case string, sensor string, at timestamp, zone_id string",
    )
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_a_version_ends_where_the_next_one_of_its_key_starts(spark):
    ddl = "shop_id string, valid_from timestamp"
    versions = spark.createDataFrame([("S1", NINE), ("S2", TEN), ("S1", EIGHT)], ddl)
    expected = spark.createDataFrame(
        [("S1", EIGHT, NINE), ("S1", NINE, None), ("S2", TEN, None)],
        f"{ddl}, valid_to timestamp",
    )
    actual = rows.with_valid_to(versions, ["shop_id"])
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


@pytest.fixture(scope="module")
def lateness(spark):
    """Case -> whether a row that happened at 8:59:59 is late, two hours after its hour at most."""
    happened = NINE - A_SECOND
    cases = [
        ("in time", happened, NINE + timedelta(hours=2)),
        ("late", happened, NINE + timedelta(hours=2) + A_SECOND),
        ("before it happened", happened, EIGHT),
        ("never happened", None, TEN),
    ]
    frame = spark.createDataFrame(cases, "case string, paid_at timestamp, arrived_at timestamp")
    return dict(frame.select("case", rows.is_late("paid_at", timedelta(hours=2))).collect())


@pytest.mark.parametrize(
    ("case", "is_late"),
    [("in time", False), ("late", True), ("before it happened", False), ("never happened", False)],
)
def test_a_row_is_late_past_the_end_of_its_hour_and_the_lateness(lateness, case, is_late):
    assert lateness[case] is is_late


INSTANTS = [
    ("2026-03-01T09:30:00Z", 1772357400),
    ("2026-03-01T09:30:00+02:00", 1772350200),
    ("2026-03-01 09:30:00", 1772357400),
    ("2026-03-01", 1772323200),
    ("2026-02-30T09:30:00Z", None),
    ("2026-03-01T25:00:00Z", None),
    ("09:30", None),
    ("2026", None),
    ("yesterday", None),
    ("1772357400", None),
    ("", None),
    (None, None),
]


@pytest.fixture(scope="module")
def instants(spark):
    """Text -> seconds since 1970 of the instant it is read as."""
    texts = spark.createDataFrame([(text,) for text, _ in INSTANTS], "text string")
    return dict(texts.select("text", F.unix_seconds(rows.instant(F.col("text")))).collect())


@pytest.mark.parametrize(("text", "seconds"), INSTANTS)
def test_a_text_is_an_instant_or_null_and_never_today(instants, text, seconds):
    assert instants[text] == seconds


def test_a_business_day_is_the_date_in_the_time_zone_of_the_shop(spark):
    midnight = datetime(2026, 3, 1, 0, 0, tzinfo=UTC)
    shops = spark.createDataFrame(
        [("America/New_York", midnight), ("UTC", midnight), ("Asia/Tokyo", midnight - A_SECOND)],
        "time_zone string, paid_at timestamp",
    )
    days = shops.select("time_zone", rows.business_on("paid_at").cast("string")).collect()
    assert dict(days) == {
        "America/New_York": "2026-02-28",
        "UTC": "2026-03-01",
        "Asia/Tokyo": "2026-03-01",
    }


def test_the_payloads_of_a_feed_are_texts_and_one_that_does_not_fit_is_nulls(spark):
    events = spark.createDataFrame(
        [
            ("e1", "readings", '{"metric": "co2", "value": 1.5, "unit": true, "other": 1}'),
            ("e2", "readings", '{"metric": {"a": [1]}, "value": null}'),
            ("e3", "readings", "{}"),
            ("e4", "weather", '{"metric": "noise"}'),
        ],
        "event_id string, feed string, payload string",
    )
    said = rows.payloads(events, "readings").select("event_id", "said.*")
    expected = spark.createDataFrame(
        [("e1", "co2", "1.5", "true"), ("e2", '{"a":[1]}', None, None), ("e3", None, None, None)],
        "event_id string, metric string, value string, unit string",
    )
    assert_df_equality(said, expected, ignore_row_order=True, ignore_nullable=True)
