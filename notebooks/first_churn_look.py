import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Who will not come back? A first look at churn")

with app.setup:
    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np
    import pandas as pd
    from sklearn.calibration import calibration_curve
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    import lakehouse


@app.cell(hide_code=True)
def _():
    mo.md("""
    # Who will not come back? A first look at churn

    A customer is gone here when there is no receipt in the 60 days after a date. Can that be seen at
    the date, and better than by the plainest sign, how long ago the last receipt was? What is known
    of a customer at a date is `gold.customer_features`, which holds nothing of what came after it.
    """)
    return


@app.cell
def _():
    # A number pins a table to that version; None is the newest, which is said below.
    PINNED = {"gold.customer_features": None, "gold.baskets": None}
    lake = lakehouse.open()
    tables = lake.pinned(PINNED)
    mo.md(", ".join(f"{name} at version {rows.version}" for name, rows in tables.items()))
    return (tables,)


@app.cell
def _(tables):
    GONE = pd.Timedelta(days=60)
    _known = tables["gold.customer_features"].pandas()
    _paid = tables["gold.baskets"].pandas("subject", "paid_at").dropna()
    _paid = _paid.assign(paid_at=_paid["paid_at"].dt.tz_localize(None)).sort_values("paid_at")
    _known["at"] = pd.to_datetime(_known["as_of_on"])
    # A date is of use where all of the 60 days after it are in the data.
    _known = _known[_known["at"] + GONE <= _paid["paid_at"].max()].sort_values(["at", "subject"])
    _next = pd.merge_asof(
        _known,
        _paid.rename(columns={"paid_at": "next_at"}).astype({"next_at": _known["at"].dtype}),
        left_on="at",
        right_on="next_at",
        by="subject",
        direction="forward",
    )
    customers = _next.assign(
        is_gone=~(_next["next_at"] < _next["at"] + GONE),
        days_known=(_next["at"] - pd.to_datetime(_next["first_bought_on"])).dt.days,
    )
    customers.groupby("at")["is_gone"].agg(["size", "mean"])
    return (customers,)


@app.cell
def _(customers):
    FEATURES = (
        "recency_d",
        "baskets",
        "items",
        "net_revenue_cents",
        "discount_cents",
        "days_known",
    )
    _dates = sorted(customers["at"].unique())
    if len(_dates) < 2 or _dates[0] + pd.Timedelta(days=60) > _dates[-1]:
        raise LookupError(
            "receipts of four months are too few: `lakehouse demo` has a year of them"
        )
    # Learnt from earlier dates and judged on the last; what lies between knows what came after.
    judged_at = _dates[-1]
    _learnable = customers["at"] + pd.Timedelta(days=60) <= judged_at
    learnt, judged = customers[_learnable], customers[customers["at"] == judged_at]

    def described(rows):
        """The features as the model takes them: amounts as logarithms, how often a day."""
        values = np.log1p(rows[list(FEATURES)].clip(lower=0))
        days = rows["days_known"].clip(lower=1)
        # How long it has been, in usual distances between two receipts.
        usual = rows["recency_d"] * rows["baskets"] / days
        return values.assign(baskets_a_day=rows["baskets"] / days, overdue=np.log1p(usual))

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, random_state=1))
    model.fit(described(learnt), learnt["is_gone"])
    chance_gone = model.predict_proba(described(judged))[:, 1]
    return chance_gone, judged, judged_at, learnt


@app.cell
def _(chance_gone, judged):
    _right, _said = calibration_curve(
        judged["is_gone"], chance_gone, n_bins=10, strategy="quantile"
    )
    _figure, _axes = plt.subplots(figsize=(5, 4))
    _axes.plot(_said, _right, marker="o")
    _axes.plot([0, 1], [0, 1], linestyle=":", color="black")
    _axes.set(
        xlabel="chance to be gone, as said", ylabel="share that was gone", title="Calibration"
    )
    _figure
    return


@app.cell
def _(chance_gone, judged, judged_at, learnt):
    _gone = judged["is_gone"].to_numpy()
    _ours = roc_auc_score(_gone, chance_gone)
    _plain = roc_auc_score(_gone, judged["recency_d"])
    _draws = np.random.default_rng(1).integers(0, len(judged), (500, len(judged)))
    _recency = judged["recency_d"].to_numpy()
    _gains = [
        roc_auc_score(_gone[_one], chance_gone[_one]) - roc_auc_score(_gone[_one], _recency[_one])
        for _one in _draws
        if 0 < _gone[_one].sum() < len(judged)
    ]
    _low, _high = np.quantile(_gains, [0.025, 0.975])
    _top = np.argsort(-chance_gone, kind="stable")[: max(1, len(judged) // 10)]
    _verdict = "better than" if _low > 0 else "not surely better than"
    conclusion = (
        f"As of {judged_at:%Y-%m-%d}, {_gone.mean():.1%} of {len(judged):,} customers do not come back "
        f"within 60 days. A logistic regression learnt from {len(learnt):,} earlier rows tells them "
        f"apart with an area under the curve of {_ours:.3f}, {_verdict} days since the last receipt "
        f"({_plain:.3f}; the difference is {_low:+.3f} to {_high:+.3f}). Of the tenth it names first, "
        f"{_gone[_top].mean():.0%} are gone."
    )
    print(conclusion)
    mo.md(f"## Conclusion\n\n{conclusion}")
    return


if __name__ == "__main__":
    app.run()
