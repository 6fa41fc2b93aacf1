"""Devices that have gone bad, and tables that do not pass, are told of at a webhook."""

import json
from datetime import UTC, date, datetime
from types import SimpleNamespace

import deltalake
import pyarrow as pa
import pytest

from lakehouse import s3
from lakehouse.flow import alarms
from lakehouse.lake import Lake
from lakehouse.settings import Buckets, Settings
from lakehouse.verdicts import Stand
from tests.webhook import listening

HEALTH = alarms.HEALTH
FAULTS_S = pa.list_(pa.struct({"fault": pa.string(), "seconds": pa.int64()}))
TYPES = {
    "string": pa.string(),
    "date": pa.date32(),
    "double": pa.float64(),
    "bigint": pa.int64(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "array<struct<fault: string, seconds: bigint>>": FAULTS_S,
}
SUNDAY, MONDAY, TUESDAY = (date(2026, 3, day) for day in (1, 2, 3))


@pytest.fixture(scope="module")
def lake(server):
    """In the first shop one device is bad; in the second, heard until a day before, six are; the third
    was not heard for a day; in the fourth the day has hardly begun; one is closed.
    """
    settings = Settings(buckets=Buckets.named("alarms"))
    s3.ensure_buckets(s3.client(settings, server), settings.buckets.model_dump().values())
    lake = Lake(settings, server)
    schema = pa.schema([(one.name, TYPES[one.type]) for one in HEALTH.columns])
    lake.create(HEALTH, deltalake.Schema.from_arrow(schema).to_json())
    silent = [{"fault": "gap", "seconds": 360}, {"fault": "silent", "seconds": 72_000}]
    rows = [
        row("S1", MONDAY, "A", 0.1),  # and well again
        row("S1", TUESDAY, "A", 0.9),
        row("S1", TUESDAY, "B", 0.25, faults=silent),
        *(row("S4", MONDAY, device, 0.1) for device in "EF"),
        *(
            row("S4", TUESDAY, device, health, hour=5)
            for device, health in (("E", 0.0), ("F", 1.0))
        ),
        row("closed", date(2026, 2, 1), "G", 0.0),
        row("S3", SUNDAY, "D", 1.0),
        *(row("S2", MONDAY, f"C{n}", 0.0) for n in range(6)),
    ]
    lake.append(HEALTH, pa.Table.from_pylist(rows, schema=schema))
    return lake


def row(shop_id, day_on, device_id, health, *, faults=None, hour=23):
    known = {"shop_id": shop_id, "day_on": day_on, "device_id": device_id, "health": health}
    return (
        dict.fromkeys(HEALTH.column_names)
        | known
        | {
            "faults_s": faults,
            "last_seen_at": datetime(day_on.year, day_on.month, day_on.day, hour, tzinfo=UTC),
        }
    )


def test_a_device_in_bad_health_is_told_of_and_many_as_one_and_a_shop_that_is_silent(lake):
    one, many, none, *of_day_before = alarms.of_devices(lake, 0.5)
    assert (one.kind, one.table, one.version, one.of) == ("device_fault", HEALTH.name, 1, "B")
    asked = (
        "SELECT * FROM silver.device_faults WHERE device_id = 'B' AND day_on = DATE '2026-03-03'"
    )
    assert one.sentence == (
        "B of S1 is in bad health on 2026-03-03: 0.25 (silent for 20.0 h, gap for 0.1 h); "
        f'`lakehouse query "{asked}"` shows more'
    )
    assert many.of == "S2"
    assert many.sentence.startswith("6 devices of S2 are in bad health on 2026-03-02;")
    assert none.sentence.startswith(
        "no device of S3 was heard after 2026-03-01, though others were until 2026-03-03;"
    )
    assert [alert.of for alert in of_day_before] == ["E", "F"]
    assert [alert.of for alert in alarms.of_devices(lake, 0.0)] == ["S3"]


def test_where_no_day_was_accounted_for_yet_no_device_is_bad(server):
    assert alarms.of_devices(Lake(Settings(buckets=Buckets.named("none")), server), 0.5) == []


def test_a_ring_tells_of_devices_and_forgets_those_that_are_well(lake, monkeypatch):
    monkeypatch.setenv("LAKEHOUSE_ALERT_SECRET", "a secret of the tests")
    with listening() as (url, got):
        known = lake.settings
        told = known.model_copy(update={"alerts": known.alerts.model_copy(update={"url": url})})
        place = SimpleNamespace(settings=told, lake=lake, busy={})
        stands = {"silver.sales": Stand("silver.sales", 3, "r", (), {})}
        assert alarms.ring(place, stands) == [
            f"device_fault/{HEALTH.name}/{of}" for of in ("B", "S2", "S3", "E", "F")
        ]
        assert alarms.ring(place, stands) == []
        well = told.alerts.model_copy(update={"device_health": 0.0})
        place.settings = told.model_copy(update={"alerts": well})
        assert alarms.ring(place, stands) == []
        place.settings = told
        assert len(alarms.ring(place, stands)) == 4
    assert [json.loads(body)["kind"] for _, body in got] == ["device_fault"] * 9
