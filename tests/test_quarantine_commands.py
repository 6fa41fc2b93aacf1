"""lakehouse quarantine as a person calls it: what is said, what is asked, and what came of it."""

import json
from contextlib import contextmanager

import pytest
import yaml
from typer.testing import CliRunner

from lakehouse import cli, tables
from lakehouse.flow import place
from tests.test_quarantine import landing, readings, reference, waiting
from tests.worlds import lakehouse_in, land, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
READINGS = tables.by_name("silver.readings")
WHY = ("--why", "The gateway was set up with the wrong label.")


@pytest.fixture(scope="module")
def at(where, server, spark):
    """Three messages with a label that nobody knows, of six."""
    at = lakehouse_in("hands", where, server, spark)
    land(at, landing("a", reference() + readings("DEG", range(6))))
    run(at)
    return at


@pytest.fixture
def called(at, tmp_path, monkeypatch):
    """`lakehouse quarantine …` on that lakehouse, in the session of the tests."""

    @contextmanager
    def opened(*_):
        yield at

    monkeypatch.setattr(place, "opened", opened)
    conf = tmp_path / "hands.yml"
    conf.write_text(yaml.safe_dump({"buckets": at.settings.buckets.model_dump()}))

    def call(*arguments, says=None):
        whole = ["--settings", str(conf), "quarantine", *arguments]
        return CliRunner().invoke(cli.app, whole, input=says)

    return call


def test_what_is_not_confirmed_is_not_declared(called):
    fix = ("fix", "silver.readings", "--unit", "DEG=F", *WHY)
    answer = called(*fix, says="n\n")
    assert answer.exit_code == 1
    assert "it meets 3 messages in bronze, 3 of which wait in quarantine" in answer.stdout
    assert called("corrections").stdout == "no correction was declared\n"


def test_a_wrong_unit_is_fixed_released_and_traced(at, called):
    fixed = called("fix", "silver.readings", "--unit", "DEG=F", *WHY, says="y\n")
    assert (fixed.exit_code, fixed.stderr) == (0, "")
    assert "c1 is declared; `lakehouse quarantine release`" in fixed.stdout
    [listed] = json.loads(called("corrections", "--json").stdout)
    assert (listed["correction_id"], listed["kind"], listed["reason"]) == ("c1", "map", WHY[1])
    [held] = json.loads(called("list", "--json").stdout)
    assert (held["rule"], held["messages"]) == ("unit_is_known", 3)
    assert held["sentence"]

    released = called("release", "--table", "silver.readings", "--rule", "unit_is_known", *WHY)
    assert released.exit_code == 0
    assert "`lakehouse build` brings gold up to it" in released.stdout
    assert waiting(at) == {}
    assert called("list").stdout == "nothing waits that fits\n"
    [found] = json.loads(called("show", "readings-1", "--json").stdout)[1:]
    assert (found["where"], found["row"]["corrected_by"]) == ("silver.readings", ["c1"])


def test_what_is_taken_back_waits_again_and_one_of_it_can_be_dropped(at, called):
    revoked = called("revoke", "c1", *WHY)
    assert revoked.stdout == "c1 is taken back by c2\n"
    again = called("revoke", "c1", *WHY)
    assert again.exit_code == 1
    assert "no correction in force called 'c1'" in again.stderr
    assert called("release", *WHY).exit_code == 0
    assert waiting(at) == {(READINGS.name, "unit_is_known"): 3}

    [first, *_] = json.loads(called("show", "--device", "fridge-1", "--json").stdout)
    message = ("--message", first["message"], "--yes")
    dropped = called("drop", "silver.readings", *message, *WHY)
    assert "it meets 1 messages in bronze, 1 of which wait" in dropped.stdout
    assert called("release", *WHY).exit_code == 0
    assert waiting(at)[READINGS.name, "dropped", "unit_is_known"] == 1
    [held] = json.loads(called("list", "--by-device", "--json").stdout)
    assert (held["messages"], held["device_id"]) == (2, "fridge-1")


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("fix", "silver.readings"), 2, "one of --unit, --map, --swap"),
        (("fix", "silver.readings", "--unit", "a=b", "--clock", "3"), 2, "one of --unit, --map"),
        (("fix", "silver.readings", "--clock", "3"), 2, "say which: --device, --shop"),
        (("drop", "silver.readings"), 2, "say which: --device, --shop"),
        (("drop", "silver.readings", "--message", "x"), 1, "--message 'x': an object and a line"),
        (("fix", "silver.readings", "--unit", "DEG"), 1, "--unit 'DEG': two parts with ="),
        (("fix", "silver.reading", "--unit", "a=b"), 1, "no table called 'silver.reading'"),
        (("fix", "silver.device_faults", "--unit", "a=b"), 1, "no table with messages to repair"),
        (("fix", "silver.readings", "--shift", "value=x", "--shop", "S1"), 1, "'x' is no number"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(called, arguments, status, sentence):
    answer = called(*arguments, *WHY)
    assert answer.exit_code == status
    said = " ".join(answer.stderr.replace("│", " ").split())
    assert sentence in said
    assert called("corrections").exit_code == 0
