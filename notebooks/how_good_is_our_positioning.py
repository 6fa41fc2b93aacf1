import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="How good is our positioning?")

with app.setup:
    import io

    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np
    import pandas as pd

    import lakehouse
    from lakehouse import s3
    from lakehouse.simulator import places, plan


@app.cell(hide_code=True)
def _():
    mo.md("""
    # How good is our positioning?

    `gold.visits` says in which zone customers stood, as far as beacons and anchors heard those who
    agreed. A shop does not ask about one of them, it asks where the time goes: how much of all dwell
    is in each zone. The simulator knows where everybody was, so in a simulated world this can be
    compared, without naming anybody. What each stay says of its own error is shown beside it.
    `make bench-feeds PART=visits` judges single stays.
    """)
    return


@app.cell
def _():
    # A number pins a table to that version; None is the newest, which is said below.
    PINNED = {"gold.visits": None}
    lake = lakehouse.open()
    tables = lake.pinned(PINNED)
    mo.md(", ".join(f"{name} at version {rows.version}" for name, rows in tables.items()))
    return lake, tables


@app.cell
def _(tables):
    visits = tables["gold.visits"].pandas("day_on", "shop_id", "zone_id", "dwell_s", "error_m")
    if visits.empty:
        raise LookupError("gold.visits is empty: `lakehouse build` fills it")
    visits = visits.assign(zone=visits["zone_id"].str.split("-").str[-1])
    days = sorted(visits["day_on"].unique())
    visits.groupby("shop_id").agg(
        stays=("zone_id", "size"), hours=("dwell_s", lambda s: round(s.sum() / 3600, 1))
    )
    return days, visits


@app.cell
def _(days, lake):
    def truth(name):
        """A frame of what the simulator did; there is none of a real shop."""
        inside = lake.lake
        body = s3.get(inside.storage, inside.settings.buckets.truth, f"{name}.parquet")
        return pd.read_parquet(io.BytesIO(body))

    _walks = truth("positions").merge(truth("visits")[["visit", "shop_id"]], on="visit")
    _walks = _walks[_walks["at"].dt.date.isin(days)]
    _shops = _walks["shop_id"].map(places.SHOP_IDS.index).to_numpy()
    _zone = plan.zone_at(_shops, _walks["x_m"].to_numpy(), _walks["y_m"].to_numpy())
    walked = _walks.assign(zone=np.array(places.ZONE_NAMES)[_zone])
    return (walked,)


@app.cell
def _(visits, walked):
    found = visits.groupby(["shop_id", "zone"])["dwell_s"].sum().rename("found").reset_index()
    really = walked.groupby(["shop_id", "zone"]).size().rename("really").reset_index()
    shares = found.merge(really, on=["shop_id", "zone"], how="outer").fillna(0)
    for _name in ("found", "really"):
        shares[_name] = shares[_name] / shares.groupby("shop_id")[_name].transform("sum")
    # Half of the sum of differences: so much of the time would have to move to another zone.
    misplaced = (shares["found"] - shares["really"]).abs().groupby(shares["shop_id"]).sum().div(2)
    shares.round(3)
    return misplaced, shares


@app.cell
def _(shares):
    _shops = sorted(shares["shop_id"].unique())
    _figure, _all = plt.subplots(
        1, len(_shops), figsize=(4 * len(_shops), 3), sharey=True, squeeze=False
    )
    for _axes, _shop in zip(_all[0], _shops, strict=True):
        _rows = shares[shares["shop_id"] == _shop]
        _at = np.arange(len(_rows))
        _axes.bar(_at - 0.2, _rows["really"], 0.4, label="really")
        _axes.bar(_at + 0.2, _rows["found"], 0.4, label="gold.visits")
        _axes.set_xticks(_at, _rows["zone"], rotation=40, ha="right")
        _axes.set_title(_shop)
    _all[0][0].set_ylabel("share of dwell")
    _all[0][0].legend()
    _figure
    return


@app.cell
def _(days, misplaced, shares, visits):
    _widest = shares.assign(by=shares["found"] - shares["really"]).sort_values(
        "by", key=lambda by: -by.abs()
    )
    _first = _widest.iloc[0]
    conclusion = (
        f"Over {len(days)} days, {misplaced.mean():.1%} of the dwell in gold.visits would have to be in "
        f"another zone for the shares of the zones to be right (by shop {misplaced.min():.1%} to "
        f"{misplaced.max():.1%}). The widest miss is {_first.zone} in {_first.shop_id}: "
        f"{_first.found:.1%} of the dwell found, {_first.really:.1%} in truth. By its own word a stay is "
        f"right to {visits['error_m'].median():.1f} m, nine times in ten, in the middle of all stays."
    )
    print(conclusion)
    mo.md(f"## Conclusion\n\n{conclusion}")
    return


if __name__ == "__main__":
    app.run()
