"""Alerts at a real HTTP server: signed, tried again, told once, held in silent hours."""

import hashlib
import hmac
import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from typer.testing import CliRunner

from lakehouse import alerts, cli, keys, s3
from lakehouse.alerts import Alert, Bell
from lakehouse.errors import BadSetting, MissingKey
from lakehouse.flow import place
from lakehouse.settings import Buckets, Settings, load
from tests import small_s3
from tests.webhook import listening

SECRET = "a secret of the tests"
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ALERT = Alert(
    "gate_failed",
    "silver.sales",
    12,
    "key_is_unique",
    "silver.sales has not passed the gate since version 12",
    "lakehouse gate silver.sales",
)
OTHER = Alert("silent_feed", "silver.readings", 3, "silent", "No readings came", "lakehouse status")


@pytest.fixture(autouse=True)
def _quick(home, monkeypatch):
    monkeypatch.setenv("LAKEHOUSE_ALERT_SECRET", SECRET)
    monkeypatch.setattr(alerts, "_FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(alerts, "_LONGEST_PAUSE_SECONDS", 0.02)


@pytest.fixture
def bell(home):
    """A bell with a memory of its own; called again, another process of the same lakehouse."""
    with small_s3.running(small_s3.HONEST) as endpoint:

        def of(url=None, **where):
            settings = Settings.model_validate({"alerts": {"url": url, **where}})
            return Bell(settings, s3.client(settings, endpoint))

        yield of


def test_a_message_is_signed_and_says_what_where_and_what_shows_more(bell):
    with listening() as (url, got):
        assert bell(url).ring([ALERT], NOON) == ["gate_failed/silver.sales/key_is_unique"]
    [(headers, body)] = got
    signed = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Lakehouse-Signature"] == f"sha256={signed}"
    assert len(headers["X-Lakehouse-Alert"]) == 32
    assert json.loads(body) == {
        "kind": "gate_failed",
        "table": "silver.sales",
        "version": 12,
        "of": "key_is_unique",
        "sentence": "silver.sales has not passed the gate since version 12",
        "command": "lakehouse gate silver.sales",
        "sent_at": "2026-03-01T12:00:00+00:00",
    }


@pytest.mark.parametrize("status", [503, 500, 429])
def test_a_webhook_that_is_away_for_a_while_gets_it_once_under_one_name(bell, status):
    with listening(status, status) as (url, got):
        assert len(bell(url).ring([ALERT], NOON)) == 1
    assert len(got) == 3
    assert len({headers["X-Lakehouse-Alert"] for headers, _ in got}) == 1


def test_a_webhook_that_stays_away_stops_nothing_and_gets_it_the_next_time(bell, caplog):
    with listening(*[503] * 3) as (url, got):
        assert bell(url, tries=3).ring([ALERT, OTHER], NOON) == []
        assert len(got) == 3  # the second one is not even tried
        assert "does not answer" in caplog.text
        assert "hidden" not in caplog.text
        assert len(bell(url).ring([ALERT, OTHER], NOON + timedelta(minutes=1))) == 2
    nobody = "http://127.0.0.1:9/hook"
    later = NOON + timedelta(days=3)
    assert bell(nobody, tries=2, answer_s=1).ring([ALERT], later) == []


@pytest.mark.parametrize("status", [400, 404, 302])
def test_a_message_that_is_refused_is_not_sent_again_at_once_and_stops_no_other(
    bell, caplog, status
):
    with listening(status) as (url, got):
        assert bell(url).ring([ALERT, OTHER], NOON) == [OTHER.name]
        assert len(got) == 2
        assert f"status {status}" in caplog.text
        assert bell(url).ring([ALERT, OTHER], NOON) == []
        assert len(bell(url).ring([ALERT, OTHER], NOON + timedelta(hours=25))) == 2


def test_what_was_told_once_and_could_not_be_sent_is_sent_whole_by_whoever_rings_next(bell):
    with listening(*[503] * 2) as (url, got):
        assert bell(url, tries=2).ring([ALERT], NOON) == []
        assert bell(url).ring([], NOON + timedelta(days=9)) == [ALERT.name]
        assert bell(url).ring([], NOON + timedelta(days=9)) == []
    assert json.loads(got[-1][1])["sentence"] == ALERT.sentence
    assert len({headers["X-Lakehouse-Alert"] for headers, _ in got}) == 1


def test_what_is_over_is_told_anew_when_it_comes_back(bell):
    with listening() as (url, got):
        again = bell(url)
        again.ring([ALERT, OTHER], NOON)
        later = [NOON + timedelta(minutes=minute) for minute in (1, 2)]
        assert again.ring([], later[0], {ALERT.table}) == []
        assert again.ring([ALERT, OTHER], later[1]) == [ALERT.name]
    assert len(got) == 3


def test_what_is_over_before_it_could_be_sent_is_not_sent(bell):
    with listening(*[503] * 2) as (url, _):
        bell(url, tries=2).ring([ALERT], NOON)
        assert bell(url).ring([], NOON, {ALERT.table}) == []


def test_the_same_alert_is_told_once_in_its_hours_by_whatever_process(bell, caplog):
    caplog.set_level(logging.WARNING)
    with listening() as (url, got):
        for hours in (0, 1, 5.9):
            bell(url, repeat_hours=6).ring([ALERT], NOON + timedelta(hours=hours))
        assert len(got) == 1
        assert caplog.text.count(ALERT.sentence) == 1
        bell(url, repeat_hours=6).ring([ALERT, OTHER], NOON + timedelta(hours=6.1))
    assert [json.loads(body)["table"] for _, body in got][1:] == ["silver.sales", "silver.readings"]


@pytest.mark.parametrize(
    ("hours", "zone", "silent", "after"),
    [
        ("22:00-06:00", "UTC", [22, 23, 0, 5], [6, 12, 21]),
        ("11:00-13:00", "UTC", [11, 12], [10, 13]),
        ("23:00-07:00", "Europe/Berlin", [22, 0, 5], [6, 12, 21]),
    ],
)
def test_silent_hours_hold_it_and_what_is_still_true_is_sent_after_them(
    bell, hours, zone, silent, after
):
    midnight = NOON.replace(hour=0)
    with listening() as (url, got):
        held = bell(url, silent_hours=hours, time_zone=zone)
        assert [hour for hour in range(24) if held.is_silent(midnight.replace(hour=hour))]
        for hour in silent:
            assert held.ring([ALERT], midnight.replace(hour=hour)) == []
        assert got == []
        assert not any(held.is_silent(midnight.replace(hour=hour)) for hour in after)
        assert len(held.ring([ALERT], midnight.replace(hour=after[0]))) == 1


def test_without_a_webhook_it_is_a_log_line_once(bell, caplog):
    for minutes in (0, 1):
        assert bell().ring([ALERT], NOON + timedelta(minutes=minutes)) == []
    assert caplog.text.count(ALERT.sentence) == 1


@pytest.mark.parametrize("secret", [None, "short"])
def test_a_webhook_without_a_secret_is_said_before_any_work(monkeypatch, secret):
    monkeypatch.delenv("LAKEHOUSE_ALERT_SECRET")
    if secret:
        monkeypatch.setenv("LAKEHOUSE_ALERT_SECRET", secret)
    with pytest.raises(MissingKey, match=r"LAKEHOUSE_ALERT_SECRET is .*at least 16 characters"):
        keys.alerts()
    monkeypatch.setattr(s3, "ensure_buckets", lambda *_: None)
    with pytest.raises(MissingKey):
        place._reach(Settings.model_validate({"alerts": {"url": "http://localhost/"}}), "http://x")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{url: example.com}", "alerts.url is 'example.com'"),
        ("{silent_hours: 22-6}", "alerts.silent_hours is '22-6'"),
        ("{silent_hours: '25:00-06:00'}", "alerts.silent_hours is '25:00-06:00'"),
        ("{time_zone: Mars}", "alerts.time_zone is 'Mars': Value error, not an IANA time zone"),
        ("{repeat_hours: 0}", "alerts.repeat_hours is 0"),
        ("{webhook: x}", "unknown key 'alerts.webhook'; known are url, silent_hours"),
    ],
)
def test_a_wrong_setting_is_named_with_what_was_found(tmp_path, given, said):
    file = tmp_path / "one.yml"
    file.write_text(f"alerts: {given}\n")
    with pytest.raises(BadSetting) as fault:
        load(file)
    assert said in str(fault.value)


@pytest.mark.usefixtures("server")
def test_a_command_tells_of_what_the_lakehouse_does_not_know_itself(tmp_path):
    conf = tmp_path / "alerts.yml"
    with listening() as (url, got):
        buckets = Buckets.named("alerted").model_dump()
        conf.write_text(yaml.safe_dump({"buckets": buckets, "alerts": {"url": url}}))
        alert = ("--settings", str(conf), "alert", "task_failed", "It is down", "--of", "build")
        said = [CliRunner().invoke(cli.app, alert).stdout for _ in range(2)]
    assert said == ["sent\n", "kept in mind; nothing was sent\n"]
    [told] = [json.loads(body) for _, body in got]
    assert (told["kind"], told["of"], told["sentence"]) == ("task_failed", "build", "It is down")
