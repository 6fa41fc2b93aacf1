"""Prices due and prices shown: overlapping promotions, and labels that stay silent."""

from datetime import UTC, datetime, timedelta

import pytest
from chispa import assert_df_equality

from lakehouse import pricing, rows, simulator
from lakehouse.settings import Faults, Simulation
from lakehouse.silver.prices import build as build_prices
from lakehouse.silver.products import build as build_products
from lakehouse.silver.promotions import build as build_promotions

DAYS = [datetime(2026, 3, day, 6, tzinfo=UTC) for day in range(1, 8)]
KNOWN = datetime(2026, 2, 1, tzinfo=UTC)
A_SECOND = timedelta(seconds=1)


def day(at):
    """Which of DAYS an instant is, as Spark gives it: in the zone of the machine."""
    return DAYS.index(at.astimezone(UTC))


def plan(name, price, priority, first, last, **more):
    """A promotion of P1 in S1 from one day to another."""
    of = {"promotion_id": name, "shop_id": "S1", "product_id": "P1", "price_cents": price}
    of |= {"priority": priority, "starts_at": DAYS[first], "ends_at": DAYS[last]}
    return of | {"valid_from": KNOWN} | more


@pytest.fixture
def periods(frame):
    """What `promoted` makes of plans: (first day, last day, promotion, price), in order."""

    def of(*plans):
        found = pricing.promoted(frame("silver.promotions", *plans)).orderBy("valid_from").collect()
        assert all((row.shop_id, row.product_id) == ("S1", "P1") for row in found)
        return [
            (day(row.valid_from), day(row.valid_to), row.promotion_id, row.price_cents)
            for row in found
        ]

    return of


def test_of_several_promotions_the_highest_priority_counts(periods):
    low, high = plan("low", 150, 2, 0, 4), plan("high", 170, 10, 1, 3)
    assert periods(low, high) == [(0, 1, "low", 150), (1, 3, "high", 170), (3, 4, "low", 150)]


def test_of_equal_priorities_the_first_name_counts(periods):
    assert periods(plan("b", 150, 2, 0, 2), plan("a", 170, 2, 1, 3)) == [
        (0, 1, "b", 150),
        (1, 2, "a", 170),
        (2, 3, "a", 170),
    ]


def test_between_promotions_there_is_none(periods):
    assert periods(plan("a", 150, 1, 0, 1), plan("b", 170, 2, 3, 4)) == [
        (0, 1, "a", 150),
        (3, 4, "b", 170),
    ]


def test_a_plan_counts_while_it_is_the_plan_in_force(periods):
    first = plan("a", 150, 1, 0, 5, valid_to=DAYS[2])
    changed = plan("a", 140, 1, 0, 4, valid_from=DAYS[2])
    assert periods(first, changed) == [(0, 2, "a", 150), (2, 4, "a", 140)]
    assert periods(first | {"valid_to": KNOWN + A_SECOND}) == []


def test_a_promotion_that_ends_before_it_starts_is_none(periods):
    assert periods(plan("a", 150, 1, 3, 1), plan("b", 150, 1, 2, 2)) == []


