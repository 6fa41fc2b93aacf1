"""Build of tables that look further than their windows: silver.device_faults, gold.device_health."""

from datetime import UTC, date, datetime, timedelta

import pytest
from pyspark.sql import functions as F

from lakehouse import content, tables
from lakehouse.flow import build
from tests.worlds import lakehouse_in

pytestmark = pytest.mark.timeout(900)

READINGS, DEVICES = (tables.by_name(f"silver.{name}") for name in ("readings", "devices"))
FAULTS, HEALTH = tables.by_name("silver.device_faults"), tables.by_name("gold.device_health")
CUSTOMERS = tables.by_name("gold.customer_hours")
FRIDGES = tables.by_name("gold.fridge_hours")
STAYS, STOCK = tables.by_name("silver.tag_stays"), tables.by_name("gold.shelf_stock")
PLACES, RECONCILED = tables.by_name("gold.product_places"), tables.by_name("gold.reconciliation")
PRICES, CHECKS = tables.by_name("silver.prices"), tables.by_name("gold.price_checks")
VISITS, PATHS = tables.by_name("gold.visits"), tables.by_name("gold.paths")
FENCES = tables.by_name("gold.geofence_crossings")
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
HALF_HOUR = 1800.0


@pytest.fixture(scope="module")
def at(where, server, spark):
    """An empty lakehouse of its own."""
    return lakehouse_in("faults", where, server, spark)


def readings(frame, device, hours, start):
    """One every half hour in the hours since FIRST, as they lie in silver."""
    rows = []
    for n in range(int(hours[0] * 2), int(hours[1] * 2)):
        instant = FIRST + timedelta(minutes=30 * n)
        rows.append(
            {
                "shop_id": "S1",
                "zone_id": "Z1",
                "device_id": device,
                "metric": "temperature",
                "measured_at": instant,
                "event_id": f"{device}-{n}",
                "value": 20 + n % 7 / 10,
                "unit": "C",
                "raw_value": str(20 + n % 7 / 10),
                "is_late": False,
                "source_object": f"{start}-{instant:%d%H}",
                "source_line": n,
                "arrived_at": instant,
                "batch_id": "b",
            }
        )
    return frame("silver.readings", *rows)


def test_what_is_built_from_whole_days_is_built_by_itself_and_with_what_stands_on_it():
    slow = (FAULTS, HEALTH, FRIDGES, STAYS, CHECKS, STOCK, PLACES, RECONCILED, VISITS, PATHS)
    slow += (FENCES,)
    assert set(tables.SLOW) == set(slow)
    assert not {*tables.QUICK} & {*tables.SLOW}
    assert {*tables.QUICK, *tables.SLOW} == {*tables.BUILT}


@pytest.mark.slow
def test_an_incremental_build_of_days_that_look_around_equals_a_full_one(at, frame):
    devices = [
        {
            "device_id": device,
            "shop_id": "S1",
            "zone_id": "Z1",
            "kind": kind,
            "interval_s": HALF_HOUR,
            "valid_from": FIRST - timedelta(days=9),
            "event_id": device,
            "source_object": "object",
            "source_line": 1,
            "arrived_at": FIRST,
            "batch_id": "b",
        }
        for device, kind in (("A", "climate"), ("B", "fridge_thermometer"))
    ]
    at.store.append(DEVICES, frame("silver.devices", *devices), {})
    at.store.append(READINGS, readings(frame, "A", (0, 120), "first"), {})
    quiet = readings(frame, "B", (0, 46), "first").union(readings(frame, "B", (80, 120), "first"))
    at.store.append(READINGS, quiet, {})
    built(at)
    assert gaps(at) == {(date(2026, 3, 2), 22), (date(2026, 3, 3), 0), (date(2026, 3, 4), 0)}

    # On the third evening the device was there: the gap of the fourth day begins later.
    at.store.append(READINGS, readings(frame, "B", (66, 70), "second"), {})
    before = at.lake.version(FAULTS)
    slow = (FAULTS, HEALTH, FRIDGES, STOCK)  # no shelf is in it: what stands on STOCK is as it was
    assert [batch.table_name for batch in built(at)] == [table.name for table in slow]
    assert at.lake.version(FAULTS) == before + 1
    assert gaps(at) == {
        (date(2026, 3, 2), 22),
        (date(2026, 3, 3), 0),
        (date(2026, 3, 3), 22),
        (date(2026, 3, 4), 0),
    }
    for table in (FAULTS, HEALTH, FRIDGES):
        assert_equals_a_full_build(at, table)


