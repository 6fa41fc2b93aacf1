import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Which customers are alike, and do they stay so?")

with app.setup:
    import marimo as mo
    import matplotlib.pyplot as plt
    import pandas as pd
    from pyspark.sql import functions as F
    from sklearn.metrics import adjusted_rand_score

    import lakehouse
    from lakehouse.models import segments
    from lakehouse.models.catalog import SEGMENTS


@app.cell(hide_code=True)
def _():
    mo.md("""
    # Which customers are alike, and do they stay so?

    Segments are of use only if a customer whom we speak to as one kind is still that kind when the
    letter arrives. So we learn segments from what was known half a year before the end, put the
    same customers into them again each month after it, and count who has stayed.
    """)
    return


@app.cell
def _():
    # A number pins a table to that version; None is the newest, which is said below.
    PINNED = {"gold.customer_features": None}
    lake = lakehouse.open()
    tables = lake.pinned(PINNED)
    mo.md(", ".join(f"{name} at version {rows.version}" for name, rows in tables.items()))
    return lake, tables


@app.cell
def _(lake, tables):
    known = tables["gold.customer_features"].spark(lake.spark())
    dates = [
        row.as_of_on for row in known.select("as_of_on").distinct().orderBy("as_of_on").collect()
    ]
    began_on = dates[-7] if len(dates) > 6 else dates[0]
    # Fewer samples than a training takes: the question is the customers, not k.
    given = SEGMENTS.settings({"most_k": 5, "bootstraps": 2})
    learnt = segments.learn(known.where(F.col("as_of_on") <= F.lit(began_on)), given=given, seed=1)
    mo.md(f"As of {began_on}: {learnt.notes[0]}.")
    return began_on, dates, known, learnt


@app.cell
def _(learnt):
    centres = learnt.tables["centres"].set_index("name")
    _values = centres[list(segments.FEATURES)]
    _figure, _axes = plt.subplots(figsize=(8, 1 + 0.6 * len(centres)))
    _drawn = _axes.imshow(_values, cmap="PuOr", vmin=-2, vmax=2, aspect="auto")
    _axes.set_xticks(range(len(_values.columns)), _values.columns, rotation=40, ha="right")
    _axes.set_yticks(range(len(centres)), [f"{n}: {w}" for n, w in centres["words"].items()])
    _figure.colorbar(_drawn, label="standard deviations from the mean")
    _axes.set_title("What is special about each segment")
    _figure
    return (centres,)


@app.cell
def _(began_on, dates, known, learnt):
    _placed = {}
    for _at in [_one for _one in dates if _one >= began_on]:
        _rows = segments.features(known.where(F.col("as_of_on") == F.lit(_at)))
        _rows = _rows.orderBy("subject").toPandas()
        _found = segments.predict(learnt.tables, _rows)["segment"]
        _placed[_at] = _found.set_axis(_rows["subject"])
    placed = pd.DataFrame(_placed).dropna()
    _first = placed[began_on]
    stays = pd.DataFrame(
        {
            "as_of_on": _at,
            "in_their_segment": (placed[_at] == _first).mean(),
            "adjusted_rand_index": adjusted_rand_score(_first, placed[_at]),
        }
        for _at in placed.columns
    )
    stays
    return placed, stays


@app.cell
def _(stays):
    _figure, _axes = plt.subplots(figsize=(6, 3.5))
    _axes.plot(stays["as_of_on"], stays["in_their_segment"], marker="o", label="in their segment")
    _axes.plot(
        stays["as_of_on"], stays["adjusted_rand_index"], marker="s", label="adjusted Rand index"
    )
    _axes.set(ylim=(0, 1.05), xlabel="as of", title="How many have stayed")
    _axes.legend()
    _figure.autofmt_xdate()
    _figure
    return


@app.cell
def _(began_on, centres, placed, stays):
    _last = stays.iloc[-1]
    _by_segment = (placed.iloc[:, -1] == placed[began_on]).groupby(placed[began_on]).mean()
    _least, _most = _by_segment.idxmin(), _by_segment.idxmax()
    conclusion = (
        f"Of {len(placed):,} customers known as of {began_on}, {_last.in_their_segment:.0%} are in the "
        f"same of {len(centres)} segments as of {_last.as_of_on} (adjusted Rand index "
        f"{_last.adjusted_rand_index:.2f}). Those of {_most} ({centres['words'][_most]}) stay most, "
        f"{_by_segment[_most]:.0%}; those of {_least} ({centres['words'][_least]}) least, "
        f"{_by_segment[_least]:.0%}."
    )
    print(conclusion)
    mo.md(f"## Conclusion\n\n{conclusion}")
    return


if __name__ == "__main__":
    app.run()
