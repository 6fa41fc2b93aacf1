import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Would ALS have sold more than popularity?")

with app.setup:
    import marimo as mo
    import matplotlib.pyplot as plt
    import numpy as np
    import pandas as pd

    import lakehouse
    from lakehouse.models import recommendations, splits
    from lakehouse.models.catalog import RECOMMENDATIONS


@app.cell(hide_code=True)
def _():
    mo.md("""
    # Would ALS have sold more than popularity?

    Ten things could have been offered to every customer four weeks before the end of the data. We
    look what each then bought, and how well each way to choose the ten would have named it: what is
    bought again, and what is bought for the first time, apart. Whether an offer would have changed
    what is bought, no such look back can say: that takes an experiment (`gold.experiments`).
    """)
    return


@app.cell
def _():
    # A number pins a table to that version; None is the newest, which is said below.
    PINNED = {"gold.baskets": None, "gold.products": None}
    lake = lakehouse.open()
    tables = lake.pinned(PINNED)
    mo.md(", ".join(f"{name} at version {rows.version}" for name, rows in tables.items()))
    return lake, tables


@app.cell
def _(lake, tables):
    spark = lake.spark()
    baskets, products = (tables[_name].spark(spark) for _name in ("gold.baskets", "gold.products"))
    split_on = splits.of(baskets, RECOMMENDATIONS.holdout_days)
    level = recommendations.JUDGED_AT
    given = RECOMMENDATIONS.settings()
    _bought = recommendations.purchases(baskets, products, level).persist()
    _before = splits.before(_bought, splits.PAID, split_on)
    factors = recommendations.with_factors(
        spark, recommendations.parts_of(_before, given), given, seed=1
    )
    _after = splits.after(_bought, splits.PAID, split_on)
    later = _after.select("subject", "item").distinct().toPandas()
    mo.md(
        f"Learnt before {split_on}: {len(factors['subjects']):,} customers, "
        f"{len(factors['items']):,} items of the level {level}."
    )
    return factors, later, level, split_on


@app.cell
def _(factors, later):
    METHODS = ("popularity", "shop_popularity", "co_occurrence", "most_bought", "als")
    _known = recommendations.matrix(factors)
    scores = {}
    for _task in recommendations.TASKS:
        _relevant, _allowed = recommendations.task_of(_known, later, _task)
        _asked = _relevant.any(axis=1)
        for _name, _values in recommendations.scores_by(_known, factors, METHODS).items():
            if (_task, _name) != ("new", "most_bought"):  # which names nothing new
                _best = recommendations.ranking.top(_values[_asked], _allowed[_asked])
                scores[_task, _name] = recommendations.ranking.ndcg(_best, _relevant[_asked])
    _chance = np.random.default_rng(1)

    def interval(values):
        """The 95 % interval of the mean, by 500 samples of the customers."""
        drawn = _chance.integers(0, len(values), (500, len(values)))
        return np.quantile(values[drawn].mean(axis=1), [0.025, 0.975])

    worth = pd.DataFrame(
        {"task": _task, "method": _name, "ndcg_at_10": _one.mean(), "interval": interval(_one)}
        for (_task, _name), _one in scores.items()
    )
    worth[["low", "high"]] = worth.pop("interval").tolist()
    worth.round(4)
    return scores, worth


@app.cell
def _(worth):
    _figure, _both = plt.subplots(1, 2, figsize=(9, 3), sharey=True, layout="constrained")
    for _axes, (_task, _rows) in zip(_both, worth.groupby("task"), strict=True):
        _off = [_rows["ndcg_at_10"] - _rows["low"], _rows["high"] - _rows["ndcg_at_10"]]
        _axes.barh(_rows["method"], _rows["ndcg_at_10"], xerr=_off, capsize=3)
        _axes.set(title=f"what is bought {_task}", xlabel="NDCG at 10")
    _figure
    return


@app.cell
def _(level, scores, split_on, worth):
    def said(task):
        """A sentence on one task: the best method, and ALS beside popularity."""
        of = worth[worth["task"] == task].set_index("method")["ndcg_at_10"]
        best = of.idxmax()
        times = of["als"] / of["popularity"]
        return (
            f"for what is bought {task}, ALS is worth {of['als']:.3f}, {times:.2f} times popularity, "
            f"and the best is {best} with {of[best]:.3f}"
        )

    _gain = scores["new", "als"] - scores["new", "popularity"]
    conclusion = (
        f"In the four weeks from {split_on} on, by NDCG at 10 of the level {level}: {said('again')}; "
        f"{said('new')}. ALS names what is new better than popularity for {(_gain > 0).mean():.0%} of "
        f"{len(_gain):,} customers and worse for {(_gain < 0).mean():.0%}."
    )
    print(conclusion)
    mo.md(f"## Conclusion\n\n{conclusion}")
    return


if __name__ == "__main__":
    app.run()
