"""What a batch of refine is about: each table's messages, new ones and those that are judged once
more, built and judged. lakehouse/flow/settling.py says what becomes of them.
"""

import functools
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import corrections, ledger, rules, silver, tables
from lakehouse.corrections import Correction
from lakehouse.flow import declared
from lakehouse.flow.place import Place
from lakehouse.flow.span import Range
from lakehouse.judging import POSITION
from lakehouse.ledger import Batch
from lakehouse.tables import Table

STAGE = "refine"
_REPEATS = tables.by_name("ops.repeats")

_FITTING: set[str] = set()  # the tables whose rules fit their rows, as this process has seen


@dataclass(frozen=True)
class Case:
    """One table's part of a batch: its rows, judged but not yet settled.

    events    the messages it was built from, as they came
    judged    as `judged` gives it; kept in memory
    again     POSITION of the earlier messages that are judged once more; None where there are none
    is_first  the table is empty
    """

    table: Table
    batch: Batch
    events: DataFrame
    judged: DataFrame
    again: DataFrame | None
    is_first: bool


def is_touched(span: Range, table: Table) -> bool:
    """Whether a reference table has changed, or a correction of the table's feed was declared,
    since the table's rows were last judged.
    """
    before, now = judged_with(span.place, table), span.references(table)
    if not before:
        return False
    return any(before.get(name) != now[name] for name in table.refers) or bool(_new(span, table))


def judge(span: Range, table: Table) -> Case:
    """Build and judge the range's messages, and the earlier ones that are touched."""
    new, messages = span.read(table), span.messages(table)
    again = _touched(span, table) if is_touched(span, table) else None
    if again is None:
        return _judge(span, table, new, None, messages)
    earlier = span.earlier(table).join(again, on=list(POSITION), how="left_semi")
    return _judge(span, table, new.unionByName(earlier), again, messages)


def judge_again(span: Range, table: Table, events: DataFrame) -> Case:
    """Build and judge messages anew that were judged before."""
    return _judge(span, table, events, events.select(*POSITION), 0)


def _judge(
    span: Range, table: Table, events: DataFrame, again: DataFrame | None, messages: int
) -> Case:
    suite = _suite(table.name)
    batch = ledger.started(
        STAGE,
        table.name,
        span.batch_id,
        source_from=span.after,
        source_to=span.until,
        upstream=span.references(table),
        rules_version=suite.version,
        version_before=span.place.lake.version(table),
        messages_in=messages,
    )
    rows = judged(table, events, span.known(table), span.corrections(table), suite)
    return Case(table, batch, events, rows.persist(), again, not span.place.lake.rows(table))


def judged(
    table: Table,
    events: DataFrame,
    known: list[DataFrame],
    repairs: tuple[Correction, ...],
    suite: rules.Suite,
) -> DataFrame:
    """A table's rows out of its messages, corrected and judged.

    Gives   as silver.BUILD, with `broken` of rules.Suite.broken and corrected_by
    """
    read = corrections.corrected(events, repairs) if repairs else None
    built = silver.BUILD[table.name](events if read is None else read, *known)
    if table.name not in _FITTING:
        suite.check(built)
        _FITTING.add(table.name)
    return corrections.marked(built.withColumn("broken", suite.broken()), read)


@functools.cache
def _suite(name: str) -> rules.Suite:
    """The rules as they are when the table is first refined by this process."""
    return rules.load(name)


def judged_with(place: Place, table: Table) -> dict[str, int]:
    """The versions of what the table's rows were last judged with."""
    batches = place.ledger.of(STAGE, table.name)
    return batches[-1].upstream if batches else {}


def _new(span: Range, table: Table) -> frozenset[str]:
    """The corrections that were declared or taken back since the table's rows were last judged."""
    seen = judged_with(span.place, table).get(declared.TABLE.name, -1)
    before = declared.in_force(span.place.lake, seen, table.feed)
    return _ids(before) ^ _ids(span.corrections(table))


def _ids(repairs: tuple[Correction, ...]) -> frozenset[str]:
    return frozenset(one.correction_id for one in repairs)


def _touched(span: Range, table: Table) -> DataFrame | None:
    """POSITION of the earlier messages that would be judged in another way by now."""
    if span.after < 0:
        return None
    hits = [*_by_references(span, table), *_by_corrections(span, table)]
    if not hits:
        return None
    found = functools.reduce(DataFrame.union, hits).distinct()
    # Few rows of a long plan, which is met in every step from here on: cut off from it.
    touched = with_followers(span.place, table, found).localCheckpoint()
    return None if touched.isEmpty() else touched


def _by_references(span: Range, table: Table) -> list[DataFrame]:
    """POSITION of the earlier messages whose references have changed."""
    place = span.place
    seen, now = judged_with(place, table), span.references(table)
    changed = [name for name in table.refers if now[name] != seen.get(name, -1)]
    if not changed:
        return []
    events, repairs = span.earlier(table), span.corrections(table)
    read = corrections.corrected(events, repairs) if repairs else events
    typed = silver.BUILD[table.name](read, *span.known(table))
    found = []
    for name in changed:
        reference = tables.by_name(name)
        if name in seen:
            rows = place.store.changes(reference, seen[name], now[name])
        else:  # by another version of the project: its first versions may be readable no longer
            rows = place.store.read(reference, now[name])
        keys = rows.select(F.col(reference.key[0]).alias(table.refers[name])).distinct()
        hit = typed.join(F.broadcast(keys), on=table.refers[name], how="left_semi")
        found.append(hit.select(*POSITION))
    return found


def _by_corrections(span: Range, table: Table) -> list[DataFrame]:
    """POSITION of the earlier messages that a new correction meets, or met one taken back."""
    new = _new(span, table)
    if not new:
        return []
    seen = judged_with(span.place, table).get(declared.TABLE.name, -1)
    before = declared.in_force(span.place.lake, seen, table.feed)
    ids = F.array(*map(F.lit, sorted(new)))
    return [
        corrections.corrected(span.earlier(table), repairs)
        .where(F.arrays_overlap("corrected_by", ids))
        .select(*POSITION)
        for repairs in (before, span.corrections(table))
        if new & _ids(repairs)
    ]


def with_followers(place: Place, table: Table, touched: DataFrame) -> DataFrame:
    """The touched messages and the repeats that lost against one of them."""
    lost = place.store.read(_REPEATS).where(F.col("table_name") == table.name)
    first = touched.select(
        F.col("source_object").alias("first_object"), F.col("source_line").alias("first_line")
    )
    followers = lost.join(first, on=["first_object", "first_line"], how="left_semi")
    return touched.union(followers.select(*POSITION)).distinct()
