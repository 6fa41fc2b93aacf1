"""gold.shelf_stock: what stands on a shelf at the end of an hour, by tags and by weight."""

from datetime import UTC, date, datetime, timedelta

import pytest
from chispa import assert_df_equality

from lakehouse.gold import shelf_stock

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
DAY = date(2026, 3, 4)


def at(hour, minute=0, second=0, day=4):
    return datetime(2026, 3, day, hour, minute, second, tzinfo=UTC)


def stay(epc, from_at, to_at, antenna="A1", **others):
    """A tag that stayed, of an antenna that reads 65 %."""
    of = {"shop_id": "S1", "day_on": DAY, "device_id": antenna, "epc": epc, "reads": 9}
    rates = {"read_rate": 0.65, "cycle_s": 900, "window_s": 7200}
    return of | {"from_at": from_at, "to_at": to_at} | rates | others


def weights(*grams, start, scale="W1", minutes=15):
    return [
        {
            "shop_id": "S1",
            "device_id": scale,
            "metric": "weight",
            "measured_at": start + n * timedelta(minutes=minutes),
            "event_id": f"{scale} {start} {n:03d}",
            "value": weight / 1000,
        }
        for n, weight in enumerate(grams)
    ]


def label(device, product):
    """What the label at a device was told early in the day."""
    of = {"shop_id": "S1", "device_id": f"{device}-label", "product_id": product}
    return of | {"sent_at": at(5), "event_id": device}


def sold(paid_at, quantity, product="P1"):
    return {"shop_id": "S1", "paid_at": paid_at, "product_id": product, "quantity": quantity}


def delivered(delivered_at, quantity, *epcs, product="P1"):
    of = {"shop_id": "S1", "delivered_at": delivered_at, "product_id": product}
    return of | {"quantity": quantity, "epcs": list(epcs)}


@pytest.fixture
def table(frame):
    """The table of P1 at antennas A1 and A2 and of P2, whose units weigh 400 g, on scale W1."""
    devices = [
        {"device_id": name, "kind": kind, "zone_id": f"zone of {name}", "valid_from": LONG_AGO}
        for name, kind in (("A1", "rfid_antenna"), ("A2", "rfid_antenna"), ("W1", "scale"))
    ]
    products = [
        {"product_id": name, "unit_weight_g": weight, "list_price_cents": price}
        for name, weight, price in (("P1", None, 200), ("P2", 400.0, 90), ("P3", None, 50))
    ]
    planogram = {"shop_id": "S1", "shelf_id": "F1", "product_id": "P1"}

    def of(*, stays=(), weighed=(), deliveries=(), sales=(), labels=None):
        labels = labels or (label("A1", "P1"), label("W1", "P2"))
        return shelf_stock.build(
            frame("silver.tag_stays", *stays),
            frame("silver.readings", *weighed),
            frame("silver.deliveries", *deliveries),
            frame("silver.sales", *sales),
            frame("silver.prices", *labels),
            frame("silver.planogram", planogram | {"valid_from": LONG_AGO}),
            frame("silver.products", *({**one, "valid_from": LONG_AGO} for one in products)),
            frame("silver.devices", *devices),
        )

    return of


@pytest.fixture
def hours(table):
    """The rows of the day by (device, hour)."""

    def of(**given):
        rows = table(**given).where(f"day_on = DATE '{DAY}'").collect()
        return {(row.device_id, row.hour_at.astimezone(UTC).hour): row for row in rows}

    return of


def test_an_hour_of_a_shelf_is_one_row_of_the_declared_columns(table, frame):
    actual = table(
        stays=[stay("a.1", at(8), at(20)), stay("a.2", at(8), at(10, 20))],
        deliveries=[delivered(at(0, 30), 9), delivered(at(9, 30), 4)],
        sales=[sold(at(9, 10), 2), sold(at(10, 5), 1), sold(at(10, 6), -1), sold(at(9, day=3), 3)],
    ).where("day_on = DATE '2026-03-04' AND device_id = 'A1' AND hour(hour_at) = 10")
    expected = frame(
        "gold.shelf_stock",
        {
            "shop_id": "S1",
            "day_on": DAY,
            "product_id": "P1",
            "device_id": "A1",
            "hour_at": at(10),
            "shelf_id": "F1",
            "zone_id": "zone of A1",
            "counted_by": "tags",
            "units": 1,
            "units_low": 1,
            "units_high": 2,  # unread for 40 minutes, it may still be there
            "book_units": 3,  # since 8 o'clock, when the shop was first heard
            "arrived_units": 0,
            "departed_units": 1,
            "out_of_stock_s": 0,
            "lost_units": 0.0,
            # 6 sold in 48 hours: of a demand of 0.5 in 4 hours, what is beyond 1.
            "expected_lost_units": 0.107,
            "expected_lost_cents": 21,
            "refill_rank": 1,
        },
    ).drop("batch_id")
    assert_df_equality(actual, expected, ignore_nullable=True)


def test_a_tag_that_was_not_read_lately_is_still_there_at_the_end_of_what_is_heard(hours):
    found = hours(stays=[stay("a.1", at(8), at(19, 10)), stay("a.2", at(8), at(20))])
    assert found["A1", 20].units == 2
    assert ("A1", 21) not in found


