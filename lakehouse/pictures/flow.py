"""What the flow did: tables, freshness, what was put aside, the gate."""

from lakehouse import tables
from lakehouse.pictures.schema import Page, Picture
from lakehouse.tables import Table

# A batch that was taken back does not count: docs/decisions/ledger.md.
_REFINED = """\
FROM ops.batches AS done
WHERE stage = 'refine' AND undoes IS NULL AND NOT EXISTS (
  FROM ops.batches AS back WHERE back.undoes = done.batch_id AND back.table_name = done.table_name
)"""
_BATCHES = f"""\
SELECT table_name, batch_id, messages_in, kept, late, repeated, quarantined, started_at, duration_ms
{_REFINED}
ORDER BY started_at DESC, table_name"""

ARRIVALS = Picture(
    name="arrivals",
    title="Messages by hour of arrival",
    says="How many messages came in, by the hour (UTC) in which the receiver had them; the last "
    "fourteen days of those chosen.",
    tables=("bronze.events",),
    sql="""
SELECT date_trunc('hour', arrived_at) AS hour_at, count(*) AS messages
FROM bronze.events
WHERE {chosen}
GROUP BY hour_at
QUALIFY hour_at > max(hour_at) OVER () - INTERVAL 14 DAY
ORDER BY hour_at""",
    rows="""
SELECT date_trunc('hour', arrived_at) AS hour_at, feed, shop_id, device_id, emitted_at, arrived_at,
  source_object, source_line
FROM bronze.events
WHERE {chosen}
ORDER BY arrived_at, source_object, source_line""",
    draws="lines",
    across="hour_at",
    up="messages",
    unit="messages",
    keys=("hour_at",),
    by={"day": "CAST(arrived_at AS DATE)", "shop": "shop_id"},
)

OUTCOMES = Picture(
    name="outcomes",
    title="Where the messages went",
    says="Every message that a silver table was refined from is in it, a repeat, or in quarantine.",
    tables=("ops.batches",),
    sql=f"""
SELECT table_name, outcome, messages
FROM (
  SELECT table_name, CAST(sum(kept) AS BIGINT) AS kept,
    CAST(sum(repeated) AS BIGINT) AS repeated, CAST(sum(quarantined) AS BIGINT) AS quarantined
  {_REFINED}
  GROUP BY table_name
) UNPIVOT (messages FOR outcome IN (kept, repeated, quarantined))
WHERE messages > 0
ORDER BY sum(messages) OVER (PARTITION BY table_name) DESC, table_name, outcome""",
    rows=_BATCHES,
    draws="bars",
    across="table_name",
    up="messages",
    unit="messages",
    colour="outcome",
    keys=("table_name",),
    is_stacked=True,
)

LATE = Picture(
    name="late",
    title="Rows that came late",
    says="Rows of silver that arrived after the end of their hour plus the lateness that their "
    "table declares. They are kept, and the gold they belong to is built anew.",
    tables=("ops.batches",),
    sql=f"""
SELECT table_name, CAST(sum(late) AS BIGINT) AS late_rows, CAST(sum(kept) AS BIGINT) AS kept
{_REFINED}
GROUP BY table_name
HAVING sum(late) > 0
ORDER BY late_rows DESC, table_name""",
    rows=_BATCHES,
    draws="bars",
    across="table_name",
    up="late_rows",
    unit="rows",
    keys=("table_name",),
    none="No row came late.",
)

QUARANTINE = Picture(
    name="quarantine",
    title="What waits in quarantine, by reason",
    says="Messages that a table did not take, with the rule or fault that each of them broke; one "
    "with two reasons counts for both. `lakehouse quarantine` shows and repairs them.",
    tables=("ops.quarantine",),
    sql="""
SELECT reason, table_name, messages
FROM (
  SELECT reason, table_name, count(*) AS messages
  FROM (SELECT table_name, unnest(reasons) AS reason FROM ops.quarantine WHERE {chosen})
  GROUP BY ALL
)
ORDER BY sum(messages) OVER (PARTITION BY reason) DESC, reason, table_name""",
    rows="""
SELECT unnest(reasons) AS reason, table_name, feed, shop_id, device_id, emitted_at, arrived_at,
  source_object, source_line
FROM ops.quarantine
WHERE {chosen}
ORDER BY table_name, source_object, source_line, reason""",
    draws="bars",
    across="reason",
    up="messages",
    unit="messages",
    colour="table_name",
    keys=("reason", "table_name"),
    by={"day": "CAST(arrived_at AS DATE)", "shop": "shop_id"},
    is_stacked=True,
    none="Nothing waits in quarantine.",
)

