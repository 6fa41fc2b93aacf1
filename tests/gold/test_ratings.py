"""gold.ratings: what each subject bought of each product."""

from datetime import UTC, datetime

from chispa import assert_df_equality

from lakehouse.gold import ratings

FIRST, THEN, LAST = (datetime(2017, 3, day, 9, tzinfo=UTC) for day in (1, 2, 3))


def line(*cells):
    names = ("subject", "product_id", "shop_id", "basket_id", "paid_at", "quantity", "amount_cents")
    return dict(zip(names, cells, strict=True))


def test_purchases_are_summed_up_by_subject_and_product_and_those_without_a_card_left_out(frame):
    sales = frame(
        "silver.sales",
        line("p1", "P1", "S1", "b1", THEN, 2, 500),
        line("p1", "P1", "S1", "b1", THEN, 1, 40),
        line("p1", "P1", "S2", "b1", LAST, 4, 7),  # another shop's receipt of the same number
        line("p1", "P1", "S1", "b2", FIRST, -1, -250),
        line("p1", "P2", "S1", "b1", THEN, 0, 0),
        line("p2", "P1", "S1", "b3", LAST, 8, 9),
        line(None, "P1", "S1", "b4", FIRST, 16, 11),
    )

    def rating(subject, product, *numbers):
        names = ("baskets", "quantity", "net_revenue_cents", "first_bought_at", "last_bought_at")
        said = dict(zip(names, numbers, strict=True))
        return {"subject": subject, "product_id": product, **said}

    expected = frame(
        "gold.ratings",
        rating("p1", "P1", 3, 6, 297, FIRST, LAST),
        rating("p1", "P2", 1, 0, 0, THEN, THEN),
        rating("p2", "P1", 1, 8, 9, LAST, LAST),
    ).drop("batch_id")
    actual = ratings.build(sales)
    assert_df_equality(actual, expected, ignore_row_order=True, ignore_nullable=True)
