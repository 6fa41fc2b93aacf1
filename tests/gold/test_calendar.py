"""gold.calendar: business days as long as the clock makes them."""

from datetime import UTC, date, datetime

import pytest
from chispa import assert_df_equality

from lakehouse.gold import calendar

LONG_AGO = datetime(2016, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def build(frame):
    """Lay out the days between sales, each a shop and an instant; N is in New York, J in Tokyo."""
    zones = {"N": "America/New_York", "J": "Asia/Tokyo"}
    shops = frame(
        "silver.shops",
        {"shop_id": "N", "time_zone": "UTC", "valid_from": LONG_AGO, "valid_to": LONG_AGO},
        *({"shop_id": shop, "time_zone": of, "valid_from": LONG_AGO} for shop, of in zones.items()),
    )

    def of(*sold):
        sales = frame("silver.sales", *({"shop_id": shop, "paid_at": at} for shop, at in sold))
        return calendar.build(shops, sales).where("shop_id = 'N'")

    return of


def day(on, *cells):
    names = ("starts_at", "ends_at", "hours", "weekday", "iso_week", "is_weekend")
    own = {"shop_id": "N", "business_on": on, "month_on": on.replace(day=1)}
    return own | dict(zip(names, cells, strict=True))


def at(*instant):
    return datetime(*instant, tzinfo=UTC)


def test_the_clock_goes_forward_on_a_day_of_23_hours(build, frame):
    actual = build(("N", at(2017, 3, 12, 4, 59)), ("N", at(2017, 3, 13, 4, 1)))
    expected = frame(
        "gold.calendar",
        day(date(2017, 3, 11), at(2017, 3, 11, 5), at(2017, 3, 12, 5), 24, 6, 10, True),
        day(date(2017, 3, 12), at(2017, 3, 12, 5), at(2017, 3, 13, 4), 23, 7, 10, True),
        day(date(2017, 3, 13), at(2017, 3, 13, 4), at(2017, 3, 14, 4), 24, 1, 11, False),
    ).drop("batch_id")
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)


def test_the_clock_goes_back_on_a_day_of_25_hours(build, frame):
    actual = build(("N", at(2017, 11, 5, 4)), ("N", at(2017, 11, 6, 4, 59)))
    expected = frame(
        "gold.calendar",
        day(date(2017, 11, 5), at(2017, 11, 5, 4), at(2017, 11, 6, 5), 25, 7, 44, True),
    ).drop("batch_id")
    assert_df_equality(actual, expected, ignore_nullable=True)


def test_the_days_of_a_shop_are_those_of_the_chain(build):
    days = build(("J", at(2017, 5, 31, 14, 59)), ("N", at(2017, 6, 2, 3, 59))).collect()
    assert [row.business_on for row in sorted(days)] == [date(2017, 5, 31), date(2017, 6, 1)]


def test_without_a_sale_there_is_no_calendar(build):
    assert build().isEmpty()