def test_what_is_due_is_the_promotion_of_the_shop_and_else_the_list_price(spark, frame):
    promotions = frame("silver.promotions", plan("a", 150, 1, 1, 2))
    listed = {"product_id": "P1", "list_price_cents": 200, "valid_from": KNOWN}
    products = frame(
        "silver.products",
        listed | {"valid_to": DAYS[3]},
        listed | {"list_price_cents": 210, "valid_from": DAYS[3]},
        {"product_id": "P2", "valid_from": KNOWN},
    )
    ddl = "case string, shop_id string, product_id string, at timestamp"
    rows = [
        ("before it", "S1", "P1", DAYS[1] - A_SECOND, 200, None),
        ("its first instant", "S1", "P1", DAYS[1], 150, "a"),
        ("its end", "S1", "P1", DAYS[2], 200, None),
        ("another shop", "S2", "P1", DAYS[1], 200, None),
        ("another list price", "S1", "P1", DAYS[3], 210, None),
        ("no list price", "S1", "P2", DAYS[1], None, None),
        ("an unknown product", "S1", "P3", DAYS[1], None, None),
    ]
    asked = spark.createDataFrame([row[:4] for row in rows], ddl)
    expected = spark.createDataFrame(
        rows, f"{ddl}, due_price_cents bigint, due_promotion_id string"
    )
    actual = pricing.due(asked, promotions, products, at="at")
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_a_label_shows_what_it_acknowledged_and_may_show_the_price_before_where_it_did_not(
    spark, frame
):
    started = DAYS[0]

    def told(hours, price, acknowledged, label="L1", **more):
        at = started + timedelta(hours=hours)
        of = {"shop_id": "S1", "device_id": label, "product_id": "P1", "price_cents": price}
        of |= {"promotion_id": None, "valid_from": started, "is_acknowledged": acknowledged}
        return of | {"event_id": f"{label}{at}{acknowledged}", "sent_at": at} | more

    prices = frame(
        "silver.prices",
        told(0, 200, False),
        told(1, 200, True),
        told(6, 200, False),
        told(7, 200, True),
        told(8, 150, False, promotion_id="a", valid_from=DAYS[1]),
        told(14, 200, False),
        told(14, 200, True),
        told(3, 330, False, label="L2"),
    )
    of = [started + timedelta(hours=hours) for hours in range(15)]
    ddl = (
        "shop_id string, device_id string, product_id string, price_cents bigint, "
        "promotion_id string, told_at timestamp, until_at timestamp, acknowledged_at timestamp"
    )
    expected = spark.createDataFrame(
        [
            ("S1", "L1", "P1", 200, None, of[0], of[8], of[1]),
            ("S1", "L1", "P1", 150, "a", of[8], of[14], None),
            ("S1", "L1", "P1", 200, None, of[14], None, of[14]),
            ("S1", "L2", "P1", 330, None, of[3], None, None),
        ],
        ddl,
    )
    actual = pricing.shown(prices)
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


@pytest.fixture(scope="module")
def world():
    """Forty goods of each shop for a week: promotions that overlap, labels with an old price."""
    faults = Faults(old_price=0.3, lost_acknowledgement=0.1)
    size = Simulation(receipt_days=7, receipt_share=0.02, sensor_days=7, faults=faults)
    return simulator.world(size, seed=1)


@pytest.fixture(scope="module")
def told(frame, world):
    """The messages of one feed as bronze holds them."""
    sent = world.landing.messages.assign(source_line=world.landing.messages["line"])
    columns = ["event_id", "feed", "shop_id", "device_id", "emitted_at", "payload", "source_line"]

    def of(feed):
        mine = sent.loc[sent["feed"].eq(feed).to_numpy(), columns].astype(object)
        messages = mine.where(mine.notna(), None).to_dict("records")
        at = [one["emitted_at"].to_pydatetime().replace(tzinfo=UTC) for one in messages]
        told = [one | {"emitted_at": when} for one, when in zip(messages, at, strict=True)]
        return frame("bronze.events", *told)

    return of


@pytest.mark.slow
def test_in_a_simulated_week_the_labels_with_an_old_price_are_found_and_no_others(told, world):
    promotions = build_promotions(told("promotions"))
    products = build_products(told("products"))
    found = pricing.due(
        pricing.shown(build_prices(told("shelf_labels"))),
        rows.with_valid_to(promotions, ["promotion_id"]),
        rows.with_valid_to(products, ["product_id"]),
        at="told_at",
    ).toPandas()
    sent = world.landing.messages
    is_old = sent["fault"].eq("old_price") & sent["payload"].str.contains('"acknowledged":false')
    old = labels(sent[is_old.fillna(False).to_numpy(dtype=bool)], "emitted_at")
    is_unknown = found[
        "due_price_cents"
    ].isna()  # where the list has no price the simulator has one
    is_wrong = ~is_unknown & (found["price_cents"] != found["due_price_cents"])
    assert len(old) > 40
    assert labels(found[is_wrong], "told_at") == old - labels(found[is_unknown], "told_at")


def labels(found, at):
    """Device and instant of each row."""
    return set(zip(found["device_id"], found[at].astype("datetime64[us]"), strict=True))
