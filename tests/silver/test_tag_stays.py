"""silver.tag_stays: where a tag stood, out of reads that miss cycles and stray."""

from datetime import UTC, date, datetime, timedelta

import pytest
from chispa import assert_df_equality

from lakehouse.silver import tag_stays

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
DAY = date(2026, 3, 4)
CYCLE = timedelta(minutes=15)


def at(hour, minute=0, day=4):
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def reads(epc, start, cycles, antenna="A1"):
    """One read for each x among the cycles."""
    return [
        {
            "shop_id": "S1",
            "device_id": antenna,
            "zone_id": f"zone of {antenna}",
            "epc": epc,
            "read_at": start + n * CYCLE,
            "event_id": f"{antenna} {epc} {start + n * CYCLE}",
        }
        for n, cycle in enumerate(cycles)
        if cycle == "x"
    ]


@pytest.fixture
def build(frame):
    devices = [
        {"device_id": name, "interval_s": 900.0, "valid_from": LONG_AGO} for name in ("A1", "A2")
    ]

    def of(*read):
        return tag_stays.build(frame("silver.rfid_reads", *read), frame("silver.devices", *devices))

    return of


def stays(built, day=DAY):
    """Antenna, tag, first and last read of each stay on a day."""
    rows = built.where(f"day_on = DATE '{day}'").collect()
    return {
        (row.device_id, row.epc, row.from_at.astimezone(UTC), row.to_at.astimezone(UTC))
        for row in rows
    }


def test_a_stay_is_one_row_of_the_declared_columns(build, frame):
    actual = build(
        *reads("urn:x:7.1", at(10), "xx.xx"), *reads("urn:x:7.1", at(11, 20), "x", antenna="A2")
    )
    expected = frame(
        "silver.tag_stays",
        {
            "shop_id": "S1",
            "day_on": DAY,
            "device_id": "A1",
            "epc": "urn:x:7.1",
            "from_at": at(10),
            "to_at": at(11, 20),
            "zone_id": "zone of A1",
            "item": "urn:x:7",
            "reads": 5,
            "stray_reads": 1,
            "read_rate": 0.75,
            "cycle_s": 900,
            "window_s": 6300,
        },
    ).drop("batch_id")
    assert_df_equality(actual, expected, ignore_nullable=True)


def test_cycles_that_miss_a_tag_are_bridged_as_far_as_the_read_rate_allows(build):
    often_missed = "xxx.xx.xxx"
    found = build(
        *reads("a.1", at(8), often_missed + 7 * "." + "x"),
        *reads("a.2", at(8), often_missed + 8 * "." + "x"),
    )
    end, back = at(8) + 9 * CYCLE, at(8) + 17 * CYCLE
    # 10 of 16 gaps are of one cycle.
    assert {(row.read_rate, row.window_s) for row in found.collect()} == {(0.625, 8 * 900)}
    assert stays(found) == {
        ("A1", "a.1", at(8), back),
        ("A1", "a.2", at(8), end),
        ("A1", "a.2", back + CYCLE, back + CYCLE),
    }


def test_an_antenna_that_reads_well_knows_sooner_that_a_tag_is_gone(build):
    found = build(
        *reads("a.1", at(8), 20 * "x" + 5 * "." + "x"),
        *reads("b.1", at(8), 10 * "x." + 5 * "." + "x", antenna="A2"),
    )
    windows = {row.device_id: row.window_s // 900 for row in found.collect()}
    assert windows == {"A1": 5, "A2": 12}
    assert len(stays(found)) == 3


def test_a_stray_read_counts_where_the_tag_is_read_most(build):
    found = build(
        *reads("a.1", at(8), 10 * "x"), *reads("a.1", at(8, 7), "..xx", antenna="A2")
    ).collect()
    assert [(row.device_id, row.reads, row.stray_reads) for row in found] == [("A1", 12, 2)]


def test_a_tag_that_only_the_next_antenna_read_is_at_home_where_its_kin_are(build):
    kin = [one for n in range(3) for one in reads(f"a.{n}", at(8), 6 * "x")]
    lone = reads("a.9", at(9), "x", antenna="A2")
    other = reads("b.1", at(9), "x", antenna="A2")
    at_home = {(antenna, epc) for antenna, epc, *_ in stays(build(*kin, *lone, *other))}
    assert at_home == {("A1", "a.0"), ("A1", "a.1"), ("A1", "a.2"), ("A1", "a.9"), ("A2", "b.1")}


def test_a_tag_that_is_read_elsewhere_for_long_stands_there_whatever_its_kin_do(build):
    kin = [one for n in range(3) for one in reads(f"a.{n}", at(8), 6 * "x")]
    found = stays(build(*kin, *reads("a.9", at(8), 6 * "x", antenna="A2")))
    assert ("A2", "a.9", at(8), at(9, 15)) in found


def test_a_stay_over_midnight_is_of_both_days_each_with_the_three_hours_around_it(build):
    found = build(*reads("a.1", at(20), 32 * "x"))  # until 3:45
    assert stays(found, date(2026, 3, 4)) == {("A1", "a.1", at(20), at(2, 45, day=5))}
    assert stays(found, date(2026, 3, 5)) == {("A1", "a.1", at(21), at(3, 45, day=5))}


def test_what_ended_before_midnight_by_more_than_the_window_is_not_of_the_day_after(build):
    found = build(*reads("a.1", at(21), "xxxx"), *reads("a.2", at(0, day=5), "xxxx"))
    assert {epc for _, epc, *_ in stays(found, date(2026, 3, 5))} == {"a.2"}


def test_a_day_follows_from_the_rows_of_its_reach_in_any_order(build):
    near = [*reads("a.1", at(21, 30, day=3), 20 * "x."), *reads("a.2", at(7), "x.xx..x")]
    far = [*reads("a.1", at(9, day=3), "xxxx"), *reads("a.2", at(4, day=5), "x.x", antenna="A2")]
    alone = build(*near).where(f"day_on = DATE '{DAY}'")
    among = build(*reversed(far + near)).where(f"day_on = DATE '{DAY}'")
    assert alone.count() == 2
    assert_df_equality(alone, among, ignore_row_order=True, ignore_nullable=True)
