"""gold.shops: the shops as they are now, with what stands in them now."""

from datetime import UTC, datetime

from chispa import assert_df_equality

from lakehouse.gold import shops

THEN, NOW = datetime(2017, 1, 1, tzinfo=UTC), datetime(2017, 3, 1, tzinfo=UTC)


def test_a_shop_is_its_version_in_force_with_its_zones_and_devices_of_now(frame):
    now = {
        "shop_id": "S1",
        "time_zone": "America/New_York",
        "currency": "USD",
        "latitude": 40.5,
        "longitude": -74.25,
    }
    moved = {"device_id": "D1", "shop_id": "S2", "valid_from": THEN, "valid_to": NOW}
    actual = shops.build(
        frame(
            "silver.shops",
            {**now, "time_zone": "UTC", "valid_from": THEN, "valid_to": NOW},
            {**now, "valid_from": NOW},
            {"shop_id": "S2", "valid_from": THEN},
        ),
        frame(
            "silver.zones",
            *({"shop_id": "S1", "zone_id": zone, "valid_from": NOW} for zone in ("Z1", "Z2", "Z3")),
            {"shop_id": "S1", "zone_id": "Z1", "valid_from": THEN, "valid_to": NOW},
        ),
        frame(
            "silver.devices",
            moved,
            {**moved, "shop_id": "S1", "valid_from": NOW, "valid_to": None},
            {"device_id": "D2", "shop_id": "S1", "valid_from": THEN},
        ),
    )
    expected = frame(
        "gold.shops",
        {**now, "zones": 3, "devices": 2},
        {"shop_id": "S2", "zones": 0, "devices": 0},
    ).drop("batch_id")
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
