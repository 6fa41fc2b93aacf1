"""lakehouse stream, as a process of its own: what it does for ever, and how it ends."""

import json
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from bench import processes
from lakehouse import ledger, s3, s3_server, tables
from lakehouse.errors import BatchFailed, GateFailed
from lakehouse.flow import refine, stream
from lakehouse.flow.loops import Loop
from lakehouse.lake import Lake
from lakehouse.settings import Buckets, Settings
from tests.worlds import QUICK

SETTINGS = {
    "spark": {
        "master": "local[2]",
        "driver_memory": "1g",
        "shuffle_partitions": 1,
        "conf": QUICK,
    },
    "buckets": Buckets.named("stream").model_dump(),
}
EVENTS = tables.by_name("bronze.events")


@pytest.mark.parametrize(
    ("every", "seconds"), [("500ms", 0.5), ("5s", 5.0), ("1m", 60.0), (" 10 s ", 10.0)]
)
def test_every_is_a_number_with_a_unit(every, seconds):
    assert stream.seconds(every) == seconds


def test_lag_is_the_age_of_the_newest_message_of_a_batch():
    def named(second):
        return f"2026-03-01/gw_20260301T09300{second}.000Z.jsonl"

    class Place:
        class ledger:
            @staticmethod
            def of(stage):
                assert stage == "ingest"
                return [first, second]

    first = ledger.Batch("i1", "ingest", EVENTS.name, objects=[named(1), named(3)], version_after=4)
    second = ledger.Batch("i2", "ingest", EVENTS.name, objects=[named(7)], version_after=5)
    now = datetime(2026, 3, 1, 9, 31, tzinfo=UTC).timestamp()
    refined = ledger.Batch("r", "refine", "silver.readings", source_from=3, source_to=4)
    built = ledger.Batch("b", "build", "gold.shops")
    assert stream.lag_s(Place, first, now) == 57
    assert stream.lag_s(Place, refined, now) == 57
    assert stream.lag_s(Place, built, now) is None


def test_a_fault_is_raised_in_a_sentence_whatever_stage_it_stopped():
    place = SimpleNamespace(faults={})
    loop = SimpleNamespace(stage="build", fault=None)
    stream.raise_fault(place, [loop])
    loop.fault = OSError("disk full")
    with pytest.raises(BatchFailed, match="build stopped in the middle of a batch: disk full"):
        stream.raise_fault(place, [loop])
    place.faults["ingest"] = ValueError("odd")
    with pytest.raises(BatchFailed, match="ingest stopped in the middle of a batch: odd"):
        stream.raise_fault(place, [loop])


def test_a_table_that_does_not_pass_the_gate_is_said_once_and_the_stream_goes_on():
    said = []
    at_gate = stream.AtGate(said.append)
    for who, *faults in (
        (stream.CATCH_UP, "sales"),
        ("quick", "sales", "baskets"),
        ("slow", "sales"),
        ("quick", "sales"),
        ("slow",),
        ("quick",),
        ("slow",),
        ("quick", "sales"),
    ):
        with at_gate.passing(who):
            if faults:
                raise GateFailed(*faults)
    assert said == ["sales", "baskets", "all tables pass the gate again", "sales"]
    with pytest.raises(BatchFailed), at_gate.passing("quick"):
        raise BatchFailed("another fault")


def test_a_loop_gives_another_sign_with_each_batch_of_its_tables_and_turn():
    batches = []
    place = SimpleNamespace(
        closing=threading.Event(), ledger=SimpleNamespace(batches=batches), settings=None
    )
    gives = []

    def work():
        for batch_id, table in (("b1", "gold.shops"), ("b2", "gold.baskets"), ("b3", "gold.shops")):
            batches.append(ledger.Batch(batch_id, "build", table))
            gives.append(loop.sign)
        if loop.turns:
            place.closing.set()

    loop = Loop(place, "build", [[tables.by_name("gold.shops")]], work, 0.01)
    assert loop.sign is None
    loop.run()
    assert gives == [(0, "b1"), (0, "b1"), (0, "b3"), (1, "b1"), (1, "b1"), (1, "b3")]
    assert loop.sign is None


