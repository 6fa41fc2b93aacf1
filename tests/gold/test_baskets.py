"""gold.baskets: one row a receipt, on the business day of its shop."""

from datetime import UTC, date, datetime

from chispa import assert_df_equality

from lakehouse.gold import baskets

LONG_AGO = datetime(2016, 1, 1, tzinfo=UTC)
LATE = datetime(2017, 3, 12, 4, 59, 59, tzinfo=UTC)  # 23:59:59 on the day before, in New York
EARLY = datetime(2017, 3, 12, 5, 0, 1, tzinfo=UTC)


def lines(shop, basket, paid_at, subject, *sold):
    own = {"shop_id": shop, "basket_id": basket, "paid_at": paid_at, "subject": subject}
    names = ("product_id", "amount_cents", "discount_cents")
    return [own | dict(zip(names, one, strict=True)) for one in sold]


def test_a_receipt_is_the_sum_of_its_lines_on_the_day_of_its_shop(frame):
    sales = frame(
        "silver.sales",
        *lines("S1", "b1", LATE, "p1", ("P2", 500, 25), ("P1", 70, 5), ("P2", 8, 0)),
        *lines("S1", "b2", EARLY, None, ("P1", -90, 0), ("P3", 0, 0)),
        *lines("S2", "b1", LATE, "p2", ("P4", 11, 1)),
        *lines("S3", "b1", LATE, "p3", ("P5", 12, 2)),
    )
    shops = frame(
        "silver.shops",
        {"shop_id": "S1", "time_zone": "UTC", "valid_from": LONG_AGO, "valid_to": EARLY},
        {"shop_id": "S1", "time_zone": "America/New_York", "valid_from": EARLY},
        {"shop_id": "S2", "time_zone": "UTC", "valid_from": LONG_AGO},
    )

    def basket(*cells):
        names = ("shop_id", "basket_id", "paid_at", "subject", "business_on", "product_ids")
        names += ("items", "net_revenue_cents", "discount_cents")
        said = dict(zip(names, cells, strict=True))
        return said | {"hour_at": said["paid_at"].replace(minute=0, second=0)}

    eleventh, twelfth = date(2017, 3, 11), date(2017, 3, 12)

    expected = frame(
        "gold.baskets",
        basket("S1", "b1", LATE, "p1", eleventh, ["P1", "P2"], 3, 578, 30),
        basket("S1", "b2", EARLY, None, twelfth, ["P1", "P3"], 2, -90, 0),
        basket("S2", "b1", LATE, "p2", twelfth, ["P4"], 1, 11, 1),
        basket("S3", "b1", LATE, "p3", None, ["P5"], 1, 12, 2),
    ).drop("batch_id")
    actual = baskets.build(sales, shops)
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
