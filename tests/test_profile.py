"""The rules that are suggested for a table: they hold for its rows, and say why they are there."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from lakehouse import cli, rules, tables
from lakehouse.rules import profile
from tests import gx

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
READINGS = tables.by_name("silver.readings")
ROWS = 300


def reading(number, **cells):
    """A row as it usually is."""
    at = START + timedelta(minutes=number)
    return {
        "shop_id": f"S{number % 3 + 1}",
        "measured_at": at,
        "event_id": f"e-{number:06d}",
        "device_id": f"S{number % 3 + 1}-fridge-{number % 40}",
        "zone_id": None if number % 10 == 0 else f"zone {number % 4}",
        "subject": f"p1_{number:064x}",
        "metric": ("temperature", "humidity")[number % 2],
        "value": 2.0 + number % 50 / 10,
        "unit": "C",
        "is_late": False,
        "arrived_at": at + timedelta(seconds=number % 7),
        **cells,
    }


@pytest.fixture(scope="module")
def readings(frame):
    """Three hundred usual rows."""
    return frame(READINGS.name, *map(reading, range(ROWS)))


@pytest.fixture(scope="module")
def suite(readings):
    """What is suggested for them."""
    return profile.suggest(readings, READINGS)


@pytest.fixture(scope="module")
def loaded(suite, tmp_path_factory):
    """The same as a rule file that was loaded."""
    folder = tmp_path_factory.mktemp("suggested")
    (folder / "readings.json").write_text(json.dumps(suite))
    return rules.load(READINGS.name, folder)


def broken(loaded, rows):
    return {name for [ids] in rows.select(loaded.broken()).collect() for name in ids}


def test_every_suggestion_holds_for_the_rows_that_it_comes_from(loaded, readings):
    loaded.check(readings)
    assert broken(loaded, readings) == set()
    assert all(one.success for one in gx.verdicts(readings, loaded.gate).values())
    assert {one["meta"]["id"] for one in loaded.gate} == {
        "zone_id_is_there_as_often",
        "key_is_unique",
    }


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        ({"value": -40.0}, "value_is_in_range"),
        ({"value": 85.0}, "value_is_in_range"),
        ({"value": float("nan")}, "value_is_in_range"),
        ({"value": None}, "value_is_there"),
        ({"metric": "mood"}, "metric_is_known"),
        ({"event_id": "e 5"}, "event_id_is_written_so"),
        ({"device_id": "fridge 5"}, "device_id_is_written_so"),
        ({"subject": "anna@example.org"}, "subject_is_written_so"),
        ({"measured_at": datetime(1970, 1, 1, tzinfo=UTC)}, "measured_at_is_not_before_the_first"),
        ({"arrived_at": START - timedelta(days=1)}, "arrived_at_is_not_before_measured_at"),
    ],
    ids=str,
)
def test_a_planted_row_is_caught(loaded, frame, cells, rule):
    assert rule in broken(loaded, frame(READINGS.name, reading(5, **cells)))


def test_a_usual_row_that_was_not_seen_is_not_caught(loaded, frame):
    other = reading(1000, value=6.95, device_id="S2-fridge-41")
    assert broken(loaded, frame(READINGS.name, other)) == set()


def test_each_suggestion_says_why_and_great_expectations_loads_it(suite):
    assert all(one["meta"]["reason"] and one["meta"]["owner"] for one in suite["expectations"])
    assert len(gx.suite(suite["expectations"]).expectations) == len(suite["expectations"])
    reasons = {one["meta"]["id"]: one["meta"]["reason"] for one in suite["expectations"]}
    assert reasons["value_is_in_range"] == "seen from 2 to 6.9, all but a few from 2 to 6.9"
    assert reasons["zone_id_is_there_as_often"] == "30 of 300 rows are without"
    assert reasons["subject_is_written_so"] == "all of 300 are pseudonyms"
    assert reasons["event_id_is_written_so"] == "all of 300 are written as a-0"


def test_a_value_that_lies_far_from_the_others_is_asked_about(frame):
    odd = [
        *map(reading, range(2000)),
        reading(2001, value=-127.0),
        reading(2002, value=float("nan")),
    ]
    suite = profile.suggest(frame(READINGS.name, *odd), READINGS)
    [one] = [one for one in suite["expectations"] if one["meta"]["id"] == "value_is_in_range"]
    assert "; -127 lies far from the others: is it a measurement?" in one["meta"]["reason"]
    assert one["meta"]["reason"].endswith("1 rows are NaN, which would break an upper bound")
    assert set(one["kwargs"]) == {"column", "min_value"}


def test_no_pseudonym_and_no_origin_is_named(frame):
    few = [reading(number, subject=f"p1_{number % 2:064x}") for number in range(ROWS)]
    suite = profile.suggest(frame(READINGS.name, *few), READINGS)
    assert f"{1:064x}" not in json.dumps(suite)
    asked = {one["kwargs"].get("column") for one in suite["expectations"]}
    assert not asked & {column.name for column in READINGS.columns if column.is_origin}


def test_no_rows_suggest_nothing(frame):
    assert profile.suggest(frame(READINGS.name), READINGS)["expectations"] == []


def test_the_command_prints_a_suite_and_an_unknown_table_is_one_line(home):
    answer = CliRunner().invoke(cli.app, ["profile", "silver.reading"])
    assert answer.exit_code == 1
    assert answer.stderr.startswith("lakehouse: no table called 'silver.reading'; there are ")
