import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="What did late and quarantined data change?")

with app.setup:
    import marimo as mo
    import matplotlib.pyplot as plt

    import lakehouse


@app.cell(hide_code=True)
def _():
    mo.md("""
    # What did late and quarantined data change?

    A plain streaming job with a watermark drops what comes after it. Here it is kept, marked
    `is_late`, and the gold hours it belongs to are built again. What would a shop's figures have
    been without it, and what is still missing because it waits in quarantine?
    """)
    return


@app.cell
def _():
    # A number pins a table to that version; None is the newest, which is said below.
    PINNED = {"silver.sales": None, "gold.shop_hours": None, "ops.quarantine": None}
    lake = lakehouse.open()
    tables = lake.pinned(PINNED)
    mo.md(", ".join(f"{name} at version {rows.version}" for name, rows in tables.items()))
    return (tables,)


@app.cell
def _(tables):
    _sales = tables["silver.sales"].pandas("shop_id", "paid_at", "amount_cents", "is_late")
    hours = (
        _sales.assign(hour_at=_sales["paid_at"].dt.floor("1h"))
        .groupby(["shop_id", "hour_at", "is_late"])["amount_cents"]
        .sum()
        .unstack(fill_value=0)
        .reindex(columns=[False, True], fill_value=0)
        .set_axis(["timely_cents", "late_cents"], axis=1)
    )
    hours["all_cents"] = hours["timely_cents"] + hours["late_cents"]
    # What gold says is what silver's rows add up to, late ones with them.
    _gold = tables["gold.shop_hours"].pandas("shop_id", "hour_at", "net_revenue_cents", "baskets")
    _gold = _gold[_gold["baskets"] > 0].set_index(["shop_id", "hour_at"])["net_revenue_cents"]
    differs = int((_gold.sub(hours["all_cents"], fill_value=0) != 0).sum())
    mo.md(f"{len(hours):,} hours with sales; gold.shop_hours differs from silver in {differs}.")
    return differs, hours


@app.cell
def _(hours):
    _share = hours["late_cents"] / hours["all_cents"].where(hours["all_cents"] > 0)
    wrong = _share[_share > 0.05]
    _figure, _axes = plt.subplots(figsize=(6, 3.5))
    _axes.hist(_share[_share > 0] * 100, bins=40)
    _axes.set(
        xlabel="share of an hour's revenue that came late, %",
        ylabel="hours of a shop",
        title="Hours that a job with a watermark has wrong",
    )
    _figure
    return (wrong,)


@app.cell
def _(tables):
    _waiting = tables["ops.quarantine"].pandas("table_name", "reasons", "is_releasable")
    quarantined_messages = len(_waiting)
    quarantined = (
        _waiting.explode("reasons")
        .groupby(["table_name", "reasons"], as_index=False)
        .agg(messages=("is_releasable", "size"), can_be_released=("is_releasable", "all"))
        .sort_values(["messages", "table_name", "reasons"], ascending=[False, True, True])
        .rename(columns={"reasons": "reason"})
    )
    quarantined
    return quarantined, quarantined_messages


@app.cell
def _(differs, hours, quarantined, quarantined_messages, wrong):
    _late, _all = hours["late_cents"].sum(), hours["all_cents"].sum()
    _first = quarantined.iloc[0] if len(quarantined) else None
    _most = (
        f", most of them for {_first.table_name} because of {_first.reason} ({_first.messages:,})"
        if _first is not None
        else ""
    )
    conclusion = (
        f"{_late / 100:,.2f} of {_all / 100:,.2f} of revenue ({_late / _all:.2%}) came late. A job that "
        f"drops it would have {len(wrong):,} of {len(hours):,} hours wrong by more than 5 %; "
        f"gold.shop_hours, which is built again, has {differs} that differ from silver. "
        f"{quarantined_messages:,} messages wait in quarantine{_most}."
    )
    print(conclusion)
    mo.md(f"## Conclusion\n\n{conclusion}")
    return


if __name__ == "__main__":
    app.run()
