"""Promises 4 and 5: a replay from bronze gives the same tables, and the rule files hold in them."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from lakehouse import content, rows, rules, tables
from lakehouse.flow import build, cases, declared
from lakehouse.flow.promises.evidence import Evidence
from lakehouse.judging import POSITION
from lakehouse.tables import Table

_AT_ONCE = 2  # tables replayed at once: planning and reading the log leave the cores idle
_EVENTS = tables.by_name("bronze.events")


def differs(
    evidence: Evidence, among: Iterable[Table] = (*tables.SILVER, *tables.BUILT)
) -> Iterator[str]:
    """Sentences about tables that a replay does not give again."""
    # Others wait: nothing was refined or built yet.
    begun = [table for table in among if evidence.of(table)]

    def compared(table: Table) -> tuple[content.Content, content.Content]:
        replayed = _refined(evidence, table) if table.feed else _built(evidence, table)
        live = evidence.place.store.read(table)
        return content.of(replayed, table), content.of(live, table)

    with ThreadPoolExecutor(_AT_ONCE) as replayers:
        for table, (anew, live) in zip(begun, replayers.map(compared, begun), strict=True):
            if anew != live:
                yield f"{table.name}: a replay gives {anew}, the table holds {live}"


def _refined(evidence: Evidence, table: Table) -> DataFrame:
    """The rows of a silver table from all of bronze that it has reached, in one go.

    Judged in other words than refine's: a message with a broken row goes whole, of the others that
    agree in `repeats` the first arrival stays.
    """
    judged = _judged(evidence, table)
    bad = judged.where(F.size("broken") > 0).select(*POSITION).distinct()
    good = judged.join(bad, on=list(POSITION), how="left_anti")
    arrival = F.struct(*rows.ARRIVAL)
    same = Window.partitionBy(*table.repeats).rowsBetween(
        Window.unboundedPreceding, Window.unboundedFollowing
    )
    kept = good.withColumn("_first", F.min(arrival).over(same)).where(F.col("_first") == arrival)
    return rows.with_valid_to(kept, table.key[:-1]) if table.is_history else kept


def _judged(evidence: Evidence, table: Table) -> DataFrame:
    """All messages of a silver table, corrected, as its rules see and judge them."""
    store, lake = evidence.place.store, evidence.place.lake
    upstream = evidence.of(table)[-1].upstream
    events = store.read(_EVENTS, evidence.progress(table))
    events = events.where(F.col("feed") == F.lit(table.feed))
    known = [store.read(tables.by_name(name), upstream[name]) for name in table.upstream[1:]]
    repairs = declared.in_force(lake, upstream.get(declared.TABLE.name, 0), table.feed)
    return cases.judged(table, events, known, repairs, rules.load(table.name))


def _built(evidence: Evidence, table: Table) -> DataFrame:
    """The rows of a built table, all of them, from the versions it was last built from."""
    return build.frame(evidence.place, table, evidence.of(table)[-1].upstream)


def rules_broken(evidence: Evidence) -> Iterator[str]:
    """Sentences about silver rows that break a rule of today's files, or were judged by others.

    A rule about a column that only refine sees (a value as it was sent) is judged by the replay.
    """
    for table in tables.SILVER:
        if not evidence.of(table):
            continue
        suite = rules.load(table.name)
        used = [one.rules_version for one in evidence.of(table) if one.rules_version]
        if used and used[-1] != suite.version:
            yield (
                f"{table.name}: last refined by rules {used[-1]}, expectations/"
                f"{table.short_name}.json is {suite.version}; run `lakehouse rebuild {table.name}`"
            )
        live = evidence.place.store.read(table)
        unseen = set(_judged(evidence, table).columns) - set(live.columns)
        judged = [
            rule for rule in suite.rules if not any(name in str(rule.broken) for name in unseen)
        ]
        if not judged:
            continue
        [counts] = live.agg(*(F.count_if(rule.broken).alias(rule.id) for rule in judged)).collect()
        for rule in judged:
            if counts[rule.id]:
                yield f"{table.name}: {counts[rule.id]} rows break {rule.id}: {rule.sentence}"