def test_a_tag_read_once_is_a_ghost_but_where_a_delivery_just_brought_it(hours):
    once = [stay(epc, at(9, 5), at(9, 5), reads=1) for epc in ("a.2", "a.3", "a.4")]
    notes = [delivered(at(9), 1, "a.3"), delivered(at(6), 1, "a.4"), delivered(at(9), 1, "a.5")]
    found = hours(stays=[stay("a.1", at(6), at(20)), *once], deliveries=notes)
    assert [found["A1", hour].units for hour in (8, 9, 10)] == [1, 1, 1]
    assert (found["A1", 9].arrived_units, found["A1", 9].departed_units) == (1, 1)


def test_a_shelf_is_out_of_stock_from_when_the_last_unit_went_to_when_the_next_came(hours):
    found = hours(
        stays=[stay("a.1", at(0), at(10)), stay("a.2", at(13, 0), at(20))],
        deliveries=[delivered(at(12, 50), 1, "a.2")],
        sales=[sold(at(9), 24)],
    )
    seconds = {hour: found["A1", hour].out_of_stock_s for hour in range(9, 15)}
    assert seconds == {9: 0, 10: 3600 - 934, 11: 3600, 12: 3000, 13: 0, 14: 0}
    eleven = found["A1", 11]
    assert eleven.out_from_at.astimezone(UTC) == at(10, 15, 34)
    assert eleven.out_to_at.astimezone(UTC) == at(12, 50)
    assert (eleven.lost_units, eleven.expected_lost_units, eleven.expected_lost_cents) == (
        0.5,
        2.0,
        400,
    )
    assert (eleven.units, eleven.units_high, found["A1", 10].units_high) == (0, 0, 0)


def test_nothing_for_less_than_half_an_hour_is_no_time_out_of_stock(hours):
    found = hours(
        stays=[stay("a.1", at(0), at(10)), stay("a.2", at(10, 50), at(20))],
        deliveries=[delivered(at(10, 40), 1, "a.2")],
    )
    assert found["A1", 10].out_of_stock_s == 0
    assert (found["A1", 10].departed_units, found["A1", 10].arrived_units) == (1, 1)


def test_a_shelf_without_any_tag_is_empty_from_when_its_shop_is_heard_to_when_it_is_not(hours):
    found = hours(
        stays=[stay("b.1", at(2), at(6, 30), antenna="A2")],
        labels=[label("A1", "P1"), label("A2", "P3")],
    )
    assert {hour: found["A1", hour].units for hour in range(2, 7)} == dict.fromkeys(range(2, 7), 0)
    assert not {("A1", 1), ("A1", 7)} & set(found)
    assert found["A2", 5].product_id == "P3"


def test_a_scale_counts_by_what_a_unit_weighs_and_passes_over_a_spike(hours):
    found = hours(weighed=weights(2003, 1995, 52000, 1598, 1604, 1601, 796, 802, start=at(8)))
    counts = [(found["W1", hour].units, found["W1", hour].counted_by) for hour in (8, 9)]
    assert counts == [(4, "weight"), (2, "weight")]
    assert [found["W1", hour].departed_units for hour in (8, 9)] == [1, 2]


def test_a_scale_is_as_sure_as_it_is_right_to_some_grams(hours):
    found = hours(weighed=weights(1010, 1010, 1010, start=at(8)))
    row = found["W1", 8]
    assert (row.units, row.units_low, row.units_high) == (3, 2, 3)


def test_what_a_unit_weighs_follows_from_what_went_and_what_was_sold(hours):
    # Units of 150 g went by twos and threes. A drift of 60 g is no unit.
    grams = (1800, 1800, 1500, 1500, 1050, 1050, 750, 750, 690, 690)
    of = {"weighed": weights(*grams, start=at(8)), "labels": [label("W1", "P3")]}
    found = hours(**of, sales=[sold(at(9), 7, "P3"), sold(at(9), 50, "P1")])
    assert [found["W1", hour].units for hour in (8, 9, 10)] == [10, 5, 5]


def test_without_sales_the_least_move_is_a_unit_and_without_moves_nothing_is_counted(hours):
    def of(*grams):
        return hours(weighed=weights(*grams, start=at(8)), labels=[label("W1", "P3")])

    assert of(1800, 1800, 1500, 1500, 900, 900)["W1", 9].units == 3
    assert of(1800, 1800) == {}


def test_what_is_sold_most_and_nearly_gone_is_refilled_first(hours):
    found = hours(
        stays=[stay("a.1", at(6), at(20)), stay("b.1", at(6), at(20), antenna="A2")],
        weighed=weights(*(12 * [400]), start=at(6), minutes=60),
        labels=[label("A1", "P1"), label("A2", "P3"), label("W1", "P2")],
        sales=[sold(at(9), 24), sold(at(9), 24, "P3"), sold(at(9), 48, "P2")],
    )
    ranks = {device: found[device, 12].refill_rank for device in ("A1", "A2", "W1")}
    cents = {device: found[device, 12].expected_lost_cents for device in ("A1", "A2", "W1")}
    assert ranks == {"W1": 1, "A1": 2, "A2": 3}
    assert cents["W1"] > cents["A1"] > cents["A2"] > 0


def test_a_day_follows_from_its_rows_in_any_order(table):
    stays = [stay(f"a.{n}", at(6 + n), at(10 + 2 * n)) for n in range(4)]
    weighed = weights(1200, 1200, 800, 800, 400, 800, start=at(9))
    of = {"sales": [sold(at(9), 2), sold(at(9, day=3), 5)], "deliveries": [delivered(at(8), 4)]}
    once = table(stays=stays, weighed=weighed, **of)
    again = table(stays=stays[::-1], weighed=weighed[::-1], **of)
    assert once.where("device_id = 'W1'").count() > 0
    assert_df_equality(once, again, ignore_row_order=True, ignore_nullable=True)
