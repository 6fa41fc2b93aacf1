"""gold.shop_hours: an hour of a shop, with what it sold, who came and how its fridges did."""

from datetime import UTC, date, datetime, timedelta

from chispa import assert_df_equality

from lakehouse.gold import shop_hours

LONG_AGO = datetime(2016, 1, 1, tzinfo=UTC)
MOVED = datetime(2017, 3, 1, 6, 30, tzinfo=UTC)


def at(*instant):
    return datetime(*instant, tzinfo=UTC)


def line(shop, basket, paid_at, amount, discount):
    return {
        "shop_id": shop,
        "basket_id": basket,
        "paid_at": paid_at,
        "amount_cents": amount,
        "discount_cents": discount,
    }


def reading(device, measured_at, value, metric="temperature"):
    return {
        "shop_id": "S1",
        "device_id": device,
        "measured_at": measured_at,
        "metric": metric,
        "value": value,
    }


def counted(device, began_at, entries):
    ended_at = began_at + timedelta(minutes=5)
    return {
        "shop_id": "S1",
        "device_id": device,
        "began_at": began_at,
        "ended_at": ended_at,
        "entries": entries,
    }


def hour(shop, hour_at, on, *numbers):
    names = ("baskets", "items", "net_revenue_cents", "discount_cents")
    names += ("temperature_readings", "out_of_temperature_s", "visitors", "conversion")
    counted = dict(zip(names, numbers, strict=True))
    return {"shop_id": shop, "hour_at": hour_at, "business_on": on, **counted}


def test_an_hour_sums_up_sales_and_fridges_on_the_business_day_of_the_shop(frame):
    actual = shop_hours.build(
        frame(
            "silver.sales",
            line("S1", "b1", at(2017, 3, 1, 4, 0), 500, 20),  # 23:00 on the day before, there
            line("S1", "b1", at(2017, 3, 1, 4, 0), 70, 0),
            line("S1", "b2", at(2017, 3, 1, 4, 59, 59), -90, 3),  # a return
            line("S1", "b3", at(2017, 3, 1, 5, 0), 0, 0),  # given away
            line("S2", "b1", at(2017, 3, 1, 4, 0), 11, 1),
        ),
        frame(
            "silver.readings",
            reading("F1", at(2017, 3, 1, 6, 0), 5.0),
            reading("F1", at(2017, 3, 1, 6, 10), 5.1),
            reading("F1", at(2017, 3, 1, 6, 40), 9.0),
            reading("F1", at(2017, 3, 1, 6, 50), 80.0, metric="humidity"),
            reading("T1", at(2017, 3, 1, 6, 0), 21.0),
            reading("F9", at(2017, 3, 1, 7, 0), 21.0),
            reading("F1", at(2017, 3, 1, 5, 30), 4.0),
        ),
        frame(
            "silver.footfall",
            counted("D1", at(2017, 3, 1, 4, 55), 4),  # until 5:00
            counted("D1", at(2017, 3, 1, 4, 0), 3),
            counted("D1", at(2017, 3, 1, 5, 0), 0),
            counted("Z1", at(2017, 3, 1, 4, 0), 99),  # of a zone
            counted("D1", at(2017, 3, 1, 8, 0), 2),
        ),
        frame(
            "silver.devices",
            {"device_id": "D1", "kind": "door_counter", "valid_from": LONG_AGO},
            {"device_id": "Z1", "kind": "zone_counter", "valid_from": LONG_AGO},
            {
                "device_id": "F1",
                "kind": "fridge_thermometer",
                "interval_s": 300.0,
                "valid_from": LONG_AGO,
                "valid_to": MOVED,
            },
            {
                "device_id": "F1",
                "kind": "fridge_thermometer",
                "interval_s": 60.0,
                "valid_from": MOVED,
            },
            {"device_id": "T1", "kind": "thermometer", "interval_s": 7.0, "valid_from": LONG_AGO},
        ),
        frame(
            "silver.shops",
            {"shop_id": "S1", "time_zone": "UTC", "valid_from": LONG_AGO, "valid_to": MOVED},
            {"shop_id": "S1", "time_zone": "America/New_York", "valid_from": MOVED},
            {"shop_id": "S2", "time_zone": "Asia/Tokyo", "valid_from": LONG_AGO},
        ),
    )
    expected = frame(
        "gold.shop_hours",
        hour("S1", at(2017, 3, 1, 4), date(2017, 2, 28), 2, 3, 480, 23, 0, 0, 7, 0.2857),
        hour("S1", at(2017, 3, 1, 5), date(2017, 3, 1), 1, 1, 0, 0, 1, 0, 0, None),
        hour("S1", at(2017, 3, 1, 6), date(2017, 3, 1), 0, 0, 0, 0, 3, 360, None, None),
        hour("S1", at(2017, 3, 1, 8), date(2017, 3, 1), 0, 0, 0, 0, 0, 0, 2, 0.0),
        hour("S2", at(2017, 3, 1, 4), date(2017, 3, 1), 1, 1, 11, 1, 0, 0, None, None),
    ).drop("batch_id")
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_the_hour_that_the_clock_repeats_is_two_hours(frame):
    sales = frame(
        "silver.sales",
        line("S1", "b1", at(2017, 11, 5, 5, 30), 10, 1),  # 1:30 in summer time
        line("S1", "b2", at(2017, 11, 5, 6, 30), 20, 2),  # 1:30 again, an hour later
    )
    shops = frame(
        "silver.shops",
        {"shop_id": "S1", "time_zone": "America/New_York", "valid_from": LONG_AGO},
    )
    nothing = frame("silver.readings"), frame("silver.footfall"), frame("silver.devices")
    expected = frame(
        "gold.shop_hours",
        hour("S1", at(2017, 11, 5, 5), date(2017, 11, 5), 1, 1, 10, 1, 0, 0, None, None),
        hour("S1", at(2017, 11, 5, 6), date(2017, 11, 5), 1, 1, 20, 2, 0, 0, None, None),
    ).drop("batch_id")
    actual = shop_hours.build(sales, *nothing, shops)
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
