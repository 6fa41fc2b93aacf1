"""Corrections: what is declared of messages that came wrong, and what refine reads in their place.

A correction meets messages of one feed by a condition and sets fields of theirs. Bronze stays as it
came; corrections are applied in the order in which they were declared, each to what the ones before
it have made of a message.
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import feeds, rows
from lakehouse.bronze import clocks
from lakehouse.judging import POSITION

DROPPED = "dropped"  # the reason with which a dropped message rests in quarantine


@dataclass(frozen=True)
class Correction:
    """One row of bronze.corrections; the columns are explained there.

    condition  Spark SQL over the columns of bronze.events and, as text, the payload's in `said`
    changes    field of the envelope, or `said.` and one of the payload: SQL expression over the same
    """

    kind: str
    feed: str
    condition: str
    changes: dict[str, str] = field(default_factory=dict)
    revokes: str | None = None
    correction_id: str = ""


def in_force(declared: Iterable[Correction], feed: str | None) -> tuple[Correction, ...]:
    """Those of a feed that count: not the ones that a later one takes back.

    Of a clock that was taken back one stays that meets nothing: bronze may hold lines by now that
    only it made fit (lakehouse/flow/lines.py), and `corrected` judges all clocks of the feed.
    """
    mine = [one for one in declared if one.feed == feed]
    gone = {one.revokes for one in mine}
    found = []
    for one in mine:
        if one.correction_id not in gone and one.kind != "revoke":
            found.append(one)
        elif one.kind == "clock":
            name = f"{one.correction_id}, taken back"
            found.append(replace(one, condition="false", correction_id=name))
    return tuple(found)


def corrected(events: DataFrame, corrections: Sequence[Correction]) -> DataFrame:
    """The messages as refine is to read them.

    Takes   events       bronze.events of one feed
            corrections  of that feed, in the order in which they are to be applied; at least one
    Gives   the columns of `events`, and
              corrected_by  array<string>  the ids of those that met it, in order
              refused       array<string>  DROPPED, or what ingest would say of its clock
    """
    payload = feeds.by_name(corrections[0].feed).payload
    begun = events.withColumns(
        {
            "said": F.from_json("payload", payload),
            "corrected_by": F.array().cast("array<string>"),
            "is_dropped": F.lit(False),
        }
    )
    met = functools.reduce(lambda frame, one: _applied(frame, one, payload), corrections, begun)
    is_met = F.size("corrected_by") > 0
    faults = {DROPPED: F.col("is_dropped"), **clocks.faults()}
    refused = [F.when(is_so, F.lit(name)) for name, is_so in faults.items()]
    return met.withColumns(
        {
            "payload": F.when(is_met, F.to_json("said")).otherwise(F.col("payload")),
            "refused": rows.without_nulls(F.array(*refused)),
        }
    ).drop("said", "is_dropped")


def _applied(frame: DataFrame, correction: Correction, payload: str) -> DataFrame:
    said = F.col("said")
    changed: dict[str, Column] = {}
    for name, expression in correction.changes.items():
        if name == "payload":
            said = F.from_json(F.expr(expression), payload)
        elif name.startswith("said."):
            said = said.withField(name.removeprefix("said."), F.expr(expression))
        else:
            changed[name] = F.expr(expression)
    changed |= {
        "said": said,
        "corrected_by": F.concat("corrected_by", F.array(F.lit(correction.correction_id))),
        "is_dropped": F.lit(True) if correction.kind == "drop" else F.col("is_dropped"),
    }
    meets = F.coalesce(F.expr(correction.condition), F.lit(False))
    return (
        frame.withColumn("_meets", meets)
        .withColumns(
            {
                name: F.when(F.col("_meets"), column).otherwise(F.col(name))
                for name, column in changed.items()
            }
        )
        .drop("_meets")
    )


def marked(judged: DataFrame, corrected: DataFrame | None) -> DataFrame:
    """Rows with the corrections that met their message; what it is `refused` for is a reason.

    Takes   judged     POSITION and `broken` of rules.Suite.broken
            corrected  as `corrected` gives it; None where no correction is in force
    Gives   the columns of `judged`, and corrected_by, null where none met the message
    """
    if corrected is None:
        return judged.withColumn("corrected_by", F.lit(None).cast("array<string>"))
    met = corrected.where((F.size("corrected_by") > 0) | (F.size("refused") > 0))
    by = F.when(F.size("corrected_by") > 0, F.col("corrected_by")).alias("corrected_by")
    reasons = F.array_union("broken", "refused")
    return (
        judged.join(met.select(*POSITION, by, "refused"), on=list(POSITION), how="left")
        .withColumn("broken", F.coalesce(reasons, F.col("broken")))
        .drop("refused")
    )
