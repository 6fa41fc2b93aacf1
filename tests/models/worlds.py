"""A small world for models: two kinds of customers whose habits are known, for ninety days."""

from datetime import UTC, date, datetime, timedelta

import numpy as np

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
_EATS = {
    "home": [("bread", "butter"), ("bread", "butter", "milk"), ("milk", "soap")],
    "party": [("beer", "crisps"), ("beer", "crisps", "dip"), ("dip", "pens")],
}


def subject(number):
    """A pseudonym."""
    return f"p1_{number:032x}"


def receipts(subjects=40):
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
