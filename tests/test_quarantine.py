"""Messages that wait: declared right, released, dropped; and nothing is lost or doubled by it."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from lakehouse import content, corrections, repairs, rules, tables
from lakehouse.errors import BadCorrection, UnknownName
from lakehouse.flow import (
    build,
    cases,
    ingest,
    keeping,
    lines,
    once,
    quarantine,
    rebuild,
    refine,
    undo,
)
from lakehouse.repairs import Scope
from tests.worlds import lakehouse_in, land

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

READINGS = tables.by_name("silver.readings")
EVENTS = tables.by_name("bronze.events")
QUARANTINE = tables.by_name("ops.quarantine")
# What the readings of fridges fill; all else that is built is empty in this world.
BUILT = [
    tables.by_name(name)
    for name in (
        "silver.device_faults",
        "gold.shops",
        "gold.shop_hours",
        "gold.device_health",
        "gold.fridge_hours",
    )
]
COMPARED = (READINGS, tables.by_name("silver.devices"), *BUILT)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MANY = 1000
WHY = "The gateway was set up with the wrong label."


def line(feed, number, payload, **more):
    """One landed line."""
    envelope = {
        "event_id": f"{feed}-{number}",
        "feed": feed,
        "schema_version": 1,
        "device_id": None,
        "shop_id": "S1",
        "subject": None,
        "emitted_at": f"{NOON + timedelta(seconds=number):%Y-%m-%dT%H:%M:%SZ}",
        "payload": payload,
    }
    return json.dumps(envelope | more)


def reference():
    snapshot = {"snapshot_id": "s1", "row_count": "2", "effective_at": "2026-01-01T00:00:00Z"}
    shop = {"shop_id": "S1", "time_zone": "Europe/Zurich", "currency": "CHF"}
    place = {"latitude": "47.4", "longitude": "8.5"}
    device = {"shop_id": "S1", "zone_id": "S1-chilled", "kind": "fridge_thermometer"}
    device |= {"interval_s": "60", "native_unit": "F"}
    devices = [snapshot | device | {"device_id": name} for name in ("fridge-1", "fridge-2")]
    return [
        line("shops", 1, snapshot | shop | place),
        *(line("devices", number, payload) for number, payload in enumerate(devices)),
    ]


def readings(unit, numbers):
    """Every other one of each fridge; only the first fridge's label is what is asked for."""
    return [
        line(
            "readings",
            number,
            {"metric": "temperature", "value": f"{36 + number % 7}.5", "unit": label},
            device_id=device,
        )
        for number in numbers
        for device, label in [("fridge-1", unit) if number % 2 else ("fridge-2", "F")]
    ]


def landing(name, lines):
    return {f"2026-03-01/{name}_20260301T130000.000Z.jsonl": "\n".join(lines).encode()}


def run(at):
    ingest.everything(at)
    refine.everything(at)
    build.everything(at, BUILT)


def waiting(at):
    rows = at.store.read(QUARANTINE).select("table_name", "reasons").collect()
    return Counter((row.table_name, *row.reasons) for row in rows)


def contents(at):
    return {table.name: str(content.of(at.store.read(table), table)) for table in COMPARED}


def accounted(at):
    """Kept, quarantined and repeated messages of readings by the ledger, and as they are there."""
    batches = at.ledger.of("refine", READINGS.name)
    counts = [
        sum(getattr(one, of) for one in batches) for of in ("kept", "quarantined", "repeated")
    ]
    there = at.store.read(READINGS).count(), sum(waiting(at).values()), 0
    return counts, list(there)


@pytest.fixture(scope="module")
def right(where, server, spark):
    """A world in which the unit was right from the start."""
    at = lakehouse_in("right", where, server, spark)
    land(at, landing("a", reference() + readings("F", range(2 * MANY))))
    run(at)
    return at


@pytest.fixture(scope="module")
def wrong(where, server, spark):
    """The same, but for a thousand messages with a label that nobody knows."""
    at = lakehouse_in("wrong", where, server, spark)
    land(at, landing("a", reference() + readings("DEG", range(2 * MANY))))
    run(at)
    return at


