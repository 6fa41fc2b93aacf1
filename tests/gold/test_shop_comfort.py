"""gold.shop_comfort: an hour of a zone, its air and noise beside who came and what the shop took."""

from datetime import UTC, date, datetime, timedelta

from chispa import assert_df_equality

from lakehouse.gold import shop_comfort

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def at(hour, minute=0):
    return datetime(2026, 3, 4, hour, minute, tzinfo=UTC)


def reading(device, metric, measured_at, value, zone="Z1"):
    known = {"shop_id": "S1", "zone_id": zone, "device_id": device}
    return known | {"metric": metric, "measured_at": measured_at, "value": value}


def counted(device, began_at, entries):
    known = {"shop_id": "S1", "zone_id": "Z1", "device_id": device, "entries": entries}
    return known | {"began_at": began_at, "ended_at": began_at + timedelta(minutes=15)}


def test_an_hour_of_a_zone_averages_its_room_and_stands_beside_people_and_revenue(frame):
    kinds = {
        "C1": "climate",
        "F1": "fridge_thermometer",
        "P1": "zone_counter",
        "D1": "door_counter",
    }
    actual = shop_comfort.build(
        frame(
            "silver.readings",
            reading("C1", "temperature", at(4, 10), 20.0),
            reading("C1", "temperature", at(4, 59), 21.05),
            reading("F1", "temperature", at(4, 30), 3.0),
            reading("C1", "humidity", at(4, 10), 44.0),
            reading("C1", "co2", at(4, 10), 612.0),
            reading("C1", "noise", at(4, 10), 50.0),
            reading("C1", "noise", at(4, 20), 60.0),
            reading("C1", "battery", at(4, 20), 99.0),
            reading("C1", "humidity", at(5), 41.0),
            reading("C1", "humidity", at(5), 35.0, zone="Z2"),
            {**reading("W1", "temperature", at(4), 36.0, zone=None), "subject": "p1"},
        ),
        frame(
            "silver.footfall",
            counted("P1", at(4, 45), 4),
            counted("P1", at(4), 3),
            counted("D1", at(4), 99),
        ),
        frame(
            "silver.devices",
            *(
                {"device_id": device, "kind": kind, "valid_from": LONG_AGO}
                for device, kind in kinds.items()
            ),
        ),
        frame("silver.shops", {"shop_id": "S1", "time_zone": "America/New_York"}),
        frame(
            "gold.shop_hours",
            {"shop_id": "S1", "hour_at": at(4), "net_revenue_cents": 1234},
            {"shop_id": "S2", "hour_at": at(4), "net_revenue_cents": 9},
        ),
    )
    four = {
        "hour_at": at(4),
        "zone_id": "Z1",
        "business_on": date(2026, 3, 3),
        "hour_of_day": 23,
        "temperature_mean_c": 20.53,
        "humidity_mean_percent": 44.0,
        "co2_mean_ppm": 612.0,
        "noise_leq_db": 57.4,  # (the mean of the energies, not of the levels)
        "entries": 7,
        "shop_net_revenue_cents": 1234,
    }
    five = {"hour_at": at(5), "business_on": date(2026, 3, 4), "hour_of_day": 0}
    five |= {"shop_net_revenue_cents": 0}
    expected = frame(
        "gold.shop_comfort",
        {"shop_id": "S1"} | four,
        {"shop_id": "S1", "zone_id": "Z1", "humidity_mean_percent": 41.0} | five,
        {"shop_id": "S1", "zone_id": "Z2", "humidity_mean_percent": 35.0} | five,
    ).drop("batch_id")
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