def test_a_late_row_at_noon_of_a_table_that_looks_a_day_around_builds_its_own_day(
    where, server, spark, frame
):
    at = lakehouse_in("noon", where, server, spark)

    def told(hour, cents):
        sent_at = FIRST + timedelta(hours=hour)
        of = {"shop_id": "S1", "device_id": "L1", "product_id": "P1", "price_cents": cents}
        of |= {"valid_from": sent_at, "is_acknowledged": True, "is_late": False, "source_line": 1}
        of |= {"event_id": f"{hour}", "source_object": "o", "arrived_at": FIRST, "batch_id": "b"}
        return of | {"sent_at": sent_at}

    at.store.append(PRICES, frame("silver.prices", *(told(n, 100 + n) for n in (1, 23, 90))), {})
    assert build.table(at, CHECKS)
    at.store.append(PRICES, frame("silver.prices", told(12, 777)), {})
    assert build.table(at, CHECKS)
    assert at.store.read(CHECKS).where("label_price_cents = 777").count() == 11
    assert_equals_a_full_build(at, CHECKS)


def assert_equals_a_full_build(at, table):
    full = build.frame(at, table, build.built_from(at, table))
    assert content.of(full, table) == content.of(at.store.read(table), table), table.name


def built(at):
    """Past the gate: what lies here is in no ledger."""
    return [batch for one in tables.SLOW if (batch := build.table(at, one))]


def gaps(at):
    """Day and hour in which each part of what was not heard begins."""
    rows = at.store.read(FAULTS).where("fault IN ('gap', 'silent')")
    return {(row[0], row[1]) for row in rows.select("day_on", F.hour("from_at")).collect()}


@pytest.mark.slow
def test_a_second_build_does_nothing(at):
    assert built(at) == []


@pytest.mark.slow
def test_what_an_older_version_built_from_fewer_tables_is_built_whole(at, monkeypatch):
    read = build.built_from(at, HEALTH)
    del read[next(iter(HEALTH.windows))]
    with monkeypatch.context() as patch:
        patch.setattr(build, "built_from", lambda *_: read)
        assert build.table(at, HEALTH)
    assert_equals_a_full_build(at, HEALTH)


def test_a_word_of_a_customer_that_comes_late_builds_their_hours_anew(where, server, spark, frame):
    at = lakehouse_in("customers", where, server, spark)
    own = {"metric": "temperature", "unit": "C", "raw_value": "20", "is_late": False}
    message = {"source_object": "object", "source_line": 1, "arrived_at": FIRST, "batch_id": "b"}
    readings, customers = [], []
    for subject in ("p1_aa", "p1_bb"):
        known = {"subject": subject, "event_id": subject, "consents": ["analytics"]}
        customers.append(known | {"valid_from": FIRST - timedelta(days=9)} | message)
        for day in (0, 1):
            when = FIRST + timedelta(days=day, hours=9)
            said = {"subject": subject, "event_id": f"{subject}-{day}", "measured_at": when}
            readings.append(said | {"value": 20.0 + day} | own | message)
    at.store.append(READINGS, frame("silver.readings", *readings), {})
    at.store.append(tables.by_name("silver.customers"), frame("silver.customers", *customers), {})
    assert build.table(at, CUSTOMERS) is not None
    assert hours(at) == {("p1_aa", 1), ("p1_aa", 2), ("p1_bb", 1), ("p1_bb", 2)}

    word = {"subject": "p1_aa", "kind": "consent_withdrawn", "event_id": "w", "is_late": True}
    scan = {"subject": "p1_bb", "kind": "scan", "event_id": "s", "is_late": False}
    when = {"happened_at": FIRST + timedelta(days=1)}
    events = frame("silver.app_events", word | when | message, scan | when | message)
    at.store.append(tables.by_name("silver.app_events"), events, {})
    assert build.table(at, CUSTOMERS) is not None
    assert hours(at) == {("p1_aa", 1), ("p1_bb", 1), ("p1_bb", 2)}
    assert_equals_a_full_build(at, CUSTOMERS)


