"""Scales under a shelf: units are put on and taken off, so that levels mean nothing by themselves.

A weight that creeps does it between the units; one that jumps, stays there and jumps back by the
same is off, where the jump is no number of units.
"""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.faults import looks
from lakehouse.faults.marks import Mark

JUMP = "jump"

# Changes from reading to reading of which the median is taken: units come and go in fewer than
# half of nine readings.
_CREEP = 4
# The median of nine changes of a still weight has a spread of 0.4 of one change (1.2533 / 3), but
# changes in a row cancel each other, so that it stays below: two spreads of a change is five of
# those.
_CREEPS = 2.0
# A change is one that is no noise at six spreads, which noise reaches once in 5e8.
_JUMPS = 6.0
# Two jumps undo each other, and a jump is a number of units, to within four spreads of a change.
_SAME = 4.0
# Other jumps that tell what a unit is.
_OTHERS = 2
# How long a scale is off and comes back within a look.
_LEAST_S, _MOST_S = 3_600.0, 57_600.0
_HOLDS_S = 5_400.0

MARKS = (
    Mark("drift", bridge_s=_HOLDS_S, least=4, least_s=_HOLDS_S),
    Mark(JUMP, bridge_s=0.0),
)


def marked(measured: DataFrame) -> DataFrame:
    """Add the marks `drift` and `jump`, and `change`: the value less the one before it."""
    change = F.col("value") - F.lag("value").over(looks.in_order())
    near = looks.series(-_CREEP, _CREEP)
    # (Of changes only: a scale that was stuck has none.)
    changed = F.when(F.col("change") != 0, F.abs("change"))
    noise = F.greatest(F.median(changed).over(looks.series()) / 0.6745, F.lit(1e-6))
    return (
        measured.withColumn("change", change)
        .withColumns({"noise": noise, "creep": F.percentile("change", 0.5).over(near)})
        .withColumn("is_creeping", _is_weight() & (F.abs("creep") > _CREEPS * F.col("noise")))
        .withColumn("creeps", F.max("is_creeping").over(near))
        .withColumn("stays", _stays())
        .withColumns({"drift": _drift(), JUMP: _jump()})
        .drop("noise", "creep", "is_creeping", "creeps", "stays")
    )


def _is_weight() -> Column:
    return F.col("metric") == "weight"


def _stays() -> Column:
    """Whether a change is not undone by the next one, nor undoes the last: those are spikes."""
    order, least = looks.in_order(), _SAME * F.col("noise")
    beside = (F.lag("change").over(order), F.lead("change").over(order))
    undone = [F.abs(F.col("change") + one) <= least for one in beside]
    return ~(F.coalesce(undone[0], F.lit(False)) | F.coalesce(undone[1], F.lit(False)))


def _drift() -> Column:
    ends = F.col("second") + F.coalesce("interval_s", F.lit(0.0))
    limit = _CREEPS * F.col("noise")
    return MARKS[0].column(F.col("is_creeping"), F.col("second"), ends, "creep", limit)


def _jump() -> Column:
    """Its limit is the noise itself."""
    is_one = (
        _is_weight()
        & (F.abs("change") > _JUMPS * F.col("noise"))
        & ~F.col("creeps")
        & F.col("stays")
    )
    return MARKS[1].column(is_one, F.col("second"), F.col("second"), "change", F.col("noise"))


def turned_back(marks: DataFrame, of: Sequence[str]) -> DataFrame:
    """The pairs of jumps between which a scale was off: a step.

    Takes   marks  as intervals.marks gives it
    Gives   `of`, kind, metric, begins, ends, evidence, score
    """
    jumps = F.filter("marks", lambda one: one["kind"] == JUMP)
    pairs = (
        marks.withColumn("jumps", jumps)
        .where(F.size("jumps") >= 2 + _OTHERS)
        .withColumn("there", F.explode("jumps"))
        .withColumn("back", F.explode("jumps"))
        .where(_undo_each_other())
        .withColumn("others", F.filter("jumps", _is_another))
        .where(F.size("others") >= _OTHERS)
        .where(~F.exists("others", _is_of_units))
    )
    step = F.col("there.evidence")
    limit = _JUMPS * F.col("there.limit")
    return pairs.select(
        *of,
        F.lit("step").alias("kind"),
        F.col("there.metric").alias("metric"),
        F.col("there.begins").alias("begins"),
        F.col("back.ends").alias("ends"),
        step.alias("evidence"),
        (F.abs(step) / limit).alias("score"),
    )


def _undo_each_other() -> Column:
    lasts = F.col("back.begins") - F.col("there.begins")
    left = F.abs(F.col("there.evidence") + F.col("back.evidence"))
    return lasts.between(_LEAST_S, _MOST_S) & (left < _SAME * F.col("there.limit"))


def _is_another(one: Column) -> Column:
    return (one["begins"] != F.col("there.begins")) & (one["begins"] != F.col("back.begins"))


def _is_of_units(other: Column) -> Column:
    """Whether a jump and another one are whole multiples, the larger one of the smaller one."""
    jump, beside = F.abs("there.evidence"), F.abs(other["evidence"])
    large, small = F.greatest(jump, beside), F.least(jump, beside)
    rest = F.abs(large - F.round(large / small) * small)
    return rest < _SAME * F.col("there.limit")
