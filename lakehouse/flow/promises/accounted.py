"""Promise 1, no message disappears: every landed line and every message is in exactly one place."""

from collections.abc import Iterator
from dataclasses import asdict

from lakehouse import tables
from lakehouse.flow.promises.evidence import Evidence, listed
from lakehouse.ledger import Batch
from lakehouse.tables import Table

_EVENTS = tables.by_name("bronze.events")
_FAULTY = f"ops.quarantine WHERE table_name = '{_EVENTS.name}'"

# What the copy in ops.batches knows better than the note that travelled with the commit.
_LATER = ("started_at", "duration_ms", "version_after")


def broken(evidence: Evidence) -> Iterator[str]:
    """Sentences about what is missing, twice there, or counted wrongly."""
    if not evidence.landed and not evidence.batches:
        yield "nothing has landed and nothing was ingested: there is nothing to prove yet"
        return
    yield from _landed(evidence)
    yield from _positions(evidence)
    for table in tables.SILVER:
        yield from _messages(evidence, table)
    yield from _sums(evidence)
    yield from _folded(evidence)


def _landed(evidence: Evidence) -> Iterator[str]:
    """Each landed object against the rows that came of it."""
    found = dict(
        evidence.ask(
            f"SELECT source_object, count(*) FROM (SELECT source_object FROM {_EVENTS.name} "
            f"UNION ALL SELECT source_object FROM {_FAULTY} AND source_line > 0) GROUP BY ALL"
        )
    )
    known = {name for batch in evidence.of(_EVENTS) for name in batch.objects}
    new = [one.name for one in evidence.landed if one.name not in known]
    if new:
        yield f"{len(new)} landed objects are not ingested: {listed(new)}; run `lakehouse ingest`"
    for one in evidence.landed:
        rows = found.get(one.name, 0)
        if one.name in known and rows != one.lines and not one.is_spoilt:
            yield f"{one.name}: {one.lines} lines landed, {rows} are in bronze or quarantine"


def _positions(evidence: Evidence) -> Iterator[str]:
    """No line is in bronze or quarantine twice."""
    twice = evidence.ask(
        f"SELECT source_object, source_line, count(*) FROM ("
        f"SELECT source_object, source_line FROM {_EVENTS.name} UNION ALL "
        f"SELECT source_object, source_line FROM {_FAULTY}) GROUP BY ALL HAVING count(*) > 1"
    )
    if twice:
        lines = [f"line {line} of {name} ({times} times)" for name, line, times in twice]
        yield f"{len(twice)} lines are in bronze or quarantine twice: {listed(lines)}"


def _messages(evidence: Evidence, table: Table) -> Iterator[str]:
    """Every message of a silver table's feed is in silver, quarantined or a repeat."""
    reached = evidence.progress(table)
    events = evidence.at(_EVENTS, max(reached, 0))
    lost = evidence.ask(
        f"""
        WITH said AS (
            SELECT source_object, source_line FROM {events} WHERE feed = $1 AND {reached} >= 0
        ), there AS (
            SELECT DISTINCT source_object, source_line, 'silver' AS place FROM {table.name}
            UNION ALL SELECT source_object, source_line, 'quarantine' FROM ops.quarantine
            WHERE table_name = $2
            UNION ALL SELECT source_object, source_line, 'repeats' FROM ops.repeats
            WHERE table_name = $2
        ), placed AS (
            SELECT source_object, source_line, string_agg(place, ' and ' ORDER BY place) AS places,
                count(*) AS times
            FROM there GROUP BY ALL
        )
        SELECT source_object, source_line, coalesce(places, 'nowhere'),
            said.source_line IS NOT NULL AS is_said
        FROM said FULL JOIN placed USING (source_object, source_line)
        WHERE times IS DISTINCT FROM 1 OR said.source_line IS NULL
        ORDER BY ALL
        """,
        table.feed,
        table.name,
    )
    for wrong, what in ((True, "are not in exactly one place"), (False, "never came from bronze")):
        rows = [
            f"line {line} of {name} is in {places}"
            for name, line, places, is_said in lost
            if is_said is wrong
        ]
        if rows:
            yield f"{table.name}: {len(rows)} messages {what}: {listed(rows)}"


def _sums(evidence: Evidence) -> Iterator[str]:
    """What the ledger says of each table against what is there."""
    arrived = {batch.batch_id: batch for batch in evidence.of(_EVENTS)}
    for table in (_EVENTS, *tables.SILVER):
        batches = evidence.of(table)
        for batch in batches:
            accounted = batch.kept + batch.quarantined + batch.repeated
            if accounted != batch.messages_in:
                yield f"{_named(batch)}: {batch.messages_in} messages in, {accounted} accounted for"
        for outcome, rows in _rows(evidence, table).items():
            said = sum(getattr(batch, outcome) for batch in batches)
            if said != sum(rows.values()):
                wrong = [
                    one.batch_id
                    for one in batches
                    if getattr(one, outcome) != rows.get(one.batch_id, 0)
                ]
                yield (
                    f"{table.name}: the ledger says {said} {outcome}, there are "
                    f"{sum(rows.values())}; look at {listed(wrong)}"
                )
        for batch in batches if table.feed else ():
            read = sum(
                one.feeds.get(table.feed or "", 0)
                for one in arrived.values()
                if _is_within(one.version_after, batch)
            )
            if read != batch.messages_in:
                yield f"{_named(batch)}: {batch.messages_in} messages in, but bronze has {read}"


def _rows(evidence: Evidence, table: Table) -> dict[str, dict[str, int]]:
    """Messages there by outcome and batch."""
    counted = "SELECT batch_id, count(DISTINCT (source_object, source_line)) FROM"
    return {
        "kept": dict(evidence.ask(f"{counted} {table.name} GROUP BY ALL")),
        **{
            outcome: dict(
                evidence.ask(f"{counted} {place} WHERE table_name = $1 GROUP BY ALL", table.name)
            )
            for outcome, place in (("quarantined", "ops.quarantine"), ("repeated", "ops.repeats"))
        },
    }


def _is_within(version: int | None, batch: Batch) -> bool:
    after, until = batch.source_from, batch.source_to
    return None not in (version, after, until) and after < version <= until  # type: ignore[operator]


def _named(batch: Batch) -> str:
    return f"batch {batch.batch_id} of {batch.table_name}"


def _folded(evidence: Evidence) -> Iterator[str]:
    """The ledger folded anew from the commits' notes says the same as ops.batches."""
    copies = {(one.batch_id, one.table_name): one for one in evidence.recorded}
    for table in tables.WRITTEN:
        for commit in evidence.commits(table):
            noted = commit.note["batch"]
            copy = copies.get((noted["batch_id"], table.name))
            if copy is None:
                yield f"batch {noted['batch_id']} of {table.name} is not in ops.batches"
                continue
            said = asdict(copy)
            differs = [
                name for name, value in noted.items() if name not in _LATER and said[name] != value
            ]
            if copy.version_after != commit.version:
                differs.append("version_after")
            if differs:
                yield f"{_named(copy)}: ops.batches and the commit differ in {listed(differs)}"