# As lakehouse.verdicts.Stand has it: the newest verdict of each rule that its file still holds.
_NEWEST = """\
FROM ops.quality_results
WINDOW of_table AS (
  PARTITION BY table_name ORDER BY judged_at, version
  ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
)
QUALIFY rules_version = last_value(rules_version) OVER of_table
  AND row_number() OVER (
    PARTITION BY table_name, expectation_id ORDER BY judged_at DESC, version DESC
  ) = 1"""

GATE = Picture(
    name="gate",
    title="The gate: rules that hold",
    says="The newest verdict on each rule of each table. What holds gold back keeps the tables "
    "that stand on it at their last good version; a warning only counts.",
    tables=("ops.quality_results",),
    sql=f"""
SELECT table_name, stands, count(*) AS rules
FROM (
  SELECT table_name, verdict, CASE WHEN verdict = 'passed' THEN 'holds'
    WHEN severity = 'fail' THEN 'holds gold back' ELSE 'warns' END AS stands
  {_NEWEST}
)
WHERE verdict <> 'counted'
GROUP BY ALL
ORDER BY table_name, stands""",
    rows=f"""
SELECT table_name, version, expectation_id, severity, dimension, verdict,
  CASE WHEN verdict = 'passed' THEN 'holds' WHEN severity = 'fail' THEN 'holds gold back'
  ELSE 'warns' END AS stands, sentence, observed, checked, unexpected, judged_at
FROM (SELECT * {_NEWEST})
WHERE verdict <> 'counted'
ORDER BY table_name, expectation_id""",
    draws="bars",
    across="table_name",
    up="rules",
    unit="rules",
    colour="stands",
    keys=("table_name", "stands"),
    is_stacked=True,
)

SCORES = Picture(
    name="scores",
    title="The lowest scores of quality",
    says="Of seven dimensions of each table, on its newest day: 1 is all that was looked at holds.",
    tables=("gold.data_quality",),
    sql="""
SELECT table_name || ', ' || dimension AS what, score, worst_rule, arrived_on, table_name, dimension
FROM gold.data_quality
QUALIFY arrived_on = max(arrived_on) OVER (PARTITION BY table_name)
ORDER BY score, what
LIMIT 12""",
    rows="""
SELECT table_name, dimension, arrived_on, score, numerator, denominator, worst_rule
FROM gold.data_quality
ORDER BY arrived_on DESC, score, table_name, dimension""",
    draws="bars",
    across="what",
    up="score",
    unit="score, 0 to 1",
    keys=("table_name", "dimension"),
)


def tables_there(there: list[Table]) -> Picture:
    """Rows and freshness of the tables that there are: which ones is not known before."""
    each = " UNION ALL\n".join(
        f"SELECT '{table.name}' AS table_name, count(*) AS \"rows\", {_newest(table)} AS newest_at\n"
        f"FROM {table.name}"
        for table in there
    )
    return Picture(
        name="tables",
        title="The tables",
        says="How many rows each table has, and the newest event (UTC) that it knows of.",
        tables=(),
        sql=each,
        rows=_BATCHES.replace("WHERE stage = 'refine' AND", "WHERE"),
        draws="rows",
        keys=("table_name",),
    )


def _newest(table: Table) -> str:
    column = table.newest_by
    return "CAST(NULL AS TIMESTAMPTZ)" if column is None else f"CAST(max({column}) AS TIMESTAMPTZ)"


def page(there: list[Table]) -> Page:
    """The page, of the tables that there are."""
    shown = [table for table in tables.TABLES if table in there]
    return Page(
        "flow",
        "Flow",
        "What came in, what became of it, and whether it may be trusted.",
        (ARRIVALS, QUARANTINE, OUTCOMES, GATE, LATE, SCORES, tables_there(shown)),
    )
