"""Where subjects are: each test is one sentence that must stay true."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from pyspark.sql import functions as F

from lakehouse.radio import fading, location

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
# shop, anchor, x, y, level at 1 m, exponent, pattern of four, fading, shadow
ANCHORS = [
    ("S1", "A", 0.0, 0.0, -50.0, 2.0, 1.0, -2.0, 0.5, -0.7, 4.0, 2.0),
    ("S1", "B", 10.0, 0.0, -52.0, 2.2, -1.5, 0.3, 0.9, 0.2, 4.5, 2.0),
    ("S1", "C", 0.0, 8.0, -54.0, 1.8, 0.6, 0.8, -0.4, 1.1, 5.0, 2.0),
    ("S1", "D", 10.0, 8.0, -51.0, 2.1, -0.2, -0.9, 0.1, 0.3, 3.5, 2.0),
]
LEVELS = "shop_id string, subject string, at timestamp, anchor_id string, level_dbm double, readings double"


def second(seconds):
    return NOON + timedelta(seconds=seconds)


@pytest.fixture(scope="module")
def anchors(spark):
    names = ["x_m", "y_m", *fading.PARAMETERS, "fading_db", "shadow_db"]
    ddl = ", ".join(f"{name} double" for name in names)
    return spark.createDataFrame(ANCHORS, f"shop_id string, anchor_id string, {ddl}").persist()


@pytest.fixture(scope="module")
def expected(spark, anchors):
    areas = spark.createDataFrame(
        [("S1", 0.0, 0.0, 10.0, 8.0)],
        "shop_id string, from_x_m double, from_y_m double, to_x_m double, to_y_m double",
    )
    return location.expected(location.cells(areas, 0.5), anchors).persist()


@pytest.fixture(scope="module")
def heard_at(spark, expected):
    """Levels as something in this cell would give them, a row each anchor."""
    rows = expected.collect()

    def at(x_m, y_m, *, louder_db=0.0, subject="p1_a", seconds=0, without=()):
        here = [row for row in rows if (row.x_m, row.y_m) == (x_m, y_m)]
        assert len(here) == len(ANCHORS)
        least = min(row.expected_dbm for row in here if row.anchor_id not in without)
        return [
            ("S1", subject, second(seconds), row.anchor_id, least, 0.0)
            if row.anchor_id in without
            else ("S1", subject, second(seconds), row.anchor_id, row.expected_dbm + louder_db, 5.0)
            for row in here
        ]

    return at


@pytest.fixture
def levels(spark, anchors):
    """location.levels of (subject, anchor, seconds after noon, rssi), every 2 s, 1 s wide."""

    def of(*sightings):
        rows = [("S1", who, anchor, second(after), rssi) for who, anchor, after, rssi in sightings]
        ddl = "shop_id string, subject string, anchor_id string, heard_at timestamp, rssi_dbm int"
        found = location.levels(spark.createDataFrame(rows, ddl), anchors, 2, 1.0).collect()
        return {
            (row.subject, (row.at.astimezone(UTC) - NOON).total_seconds(), row.anchor_id): (
                round(row.level_dbm, 3),
                round(row.readings, 3),
            )
            for row in found
        }

    return of


def test_a_level_is_weighted_by_the_time_between_and_silence_is_a_row(levels):
    near, far = math.exp(-0.5 * 0.5**2), math.exp(-0.5 * 1.5**2)
    found = levels(("p1_a", "A", 0.5, -60), ("p1_a", "A", 1.5, -70), ("p1_a", "B", 0.5, -80))
    assert found["p1_a", 0, "A"] == (
        round((near * -60 + far * -70) / (near + far), 3),
        round(near + far, 3),
    )
    assert found["p1_a", 2, "B"] == (-80.0, round(far, 3))
    assert found["p1_a", 0, "C"] == (-80.0, 0.0)  # the least that any other heard
    assert {key[1] for key in found} == {0, 2}
    assert {key[2] for key in found} == {"A", "B", "C", "D"}


def test_a_burst_within_a_second_counts_once(levels):
    once = levels(("p1_a", "A", 0.4, -60))
    burst = levels(*[("p1_a", "A", after, -60) for after in (0.2, 0.3, 0.4, 0.5, 0.6)])
    assert once == burst


def test_what_is_no_reading_is_not_heard(levels):
    found = levels(
        ("p1_a", "A", 0, -60), ("p1_a", "B", 0, 127), ("p1_a", "C", 0, None), ("p1_a", "D", 0, 42)
    )
    assert {key[2]: level for key, level in found.items() if level[1]} == {"A": (-60.0, 1.0)}


def test_about_an_instant_without_a_reading_within_the_width_nothing_is_said(levels):
    assert {key[1] for key in levels(("p1_a", "A", 4, -60), ("p2_b", "A", 10, -61))} == {4, 10}


def test_the_floor_is_cut_into_squares_that_cover_it(spark):
    areas = spark.createDataFrame(
        [("S1", 1.0, 2.0, 2.4, 3.0), ("S2", 0.0, 0.0, 0.5, 0.5)],
        "shop_id string, from_x_m double, from_y_m double, to_x_m double, to_y_m double",
    )
    found = {tuple(row) for row in location.cells(areas, 0.5).collect()}
    assert found == {
        *(("S1", x_m, y_m) for x_m in (1.25, 1.75, 2.25) for y_m in (2.25, 2.75)),
        ("S2", 0.25, 0.25),
    }


def test_the_expected_level_is_the_fall_with_distance_and_the_pattern(expected):
    [row] = expected.where("anchor_id = 'A' AND x_m = 3.25 AND y_m = 4.75").collect()
    squared = 3.25**2 + 4.75**2 + 1
    pattern = 1.0 * 3.25 / math.sqrt(squared) - 2.0 * 4.75 / math.sqrt(squared)
    pattern += 0.5 * (3.25**2 - 4.75**2) / squared - 0.7 * 2 * 3.25 * 4.75 / squared
    assert row.expected_dbm == pytest.approx(-50 - 20 * math.log10(math.sqrt(squared)) + pattern)


@pytest.mark.parametrize("place", [(3.25, 4.75), (8.25, 1.25)])
def test_a_place_is_found_by_its_levels_with_an_error_that_holds_it(
    spark, expected, heard_at, place
):
    [row] = location.positions(spark.createDataFrame(heard_at(*place), LEVELS), expected).collect()
    away_m = math.dist((row.x_m, row.y_m), place)
    assert away_m < 1.0
    assert away_m < row.error_m < 4.0


def test_one_anchor_that_is_far_off_does_not_carry_the_place_away(spark, expected, heard_at):
    rows = [(*row[:4], row[4] - 30.0 * (row[3] == "A"), row[5]) for row in heard_at(3.25, 4.75)]
    [row] = location.positions(spark.createDataFrame(rows, LEVELS), expected).collect()
    assert math.dist((row.x_m, row.y_m), (3.25, 4.75)) < 2.0


def test_the_fewer_readings_the_wider_the_error(spark, expected, heard_at):
    rows = [
        (shop, subject, at, anchor, level, readings)
        for subject, readings in (("p1_few", 1.0), ("p2_many", 50.0))
        for shop, _, at, anchor, level, _ in heard_at(3.25, 4.75)
    ]
    found = location.positions(spark.createDataFrame(rows, LEVELS), expected).collect()
    error_m = {row.subject: row.error_m for row in found}
    assert error_m["p1_few"] > 1.5 * error_m["p2_many"]


def test_an_anchor_that_heard_nothing_is_a_reason_not_to_be_there(spark, expected, heard_at):
    rows = heard_at(3.25, 1.25, subject="p1_silence", without=("B", "D"))
    rows += [(shop, "p2_unasked", *rest) for shop, _, *rest in rows if rest[-1] > 0]
    found = location.positions(spark.createDataFrame(rows, LEVELS), expected).collect()
    x_m = {row.subject: row.x_m for row in found}
    assert x_m["p1_silence"] < x_m["p2_unasked"] - 0.1


def test_the_offset_of_a_device_is_found_without_truth_and_taken_off(spark, expected, heard_at):
    places = ((1.25, 1.25), (3.25, 4.75), (8.25, 6.25))
    rows = [
        row
        for step, place in enumerate(places)
        for subject, louder_db in (("p1_a", -8.0), ("p2_b", 6.0))
        for row in heard_at(*place, louder_db=louder_db, subject=subject, seconds=step * 10)
    ]
    heard = spark.createDataFrame(rows, LEVELS)
    tried = spark.createDataFrame([(float(db),) for db in (-8, -4, 0, 3, 6)], "offset_db double")
    offsets = location.offsets(heard, expected, tried, 10)
    found = {row.subject: row.offset_db for row in offsets.collect()}
    assert found == {"p1_a": -8.0, "p2_b": 6.0}
    as_fitted = location.without_offset(heard, offsets).where("subject = 'p1_a'")
    assert sorted(round(row.level_dbm, 6) for row in as_fitted.collect()) == sorted(
        round(row[4] + 8, 6) for row in rows if row[1] == "p1_a"
    )


def test_all_of_it_stays_in_the_engine(spark, expected, heard_at):
    heard = spark.createDataFrame(heard_at(3.25, 4.75), LEVELS).where(F.col("readings") > 0)
    plan = location.positions(heard, expected)._jdf.queryExecution().executedPlan().toString()
    assert "Python" not in plan


def test_zone_shares_add_up_and_are_of_the_same_place_and_error(spark, expected, heard_at):
    heard = spark.createDataFrame(heard_at(3.25, 4.75), LEVELS)
    cell = expected.select("shop_id", "x_m", "y_m").distinct()
    zoned = cell.withColumn("zone_id", F.when(F.col("x_m") < 5, "west"))
    shares = location.zone_shares(heard, expected, zoned).collect()
    assert {row.zone_id for row in shares} == {"west", None}
    assert sum(row.share for row in shares) == pytest.approx(1)
    assert max(shares, key=lambda row: row.share).zone_id == "west"
    [row] = location.positions(heard, expected).collect()
    assert [one.error_m for one in shares] == pytest.approx([row.error_m] * 2)
