"""What a person does with messages that wait: declare what was wrong with them, release, drop.

A correction counts from the next batch of refine on, for what it meets by then and later; `release`
does that batch now, and also judges messages again that no correction meets, as the rules may have
changed. Everything leaves its row in ops.audit.
"""

import getpass
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

import pyarrow as pa
from pyspark.errors import AnalysisException, ParseException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import corrections, ledger, tables
from lakehouse.bronze import persons
from lakehouse.corrections import Correction, Scope
from lakehouse.errors import BadCorrection, UnknownName
from lakehouse.feeds import by_name as feed_by_name
from lakehouse.flow import declared, lines, refine
from lakehouse.flow.place import Place
from lakehouse.judging import POSITION
from lakehouse.ledger import Batch
from lakehouse.tables import Table

_EVENTS = tables.by_name("bronze.events")
_QUARANTINE = tables.by_name("ops.quarantine")
_AUDIT = tables.by_name("ops.audit")

_ARROW = pa.schema(
    [
        pa.field("audit_id", pa.string(), nullable=False),
        pa.field("done_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("done_by", pa.string()),
        pa.field("action", pa.string(), nullable=False),
        pa.field("table_name", pa.string()),
        pa.field("correction_id", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("batch_ids", pa.list_(pa.string())),
        pa.field("kept", pa.int64()),
        pa.field("quarantined", pa.int64()),
        pa.field("repeated", pa.int64()),
        pa.field("code_version", pa.string()),
    ]
)


def met(place: Place, wanted: Correction) -> tuple[int, int]:
    """How many messages of bronze a correction would meet now, and how many of them wait.

    Raises BadCorrection where its condition cannot be read, or what it would put in place of a
    payload names a person.
    """
    _refuse_persons(place, wanted)
    trial = Correction(wanted.kind, wanted.feed, wanted.condition, wanted.changes, None, "trial")
    version = place.lake.version(declared.TABLE)
    before = declared.in_force(place.lake, version, wanted.feed)
    events = place.store.read(_EVENTS).where(F.col("feed") == F.lit(wanted.feed))
    try:
        read = corrections.corrected(events, (*before, trial))
    except (AnalysisException, ParseException) as fault:
        first = str(fault).partition("\n")[0]
        raise BadCorrection(f"the condition {wanted.condition!r} cannot be read: {first}") from None
    hit = read.where(F.array_contains("corrected_by", "trial")).select(*POSITION)
    names = [table.name for table in tables.fed_by(wanted.feed)]
    waits = place.store.read(_QUARANTINE).where(F.col("table_name").isin(names))
    waits = waits.select(*POSITION).distinct().withColumn("waits", F.lit(True))
    [row] = (
        hit.join(waits, on=list(POSITION), how="left")
        .agg(F.count("*").alias("met"), F.count_if("waits").alias("waiting"))
        .collect()
    )
    return row["met"], row["waiting"]


def _refuse_persons(place: Place, wanted: Correction) -> None:
    """Nothing enters the lake by a repair that ingest would refuse."""
    is_machine = F.lit(feed_by_name(wanted.feed).is_machine)
    for text in wanted.changes.values():
        frame = place.spark.createDataFrame([(text, None)], "payload string, subject string")
        named = persons.faults("payload", "subject", is_machine)
        # An expression's own blanks are no free text.
        named = {name: is_so for name, is_so in named.items() if name != "free_text"}
        found = frame.select(*(is_so.alias(name) for name, is_so in named.items())).first()
        assert found is not None
        if bad := [name for name, is_so in found.asDict().items() if is_so]:
            raise BadCorrection(f"what it sets would name a person ({', '.join(bad)})")


def fix(place: Place, wanted: Correction, table: Table, reason: str) -> Correction:
    """Declare a correction, or that messages are dropped."""
    action = "drop" if wanted.kind == "drop" else "fix"
    new = declared.add(place, wanted, reason)
    _note(place, action, table.name, reason, correction_id=new.correction_id)
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
    new = declared.add(place, corrections.revoked(known[correction_id]), reason)
    _note(place, "revoke", None, reason, correction_id=new.correction_id)
    return new


def release(
    place: Place, table: Table | None, rule: str | None, scope: Scope, reason: str
) -> list[Batch]:
    """Judge again what waits, after everything that is new: by today's rules and corrections.

    Takes   table, rule, scope  which messages; all that fit everything given, of one table or all;
                                those of bronze.events are lines that ingest refused
    Gives   the batches; their counts say what changed
    """
    before = len(place.ledger.batches)
    if table in (None, _EVENTS):
        lines.release(place, rule, scope)
    refine.everything(place)
    for one in (one for one in tables.SILVER if table in (None, one)):
        events = _waiting(place, one, rule, scope)
        if events is not None:
            batch_id = f"{refine.STAGE}-again-{one.short_name}-{secrets.token_hex(4)}"
            refine.again(place, one, events, batch_id)
    done = place.ledger.batches[before:]
    _note(place, "release", table.name if table else None, reason, batches=done)
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


def _note(
    place: Place,
    action: str,
    table_name: str | None,
    reason: str,
    *,
    correction_id: str | None = None,
    batches: Sequence[Batch] = (),
) -> None:
    counts = {
        name: sum(getattr(batch, name) for batch in batches)
        for name in ("kept", "quarantined", "repeated")
    }
    row = {
        "audit_id": secrets.token_hex(8),
        "done_at": datetime.now(UTC),
        "done_by": getpass.getuser(),
        "action": action,
        "table_name": table_name,
        "correction_id": correction_id,
        "reason": reason,
        "batch_ids": sorted({batch.batch_id for batch in batches}),
        "code_version": ledger.code_version(),
        **counts,
    }
    place.lake.append(_AUDIT, pa.Table.from_pylist([row], schema=_ARROW))