def test_a_loop_that_follows_a_stage_is_due_with_each_of_its_batches():
    batches = [ledger.Batch("i1", "ingest", EVENTS.name)]
    place = SimpleNamespace(closing=threading.Event(), ledger=SimpleNamespace(batches=batches))
    seen = []

    def work():
        seen.append([batch.batch_id for batch in batches])
        if len(seen) == 1:  # what the loop itself or another stage did is no news
            batches.append(ledger.Batch("r1", "refine", "silver.readings"))
            soon = threading.Timer(0.3, batches.append, [ledger.Batch("i2", "ingest", EVENTS.name)])
            soon.start()
        else:
            place.closing.set()

    began = time.monotonic()
    Loop(place, "refine", [refine.HOT], work, 60.0, follows="ingest").run()
    assert seen == [["i1"], ["i1", "r1", "i2"]]
    assert 0.3 <= time.monotonic() - began < 30


@pytest.mark.timeout(600)  # two starts of Spark; seen: 264 s beside a load of 11
@pytest.mark.slow
def test_sigterm_lets_the_batch_finish_and_a_restart_goes_on(server, where, tmp_path):
    del where
    settings = Settings.model_validate(SETTINGS)
    file = tmp_path / "stream.yml"
    file.write_text(json.dumps(SETTINGS))
    words = ("--settings", str(file), "stream", "--every", "500ms")
    storage = s3.client(settings, server)
    s3.ensure_buckets(storage, settings.buckets.model_dump().values())
    lake = Lake(settings, server)

    with processes.lakehouse(*words, log=tmp_path / "first.log") as process:
        land(storage, 1, "weather")  # for one table: the batch under way is a small one
        processes.until(
            lambda: lake.version(EVENTS) >= 0 and lake.rows(EVENTS) == 1, [process], 250
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(150) == 0
    assert "every batch is done" in (tmp_path / "first.log").read_text()

    land(storage, 2)  # nobody looks
    with processes.lakehouse(*words, log=tmp_path / "second.log") as process:
        processes.until(
            lambda: "caught up" in (tmp_path / "second.log").read_text(), [process], 250
        )
        assert lake.rows(EVENTS) == 2
        assert lake.rows(tables.by_name("gold.shops")) == 1
        land(storage, 3, "weather")
        processes.until(lambda: lake.rows(EVENTS) == 3, [process], 250)
        process.send_signal(signal.SIGINT)
        assert process.wait(150) == 0
    ingested = ledger.Ledger(lake, is_reader=True).of("ingest")
    assert sum(batch.messages_in for batch in ingested) == 3
    assert s3_server.status(tmp_path) is None  # it used the server of the test, and started none


def land(storage, number, feed="shops", bucket=SETTINGS["buckets"]["landing"]):
    """Put one message about shop S<number> into the landing zone, now."""
    now = datetime.now(UTC) - timedelta(seconds=1)
    shop = {"snapshot_id": f"s{number}", "row_count": 1, "effective_at": "2026-01-01T00:00:00Z"}
    shop |= {"shop_id": f"S{number}", "time_zone": "Europe/Berlin", "currency": "EUR"}
    shop |= {"latitude": 52.5, "longitude": 13.4, "floor_plan": "40 x 30", "geofence": None}
    message = {
        "event_id": f"e{number}",
        "feed": feed,
        "schema_version": 1,
        "device_id": None,
        "shop_id": f"S{number}",
        "subject": None,
        "emitted_at": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "payload": shop,
    }
    key = f"{now:%Y-%m-%d}/reference_{now:%Y%m%dT%H%M%S}.000Z.jsonl"
    s3.put(storage, bucket, key, json.dumps(message).encode())
