"""What a person does with messages that wait: declare what was wrong with them, release, drop.

A correction counts from the next batch of refine on, for what it meets by then and later; `release`
does that batch now, and also judges messages again that no correction meets, as the rules may have
changed. Everything leaves its row in ops.audit.
"""

import secrets
from dataclasses import replace

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import corrections, repairs, tables
from lakehouse.bronze import persons
from lakehouse.corrections import Correction
from lakehouse.errors import BadCorrection, UnknownName
from lakehouse.feeds import by_name as feed_by_name
from lakehouse.flow import audited, declared, lines, refine
from lakehouse.flow.place import Place
from lakehouse.judging import POSITION
from lakehouse.ledger import Batch
from lakehouse.repairs import Scope
from lakehouse.tables import Table

_EVENTS = tables.by_name("bronze.events")
_QUARANTINE = tables.by_name("ops.quarantine")


def met(place: Place, wanted: Correction) -> tuple[int, int]:
    """How many messages a correction would meet now, and how many of them wait in quarantine:
    those of bronze, and lines that ingest refused.

    Raises BadCorrection where it cannot be applied to them.
    """
    trial = replace(wanted, correction_id="trial")
    version = place.lake.version(declared.TABLE)
    before = declared.in_force(place.lake, version, wanted.feed)
    waits = place.store.read(_QUARANTINE)
    refused = waits.where((F.col("table_name") == _EVENTS.name) & F.col("is_releasable"))
    events = place.store.read(_EVENTS).unionByName(refused, allowMissingColumns=True)
    events = events.select(*_EVENTS.column_names).where(F.col("feed") == F.lit(wanted.feed))
    names = [_EVENTS.name, *(table.name for table in tables.fed_by(wanted.feed))]
    waiting = waits.where(F.col("table_name").isin(names)).select(*POSITION).distinct()
    try:
        read = corrections.corrected(events, (*before, trial))
        hit = read.where(F.array_contains("corrected_by", "trial"))
        # Every cell is worked out, so that what cannot be is seen here and not by refine.
        hit = hit.select(*POSITION, F.xxhash64(*read.columns).alias("cells"))
        [row] = (
            hit.join(waiting.withColumn("waits", F.lit(True)), on=list(POSITION), how="left")
            .agg(F.count("*").alias("met"), F.count_if("waits").alias("waiting"), F.max("cells"))
            .collect()
        )
    except PySparkException as fault:
        first = str(fault).partition("\n")[0]
        raise BadCorrection(f"it cannot be applied: {first}") from None
    return row["met"], row["waiting"]


def _refuse_persons(place: Place, wanted: Correction, reason: str) -> None:
    """Nothing enters the lake by a repair that ingest would refuse."""
    is_machine = wanted.kind == "edit" and feed_by_name(wanted.feed).is_machine
    texts = [(text, None, False) for text in (reason, wanted.condition)]
    texts += [(text, None, is_machine) for text in wanted.changes.values()]
    frame = place.spark.createDataFrame(texts, "payload string, subject string, is_machine boolean")
    named = persons.faults("payload", "subject", F.col("is_machine"))
    counted = frame.agg(*(F.count_if(is_so).alias(name) for name, is_so in named.items()))
    [row] = counted.collect()
    if bad := [name for name, count in row.asDict().items() if count]:
        raise BadCorrection(f"it would bring a person into the lake ({', '.join(bad)})")
    if wanted.kind == "edit":
        _refuse_subject(place, wanted)


def _refuse_subject(place: Place, wanted: Correction) -> None:
    """No text of an edited payload is the person whose message it is."""
    key = persons.Key(*place.pseudonym_key)
    payload = F.expr(wanted.changes["payload"])
    texts = F.explode(F.regexp_extract_all(payload, F.lit(r'"((?:[^"\\]|\\.)*)"'), F.lit(1)))
    said = place.store.read(_EVENTS).where(wanted.condition).select("subject", texts.alias("text"))
    if not said.where(persons.pseudonym("text", key) == F.col("subject")).isEmpty():
        raise BadCorrection("it would bring a person into the lake (subject_in_payload)")


def fix(place: Place, wanted: Correction, table: Table, reason: str) -> Correction:
    """Declare a correction, or that messages are dropped.

    Raises BadCorrection where the same is in force, or a person would come into the lake by it.
    """
    _refuse_persons(place, wanted, reason)
    action = "drop" if wanted.kind == "drop" else "fix"
    new = declared.add(place, wanted, reason)
    audited.note(place, action, table.name, reason, correction_id=new.correction_id)
    return new


def revoke(place: Place, correction_id: str, reason: str) -> Correction:
    """Take a correction back: what it met is judged again without it.

    Raises UnknownName where none of that id is in force.
    """
    every = declared.every(place.lake, place.lake.version(declared.TABLE))
    known = {
        one.correction_id: one
        for feed in {one.feed for one in every}
        for one in corrections.in_force(every, feed)
    }
    if correction_id not in known:
        raise UnknownName("correction in force", correction_id, known)
    wanted = repairs.revoked(known[correction_id])
    _refuse_persons(place, wanted, reason)
    new = declared.add(place, wanted, reason)
    audited.note(place, "revoke", None, reason, correction_id=new.correction_id)
    return new


def release(
    place: Place, table: Table | None, rule: str | None, scope: Scope, reason: str
) -> list[Batch]:
    """Judge again what waits, after everything that is new: by today's rules and corrections.

    Takes   table, rule, scope  which messages; all that fit everything given, of one table or all;
                                those of bronze.events are lines that ingest refused
    Gives   the batches; their counts say what changed
    """
    done = lines.release(place, rule, scope) if table in (None, _EVENTS) else []
    done += refine.everything(place)
    for one in (one for one in tables.SILVER if table in (None, one)):
        events = _waiting(place, one, rule, scope)
        if events is not None:
            batch_id = f"{refine.STAGE}-again-{one.short_name}-{secrets.token_hex(4)}"
            done.append(refine.again(place, one, events, batch_id))
    done += refine.everything(place)  # reference rows that were released place others
    audited.note(place, "release", table.name if table else None, reason, batches=done)
    return done


def _waiting(place: Place, table: Table, rule: str | None, scope: Scope) -> DataFrame | None:
    """The messages of bronze that wait for a table; None where none does."""
    waits = place.store.read(_QUARANTINE).where(F.col("table_name") == table.name)
    waits = waits.where(~F.array_contains("reasons", corrections.DROPPED))
    if rule is not None:
        waits = waits.where(F.array_contains("reasons", rule))
    for condition in scope.sql():
        waits = waits.where(condition)
    waits = waits.select(*POSITION).localCheckpoint()
    if waits.isEmpty():
        return None
    events = place.store.read(_EVENTS, refine.progress(place, table))
    events = events.where(F.col("feed") == F.lit(table.feed)).drop("batch_id")
    return events.join(F.broadcast(waits), on=list(POSITION), how="left_semi")