def test_a_thousand_messages_are_cured_by_one_correction_once_and_for_all(wrong, right):
    assert waiting(wrong) == {(READINGS.name, "unit_is_known"): MANY}
    assert contents(wrong) != contents(right)
    repair = repairs.mapped("readings", "unit", {"DEG": "F"}, Scope(device_id="fridge-1"))
    assert quarantine.met(wrong, repair) == (MANY, MANY)
    new = quarantine.fix(wrong, repair, READINGS, WHY)
    assert new.correction_id == "c1"

    [batch] = quarantine.release(wrong, READINGS, None, Scope(), WHY)
    assert (batch.messages_in, batch.kept, batch.quarantined) == (0, MANY, -MANY)
    build.everything(wrong, BUILT)
    assert waiting(wrong) == {}
    assert contents(wrong) == contents(right)
    assert accounted(wrong) == ([2 * MANY, 0, 0], [2 * MANY, 0, 0])
    by = Counter(map(str, (row.corrected_by for row in wrong.store.read(READINGS).collect())))
    assert by == {"['c1']": MANY, "None": MANY}

    assert quarantine.release(wrong, READINGS, None, Scope(), "again") == []
    rebuild.table(wrong, READINGS)
    build.everything(wrong, BUILT)
    assert contents(wrong) == contents(right)


def test_what_comes_later_with_the_same_fault_is_read_right_at_once(wrong, right):
    late = range(2 * MANY, 2 * MANY + 4)
    for at, unit in ((wrong, "DEG"), (right, "F")):
        land(at, landing("b", readings(unit, late)))
        run(at)
    assert contents(wrong) == contents(right)


def test_one_message_is_edited_and_one_dropped_and_both_stay_so_in_a_rebuild(wrong):
    broken = [line("readings", 3000 + n, {"value": "x"}, device_id="fridge-1") for n in range(3)]
    [(name, body)] = landing("c", broken).items()
    land(wrong, {name: body})
    run(wrong)
    faults = ("metric_is_there", "unit_is_known", "value_is_a_number")
    assert waiting(wrong) == {(READINGS.name, *faults): 3}

    payload = json.dumps({"metric": "noise", "value": "40", "unit": "dB"})
    edit = repairs.edited("readings", payload, Scope(position=(name, 2)))
    drop = repairs.dropped("readings", Scope(position=(name, 3)))
    assert quarantine.met(wrong, edit) == quarantine.met(wrong, drop) == (1, 1)
    quarantine.fix(wrong, edit, READINGS, WHY)
    quarantine.fix(wrong, drop, READINGS, WHY)
    refine.everything(wrong)  # no release is needed: every run applies what was declared
    left = {(READINGS.name, *faults): 1, (READINGS.name, "dropped", *faults): 1}
    assert waiting(wrong) == left
    before = contents(wrong)
    assert rebuild.table(wrong, READINGS, first=date(2026, 3, 2)) is None
    assert rebuild.table(wrong, READINGS, first=date(2026, 3, 1), last=date(2026, 3, 1))
    assert contents(wrong) == before
    rebuild.table(wrong, READINGS)
    assert waiting(wrong) == left
    assert contents(wrong) == before
    [noise] = wrong.store.read(READINGS).where("metric = 'noise'").collect()
    assert (noise.value, noise.source_line, noise.corrected_by) == (40.0, 2, ["c2"])


def test_the_same_correction_is_not_declared_twice(wrong):
    again = repairs.mapped("readings", "unit", {"DEG": "F"}, Scope(device_id="fridge-1"))
    with pytest.raises(BadCorrection, match="c1 says the same, and is in force"):
        quarantine.fix(wrong, again, READINGS, WHY)


def test_a_relaxed_rule_lets_go_what_it_held_and_a_release_that_is_cut_off_loses_nothing(
    wrong, monkeypatch
):
    hot = {"metric": "temperature", "value": "40", "unit": "C"}
    land(wrong, landing("hot", [line("readings", 3100, hot, device_id="fridge-1")]))
    run(wrong)
    rule = "fridge_temperature_is_plausible"
    before = waiting(wrong)
    assert before[READINGS.name, rule] == 1
    assert quarantine.release(wrong, READINGS, rule, Scope(), WHY)[0].kept == 0
    assert waiting(wrong) == before

    suite = rules.load(READINGS.name)
    relaxed = replace(suite, rules=tuple(one for one in suite.rules if one.id != rule))
    monkeypatch.setattr(cases, "_suite", lambda name: relaxed)
    with monkeypatch.context() as patched:
        patched.setattr(keeping, "keep", cut)
        with pytest.raises(InterruptedError):
            quarantine.release(wrong, READINGS, rule, Scope(), WHY)
    assert waiting(wrong)[READINGS.name, rule] == 0  # and not in silver: cut off in between
    once.recover(wrong, refine.STAGE)
    assert waiting(wrong) == before
    once.recover(wrong, refine.STAGE)
    assert waiting(wrong) == before

    [batch] = quarantine.release(wrong, READINGS, rule, Scope(), WHY)
    assert (batch.kept, batch.quarantined) == (1, -1)
    assert waiting(wrong)[READINGS.name, rule] == 0
    once.recover(wrong, refine.STAGE)  # what was done is not put back
    assert waiting(wrong)[READINGS.name, rule] == 0
    assert wrong.store.read(READINGS).where("value = 40 AND metric = 'temperature'").count() == 1
    counted, there = accounted(wrong)
    assert counted == there


