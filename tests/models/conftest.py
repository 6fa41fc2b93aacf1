"""The small world as frames of gold."""

import pytest

from lakehouse import tables
from tests.models import worlds


@pytest.fixture(scope="session")
def products(spark):
    """gold.products."""
    rows = [(name, category, kind) for name, (category, kind) in worlds.PRODUCTS.items()]
    return spark.createDataFrame(rows, "product_id string, category string, product_type string")


@pytest.fixture(scope="session")
def baskets(spark):
    """gold.baskets, the columns that models read."""
    rows = [(*one[:4], sorted(one[4])) for one in worlds.receipts()]
    columns = "shop_id string, basket_id string, subject string, paid_at timestamp, product_ids array<string>"
    return spark.createDataFrame(rows, columns)


@pytest.fixture(scope="session")
def known(spark):
    """gold.customer_features: at home one comes often and spends little, for parties the reverse."""
    declared = tables.by_name("gold.customer_features")
    rows = []
    for as_of_on, times in (
        (worlds.SPLIT.replace(day=1), 1),
        (worlds.SPLIT.replace(month=4, day=1), 2),
    ):
        for number in range(40):
            is_party = number % 2
            baskets = (6 if is_party else 20) * times + number % 3
            items = baskets * (9 if is_party else 2)
            cents = 20_000 + 100 * (number // 2 * 7 % 20) + number  # says nothing of the kind
            spent = [("snacks" if is_party else "bakery", cents * 9 // 10), ("home", cents // 10)]
            row = {
                "subject": worlds.subject(number),
                "as_of_on": as_of_on,
                "recency_d": 9 if is_party else 2,
                "baskets": baskets,
                "items": items,
                "net_revenue_cents": cents,
                "discount_cents": 0,
                "discounted_items": items // 10,
                "weekend_items": items * (8 if is_party else 1) // 10,
                "evening_items": items * (7 if is_party else 1) // 10,
                "departments": spent,
                "first_bought_on": worlds.FIRST.date(),
                "batch_id": "b",
            }
            rows.append([row[name] for name in declared.column_names])
    return spark.createDataFrame(rows, declared.ddl)


@pytest.fixture(scope="session")
def small(baskets, products, known):
    """All three by the names of their tables."""
    return {"gold.baskets": baskets, "gold.products": products, "gold.customer_features": known}
