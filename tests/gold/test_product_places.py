"""gold.product_places: where a product is by plan and by evidence, and its misplaced units."""

from datetime import UTC, date, datetime

import pytest
from chispa import assert_df_equality

from lakehouse.gold import product_places

DAY = date(2026, 3, 4)


def at(hour):
    return datetime(2026, 3, 4, hour, tzinfo=UTC)


def stay(epc, antenna="A1", reads=9, hour=8):
    of = {"shop_id": "S1", "day_on": DAY, "device_id": antenna, "epc": epc, "reads": reads}
    kin = {"item": epc.rpartition(".")[0], "zone_id": f"zone of {antenna}"}
    return of | kin | {"from_at": at(hour)}


def shelf(device, product, departed=0, by="tags"):
    of = {"shop_id": "S1", "day_on": DAY, "product_id": product, "device_id": device}
    where = {"shelf_id": f"shelf of {device}", "zone_id": f"zone of {device}"}
    return of | where | {"hour_at": at(9), "counted_by": by, "departed_units": departed}


def noted(product, *epcs):
    of = {"shop_id": "S1", "product_id": product, "delivered_at": at(7)}
    return of | {"epcs": list(epcs)}


def seen(label, zone, confidence):
    of = {"shop_id": "S1", "detected_at": at(11), "label": label, "zone_id": zone}
    return of | {"confidence": confidence, "event_id": f"{label} {zone} {confidence}"}


@pytest.fixture
def table(frame):
    """A1 is labelled P1, A2 is labelled P2, the scale W1 is labelled P3."""
    devices = (shelf("A1", "P1"), shelf("A2", "P2"))

    def of(*stays, deliveries=(), sales=(), detections=(), scale=0):
        return product_places.build(
            frame("silver.tag_stays", *stays),
            frame("gold.shelf_stock", *devices, shelf("W1", "P3", scale, "weight")),
            frame("silver.deliveries", *deliveries),
            frame("silver.sales", *sales),
            frame("silver.detections", *detections),
        )

    return of


@pytest.fixture
def places(table):
    def of(*stays, **given):
        return {row.product_id: row for row in table(*stays, **given).collect()}

    return of


def test_a_day_of_a_product_is_one_row_of_the_declared_columns(table, frame):
    actual = table(
        *(stay(f"a.{n}") for n in range(8)),
        stay("a.0", hour=15),
        stay("a.8", "A2"),
        stay("a.9", "A2", reads=1),  # a ghost
        detections=[
            seen("misplaced", "zone of A1", 0.8),
            seen("misplaced", "zone of A1", 0.3),
            seen("spill", "zone of A1", 0.9),
            seen("misplaced", "zone of A2", 0.7),
        ],
    ).where("product_id = 'P1'")
    expected = frame(
        "gold.product_places",
        {
            "shop_id": "S1",
            "day_on": DAY,
            "product_id": "P1",
            "planned_device_id": "A1",
            "planned_shelf_id": "shelf of A1",
            "planned_zone_id": "zone of A1",
            "device_id": "A1",
            "shelf_id": "shelf of A1",
            "zone_id": "zone of A1",
            "seen_by": "tags",
            "tags": 9,
            "tags_there": 8,
            "confidence": 0.565,  # Wilson's lower bound of 8 of 9
            "is_elsewhere": False,
            "misplaced_epcs": ["a.8"],
            "misplaced_detections": 1,
        },
    ).drop("batch_id")
    assert_df_equality(actual, expected, ignore_nullable=True)


def test_a_product_whose_tags_stand_elsewhere_is_there_whatever_the_plan_says(places):
    moved = places(
        *(stay(f"a.{n}", "A2") for n in range(3)),
        *(stay(f"b.{n}", "A2") for n in range(9)),
        deliveries=[noted("P1", "a.0"), noted("P2", "b.0")],
    )
    one, two = moved["P1"], moved["P2"]
    assert (one.planned_device_id, one.device_id, one.is_elsewhere) == ("A1", "A2", True)
    assert one.misplaced_epcs == ["a.0", "a.1", "a.2"]
    assert (two.device_id, two.is_elsewhere, two.misplaced_epcs) == ("A2", False, [])


def test_without_a_note_a_tag_is_of_the_product_at_whose_antenna_most_of_its_kin_are(places):
    found = places(stay("a.1"), stay("a.2"), stay("a.3", "A2"), stay("b.1", "A2"))
    assert (found["P1"].tags, found["P1"].misplaced_epcs) == (3, ["a.3"])
    assert (found["P2"].tags, found["P2"].device_id) == (1, "A2")


def test_a_product_that_no_label_names_is_where_its_tags_are(places):
    stranger = places(stay("x.1"), deliveries=[noted("P9", "x.1")])["P9"]
    assert (stranger.planned_shelf_id, stranger.shelf_id) == (None, "shelf of A1")
    assert (stranger.is_elsewhere, stranger.misplaced_epcs) == (None, ["x.1"])


def test_a_scale_speaks_for_a_product_as_far_as_what_went_is_what_was_sold(places):
    sales = [
        {"shop_id": "S1", "product_id": "P3", "paid_at": at(9), "quantity": q} for q in (3, 2, -1)
    ]
    row = places(scale=4, sales=sales)["P3"]
    assert (row.seen_by, row.device_id, row.shelf_id) == ("weight", "W1", "shelf of W1")
    assert (row.confidence, row.tags) == (0.8, 0)


def test_without_evidence_only_the_plan_is_known(places):
    row = places(scale=4)["P3"]
    assert (row.planned_device_id, row.device_id, row.shelf_id) == ("W1", None, None)
    assert (row.seen_by, row.confidence, row.is_elsewhere) == (None, None, None)