def test_a_correction_is_taken_back_and_its_messages_wait_again(wrong):
    revoked = quarantine.revoke(wrong, "c1", "It was Celsius after all.")
    assert (revoked.kind, revoked.revokes) == ("revoke", "c1")
    with pytest.raises(UnknownName, match="no correction in force called 'c1'; there are c2, c3"):
        quarantine.revoke(wrong, "c1", WHY)
    refine.everything(wrong)
    assert waiting(wrong)[READINGS.name, "unit_is_known"] == MANY + 2
    counted, there = accounted(wrong)
    assert counted == there


def test_a_corrected_reference_row_has_what_it_places_judged_again(wrong):
    moved = repairs.mapped(
        "devices", "zone_id", {"S1-chilled": "S1-frozen"}, Scope(position=device_of(wrong))
    )
    quarantine.fix(wrong, moved, tables.by_name("silver.devices"), WHY)
    refine.everything(wrong)
    zones = wrong.store.read(READINGS).select("device_id", "zone_id").distinct().collect()
    assert {(row.device_id, row.zone_id) for row in zones} == {
        ("fridge-1", "S1-chilled"),
        ("fridge-2", "S1-frozen"),
    }


def device_of(at):
    [row] = (
        at.store.read(tables.by_name("silver.devices")).where("device_id = 'fridge-2'").collect()
    )
    return row.source_object, row.source_line


def test_a_line_that_said_next_year_goes_to_its_right_hour(wrong, monkeypatch):
    """Cut off between bronze and quarantine, it is in both; the next start takes it out of one."""
    year = timedelta(days=365)
    emitted_at = f"{NOON + year:%Y-%m-%dT%H:%M:%SZ}"
    payload = {"metric": "noise", "value": "41", "unit": "dB"}
    said = line("readings", 4000, payload, device_id="fridge-1", emitted_at=emitted_at)
    land(wrong, landing("d", [said, said.replace("fridge-1", "fridge-2").replace("4000", "4001")]))
    run(wrong)
    assert waiting(wrong)[EVENTS.name, "from_the_future"] == 2
    scope = Scope(device_id="fridge-1", since=NOON + year / 2)
    quarantine.fix(wrong, repairs.clock("readings", -year, scope), READINGS, WHY)
    with monkeypatch.context() as patched:
        patched.setattr(lines, "_take_out", cut)
        with pytest.raises(InterruptedError):
            quarantine.release(wrong, EVENTS, None, Scope(), WHY)
    assert waiting(wrong)[EVENTS.name, "from_the_future"] == 2
    once.recover(wrong, ingest.STAGE)
    assert waiting(wrong)[EVENTS.name, "from_the_future"] == 1
    assert lines.release(wrong, None, Scope()) == []

    undo.batch(wrong, wrong.ledger.of("ingest")[-1].batch_id)
    once.recover(wrong, ingest.STAGE)  # what was put back is not put back again
    assert waiting(wrong)[EVENTS.name, "from_the_future"] == 2
    assert lines.release(wrong, None, Scope())[0].kept == 1
    refine.everything(wrong)
    [noise] = wrong.store.read(READINGS).where("value = 41").collect()
    assert noise.measured_at.replace(tzinfo=UTC) == NOON
    [event] = wrong.store.read(EVENTS).where("event_id = 'readings-4000'").collect()
    assert event.emitted_at.replace(tzinfo=UTC) == NOON + year
    batches = wrong.ledger.of("ingest")
    assert sum(one.kept for one in batches) == wrong.store.read(EVENTS).count()
    assert sum(one.quarantined for one in batches) == 1


def cut(*_):
    raise InterruptedError


