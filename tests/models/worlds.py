"""A small world for models: two kinds of customers whose habits are known, for ninety days."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
from pyspark.sql import functions as F

from lakehouse import tables
from tests.worlds import lakehouse_in, rows_of

FIRST = datetime(2026, 1, 1, 9, tzinfo=UTC)
DAYS = 90
SPLIT = date(2026, 3, 4)  # the last 28 days begin
PRODUCTS = {
    "bread": ("bakery", "loaves"),
    "butter": ("dairy", "spreads"),
    "milk": ("dairy", "drinks"),
    "beer": ("drinks", "ales"),
    "crisps": ("snacks", "salted"),
    "dip": ("snacks", "sauces"),
    "soap": ("home", "washing"),
    "pens": ("office", "writing"),
}
SUBJECTS = 40
# What makes trainings of it short.
SMALL = {
    "affinities": {"least_baskets": 5.0},
    "segments": {"least_k": 2.0, "most_k": 2.0, "bootstraps": 2.0},
    "recommendations": {"rank": 4.0, "least_buyers": 2.0, "iterations": 2.0},
}
_EATS = {
    "home": [("bread", "butter"), ("bread", "butter", "milk"), ("milk", "soap")],
    "party": [("beer", "crisps"), ("beer", "crisps", "dip"), ("dip", "pens")],
}


_SOLD = [one.name for one in tables.by_name("silver.sales").columns if one.is_never_null]
_SOLD += ["subject"]


def subject(number):
    """A pseudonym."""
    return f"p1_{number:032x}"


REFUSES = subject(4)  # to be offered anything


def receipts(subjects=SUBJECTS):
    """(shop_id, basket_id, subject, paid_at, product_ids): those of even number are at home."""
    chance = np.random.default_rng(3)
    found = []
    for number in range(subjects):
        habit = _EATS["party" if number % 2 else "home"]
        step = 3 if number % 2 == 0 else 9
        for day in range(number % step, DAYS, step):
            items = habit[int(chance.integers(len(habit)))]
            paid_at = FIRST + timedelta(days=day, minutes=number)
            found.append(
                (f"S{number % 3 + 1}", f"b{number}-{day}", subject(number), paid_at, items)
            )
    return found


def baskets(spark):
    """gold.baskets, the columns that models read."""
    rows = [(*one[:4], sorted(one[4])) for one in receipts()]
    columns = "shop_id string, basket_id string, subject string, paid_at timestamp, product_ids array<string>"
    return spark.createDataFrame(rows, columns)


def products(spark):
    """gold.products, the columns that models read."""
    rows = [(name, category, kind) for name, (category, kind) in PRODUCTS.items()]
    return spark.createDataFrame(rows, "product_id string, category string, product_type string")


def known(spark):
    """gold.customer_features: at home one comes often and spends little, for parties the reverse."""
    rows = []
    for as_of_on, times in ((SPLIT.replace(day=1), 1), (SPLIT.replace(month=4, day=1), 2)):
        for number in range(SUBJECTS):
            is_party = number % 2
            baskets = (6 if is_party else 20) * times + number % 3
            items = baskets * (9 if is_party else 2)
            cents = 20_000 + 100 * (number // 2 * 7 % 20) + number  # says nothing of the kind
            spent = [("snacks" if is_party else "bakery", cents * 9 // 10), ("home", cents // 10)]
            rows.append(
                {
                    "subject": subject(number),
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
                    "first_bought_on": FIRST.date(),
                    "batch_id": "b",
                }
            )
    return rows_of(spark, "gold.customer_features", rows)


def _customers(spark):
    purposes = {subject(number): ["analytics", "personalisation"] for number in range(SUBJECTS)}
    rows = [
        {
            "subject": name,
            "consents": [one for one in agreed if one == "analytics" or name != REFUSES],
            "valid_from": datetime(2025, 1, 1, tzinfo=UTC),
            "event_id": f"e{name}",
            "source_object": "o",
            "source_line": 1,
            "arrived_at": datetime(2025, 1, 2, tzinfo=UTC),
            "batch_id": "b",
        }
        for name, agreed in purposes.items()
    ]
    return rows_of(spark, "silver.customers", rows)


def lakehouse(prefix, where, server, spark):
    """A lakehouse whose gold is this world."""
    at = lakehouse_in(prefix, where, server, spark)
    whole = baskets(spark).withColumns(
        {
            "hour_at": F.date_trunc("hour", "paid_at"),
            "business_on": F.to_date("paid_at"),
            "items": F.size("product_ids").cast("bigint"),
            "net_revenue_cents": F.lit(100).cast("bigint"),
            "discount_cents": F.lit(0).cast("bigint"),
            "batch_id": F.lit("b"),
        }
    )
    message = {"event_id": "basket_id", "source_object": "'o'", "source_line": "1"}
    message |= {"arrived_at": "paid_at", "is_late": "false", "line": "1", "batch_id": "'b'"}
    message |= {"product_id": "product_ids[0]", "quantity": "1L", "amount_cents": "100L"}
    sold = whole.withColumns({name: F.expr(said) for name, said in message.items()})
    told = {"event_id": "product_id", "source_object": "'o'", "source_line": "1", "batch_id": "'b'"}
    told |= dict.fromkeys(("valid_from", "arrived_at"), "timestamp'2025-01-02'")
    known_products = products(spark).withColumns({name: F.expr(it) for name, it in told.items()})
    for name, rows in (
        ("silver.sales", sold.select(*_SOLD)),
        ("gold.baskets", whole),
        ("silver.products", known_products),
        ("gold.products", products(spark).withColumn("batch_id", F.lit("b"))),
        ("gold.customer_features", known(spark)),
        ("silver.customers", _customers(spark)),
    ):
        at.store.append(tables.by_name(name), rows, {})
    return at