@pytest.mark.slow
def test_a_stay_over_midnight_that_is_heard_of_late_is_built_anew_with_its_ways(
    where, server, spark, frame
):
    at = lakehouse_in("stays", where, server, spark)
    midnight = FIRST + timedelta(days=1)
    message = {"source_object": "o", "source_line": 1, "arrived_at": FIRST, "batch_id": "b"}
    known = message | {"shop_id": "S1", "valid_from": FIRST - timedelta(days=9)}

    def put(name, *rows):
        full = [{"event_id": f"{name}-{n}", "is_late": False} | row for n, row in enumerate(rows)]
        declared = set(tables.by_name(name).column_names)
        cut = [{key: row[key] for key in row.keys() & declared} for row in full]
        at.store.append(tables.by_name(name), frame(name, *cut), {})

    def heard(subject, minute, beacon):
        """Every ten seconds of a minute after midnight."""
        for second in range(0, 60, 10):
            when = midnight + timedelta(minutes=minute, seconds=second)
            of = {"subject": subject, "heard_at": when, "heard_by": "app", "beacon_id": beacon}
            of |= {"event_id": f"{subject}{when}", "rssi_dbm": -75, "tx_power_dbm": -59}
            yield message | of | {"shop_id": "S1", "zone_id": "Z"}

    square = [[0.0, 0.0], [20.0, 0.0], [20.0, 10.0], [0.0, 10.0]]
    beside = [[x_m + 20.0, y_m] for x_m, y_m in square]
    put("silver.shops", known | {"latitude": 0.0, "longitude": 0.0})
    put(
        "silver.zones",
        *(known | {"zone_id": z, "polygon": p} for z, p in (("A", square), ("B", beside))),
    )
    put(
        "silver.devices",
        *(
            known | {"device_id": name, "kind": "beacon", "x_m": x_m, "y_m": 5.0}
            for name, x_m in (("B1", 10.0), ("B2", 30.0))
        ),
    )
    put(
        "silver.customers",
        *(known | {"subject": s, "consents": ["analytics"]} for s in ("p1", "p2")),
    )
    first = [row for minute in (-5, -4, -3, 1, 2, 3) for row in heard("p1", minute, "B1")]
    put("silver.sightings", *first, *(row for m in (900, 901) for row in heard("p2", m, "B2")))
    assert build.table(at, VISITS)
    assert build.table(at, PATHS)
    assert stays(at) == [("p1", 1, "A"), ("p2", 2, "B")]

    put("silver.sightings", *(row for minute in (-10, -9, -8) for row in heard("p1", minute, "B2")))
    assert build.table(at, VISITS)
    assert build.table(at, PATHS)
    assert stays(at) == [("p1", 1, "A"), ("p1", 1, "B"), ("p2", 2, "B")]
    for table in (VISITS, PATHS):
        assert_equals_a_full_build(at, table)

    paid = {"subject": "p1", "paid_at": midnight + timedelta(minutes=5), "quantity": 1, "line": 1}
    nothing = {"amount_cents": 1, "discount_cents": 0, "basket_id": "k", "product_id": "x"}
    put("silver.sales", message | {"shop_id": "S1"} | paid | nothing)
    assert build.table(at, PATHS)
    without = at.store.read(PATHS).where("without_receipt > 0").collect()
    assert [row.day_on.day for row in without] == [2]
    assert_equals_a_full_build(at, PATHS)


def stays(at):
    """Who was where, by day of March."""
    rows = at.store.read(VISITS).select("subject", F.dayofmonth("day_on"), "zone_id").collect()
    return sorted(tuple(row) for row in rows)


def hours(at):
    """Whose hours there are, by day of March."""
    rows = at.store.read(CUSTOMERS).select("subject", F.dayofmonth("day_on")).collect()
    return {tuple(row) for row in rows}