def test_everything_that_was_done_by_hand_is_in_the_audit(wrong):
    every = wrong.store.read(tables.by_name("ops.audit")).orderBy("done_at").collect()
    undone = next(row for row in every if row.action == "undo")
    assert undone.done_by and undone.batch_ids
    assert undone.reason is None
    rebuilt = [row for row in every if row.action == "rebuild"]
    assert {row.table_name for row in rebuilt} == {READINGS.name}
    assert all(row.batch_ids for row in rebuilt)
    rows = [row for row in every if row.action not in {"undo", "rebuild"}]
    assert [row.action for row in rows] == [
        "fix",
        "release",
        "release",
        "fix",
        "drop",
        "release",
        "release",
        "revoke",
        "fix",
        "fix",
    ]
    assert (rows[1].kept, rows[1].quarantined, len(rows[1].batch_ids)) == (MANY, -MANY, 1)
    assert all(row.done_by and row.reason and row.code_version for row in rows)


@pytest.mark.parametrize(
    ("payload", "why", "fault"),
    [
        ('{"value": "a@b.ch"}', WHY, "e_mail_in_payload"),
        ('{"name": "x"}', WHY, "forbidden_key"),
        ('{"value": "call John Smith now"}', WHY, "free_text"),
        ('{"value": "1"}', "Ask a@b.ch about it.", "e_mail_in_payload"),
    ],
)
def test_a_repair_that_names_a_person_is_refused(wrong, payload, why, fault):
    edit = repairs.edited("readings", payload, Scope(position=("o", 1)))
    with pytest.raises(BadCorrection, match=rf"bring a person into the lake \({fault}\)"):
        quarantine.fix(wrong, edit, READINGS, why)


def test_a_repair_that_sets_the_messages_own_subject_is_refused(wrong):
    person = "customer-0000000000123456"
    payload = {"metric": "temperature", "value": "x", "unit": "C"}
    land(wrong, landing("own", [line("readings", 3200, payload, subject=person)]))
    ingest.everything(wrong)
    [row] = wrong.store.read(EVENTS).where("event_id = 'readings-3200'").collect()
    scope = Scope(position=(row.source_object, row.source_line))
    edit = repairs.edited("readings", json.dumps(payload | {"value": person}), scope)
    with pytest.raises(BadCorrection, match="subject_in_payload"):
        quarantine.fix(wrong, edit, READINGS, WHY)


@pytest.mark.parametrize(
    "repair",
    [
        corrections.Correction("map", "readings", "no such = 1", {}),
        corrections.Correction("map", "readings", "true", {"said.value": "CAST(said.unit AS INT)"}),
    ],
)
def test_a_repair_that_cannot_be_applied_is_refused(wrong, repair):
    with pytest.raises(BadCorrection, match="it cannot be applied"):
        quarantine.met(wrong, repair)


def test_a_late_calibration_has_the_readings_it_covers_judged_again_and_gold_follows(right):
    before, others = temperatures(right, "fridge-1"), temperatures(right, "fridge-2")
    hours = right.store.read(tables.by_name("gold.shop_hours"))
    too_warm = hours.agg({"out_of_temperature_s": "sum"}).first()[0]
    payload = {"snapshot_id": "k", "row_count": "1", "effective_at": "2026-03-02T00:00:00Z"}
    payload |= {"device_id": "fridge-1", "scale": "1", "offset": "4.5"}
    from_the_middle = {"valid_from": f"{NOON + timedelta(seconds=MANY):%Y-%m-%dT%H:%M:%SZ}"}
    land(right, landing("e", [line("calibrations", 1, payload | from_the_middle)]))
    run(right)
    after = temperatures(right, "fridge-1")
    covered = {name for name, (_, at) in before.items() if at >= NOON + timedelta(seconds=MANY)}
    assert 0 < len(covered) < len(before)
    for name, (value, _) in before.items():
        assert after[name][0] - value == pytest.approx(4.5 if name in covered else 0)
    assert temperatures(right, "fridge-2") == others
    hours = right.store.read(tables.by_name("gold.shop_hours"))
    assert hours.agg({"out_of_temperature_s": "sum"}).first()[0] > too_warm


def temperatures(at, device_id):
    rows = at.store.read(READINGS).where(f"device_id = '{device_id}'").collect()
    return {row.event_id: (row.value, row.measured_at.replace(tzinfo=UTC)) for row in rows}
