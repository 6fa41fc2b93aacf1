import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="What sells together, and does it hold up later?")

with app.setup:
    import marimo as mo
    import matplotlib.pyplot as plt

    import lakehouse
    from lakehouse.models import affinities, splits
    from lakehouse.models.catalog import AFFINITIES


@app.cell(hide_code=True)
def _():
    mo.md("""
    # What sells together, and does it hold up later?

    A rule that was found by looking at many pairs may be luck, even where a test says that it is
    not. So we find rules of categories in the weeks before a split, and count the same things again
    in the four weeks after it. A rule holds up where its lift is above 1 there too.
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
    split_on = splits.of(baskets, AFFINITIES.holdout_days)
    # Fewer sets than a training takes: what is rarer could hardly be counted in four weeks.
    given = AFFINITIES.settings({"most_item_sets": 1_000})
    rules, _, note = affinities.of_level(
        splits.before(baskets, splits.PAID, split_on), products, "category", given
    )
    mo.md(f"Before {split_on}: {note}.")
    return baskets, products, rules, split_on


@app.cell
def _(baskets, products, rules, split_on):
    later = [
        frozenset(_items)
        for _items in affinities.items_of(
            splits.after(baskets, splits.PAID, split_on), products, "category"
        ).toPandas()["items"]
    ]
    _in_baskets = {}
    for _at, _items in enumerate(later):
        for _item in _items:
            _in_baskets.setdefault(_item, set()).add(_at)

    def lift_later(rule):
        """The rule's lift in the later baskets; None where none of them has its antecedent."""
        there = set.intersection(*(_in_baskets.get(item, set()) for item in rule.antecedent))
        bought = _in_baskets.get(rule.consequent, set())
        if not there or not bought:
            return None
        return len(there & bought) / len(there) / (len(bought) / len(later))

    judged = rules.assign(lift_later=[lift_later(_rule) for _rule in rules.itertuples()])
    judged = judged.sort_values(["lift", "antecedent", "consequent"], ascending=[False, True, True])
    judged[["antecedent", "consequent", "baskets_with_both", "confidence", "lift", "lift_later"]]
    return judged, later


@app.cell
def _(judged):
    _figure, _axes = plt.subplots(figsize=(6, 5))
    _axes.scatter(judged["lift"], judged["lift_later"], s=6, alpha=0.5)
    _axes.axhline(1, color="black", linewidth=0.8)
    _axes.plot([1, judged["lift"].max()], [1, judged["lift"].max()], linestyle=":", color="black")
    _axes.set(xscale="log", yscale="log", xlabel="lift before the split", ylabel="lift after it")
    _axes.set_title("Each point is a rule of categories")
    _figure
    return


@app.cell
def _(judged, later, split_on):
    _known = judged.dropna(subset=["lift_later"])
    _holds = _known["lift_later"] > 1
    _strong = _known["lift"] >= _known["lift"].quantile(0.75)
    _rank = _known["lift"].corr(_known["lift_later"], method="spearman")
    _shrunk = (_known["lift_later"] / _known["lift"]).median()
    conclusion = (
        f"Of {len(_known):,} rules of categories found before {split_on}, {_holds.mean():.0%} have a "
        f"lift above 1 in the {len(later):,} later baskets, and {_holds[_strong].mean():.0%} of the "
        f"strongest quarter. Their order holds (Spearman {_rank:.2f}); in the middle a lift is "
        f"{_shrunk:.2f} of what it was. So put side by side what the strongest rules name, and promise "
        f"less than they say."
    )
    print(conclusion)
    mo.md(f"## Conclusion\n\n{conclusion}")
    return


if __name__ == "__main__":
    app.run()
