"""Time splits: what a model may know, and what it is judged on."""

from datetime import UTC, date, datetime, time, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.errors import BadTraining

PAID = "paid_at"


def begins(split_on: date) -> datetime:
    """The first instant that a model may not know of."""
    return datetime.combine(split_on, time(), UTC)


def of(baskets: DataFrame, holdout_days: int) -> date:
    """The day at which the last `holdout_days` of the baskets begin.

    Raises BadTraining where there is nothing before it.
    """
    [row] = baskets.agg(F.min(PAID).alias("first"), F.max(PAID).alias("last")).collect()
    if row["last"] is None:
        raise BadTraining("gold.baskets is empty: there is nothing to learn from")
    split_on: date = row["last"].date() - timedelta(days=holdout_days - 1)
    if row["first"].date() >= split_on:
        raise BadTraining(
            f"gold.baskets goes from {row['first']:%Y-%m-%d} to {row['last']:%Y-%m-%d}: no more "
            f"than the {holdout_days} days that a model is judged on; give a later --split"
        )
    return split_on


def before(rows: DataFrame, at: str, split_on: date) -> DataFrame:
    """The rows that a model may learn from: those before the split."""
    return rows.where(F.col(at) < F.lit(begins(split_on)))


def after(rows: DataFrame, at: str, split_on: date) -> DataFrame:
    """The rows that it is judged on."""
    return rows.where(F.col(at) >= F.lit(begins(split_on)))


def learnable(rows: DataFrame, at: str, split_on: date) -> DataFrame:
    """The rows that a model may learn from, looked at once more.

    Raises BadTraining where one is of the split or later: a model would know what it is judged on.
    """
    rows = before(rows, at, split_on)
    late = after(rows, at, split_on).count()
    if late:
        raise BadTraining(f"{late:,} rows to learn from are of {split_on} or later, by {at}")
    return rows
