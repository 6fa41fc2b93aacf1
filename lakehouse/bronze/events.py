"""bronze.events: each landed line as a message, its person a pseudonym, its faults named."""

import functools

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse import rows
from lakehouse.bronze import clocks, persons
from lakehouse.feeds import ENVELOPE, FEEDS

# Of a line with only these faults the text is kept, cleaned of its person: it can be released once
# the declaration or the clock is right. Of every other faulty line only digest and length are.
RELEASABLE = (
    "unknown_feed",
    "unknown_schema_version",
    "from_the_future",
    "too_old",
)

_JSON = {"allowNonNumericNumbers": "false", "allowSingleQuotes": "false"}

# ISO 8601 with a zone; Spark's own cast also takes "10:00" and puts today's date before it.
_INSTANT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$"


def read(lines: DataFrame, key: persons.Key) -> DataFrame:
    """Read every line's envelope; drop none.

    Takes   lines  source_object, source_line, arrived_at, line (text; null where `fault` says why
                   there is none), fault, digest and length (of the bytes; digest null where the
                   line is text)
            key    the pseudonym key
    Gives   the content and source columns of bronze.events, and
              faults   array<string>  names; empty for a message that is fit for bronze
              digest   string         SHA-256 of the line; null without a fault
              length   bigint         bytes
              is_releasable  boolean  its faults can be cured, so its payload is kept
            With faults that are not releasable every column that the sender filled is null.
    """
    return (
        lines.transform(_parsed)
        .transform(_typed)
        .withColumn("faults", _faults())
        .transform(_cleaned, key)
    )


def _parsed(lines: DataFrame) -> DataFrame:
    # The array that a line is parsed in is closed by the line's own hash, which no line can hold:
    # text behind the message's last brace, or a second message in the line, makes the array broken
    # or longer. (Spark's parser reads one value and ignores what follows it.)
    end = F.xxhash64("line").cast("string")
    in_array = F.concat(F.lit("["), "line", F.lit(',{"":"'), end, F.lit('"}]'))
    messages = F.from_json(in_array, "array<map<string, string>>", _JSON)
    is_whole = (F.size("_messages") == 2) & F.get("_messages", 1)[""].eqNullSafe(end)
    return (
        lines.withColumn("_messages", messages)
        .withColumn("_envelope", F.when(is_whole, F.get("_messages", 0)))
        .drop("_messages")
    )


def _typed(lines: DataFrame) -> DataFrame:
    text = {field: F.col("_envelope")[field] for field in ENVELOPE}
    emitted_at = F.when(text["emitted_at"].rlike(_INSTANT), text["emitted_at"])
    return lines.select(
        "*",
        text["event_id"].alias("event_id"),
        text["feed"].alias("feed"),
        text["schema_version"].try_cast("int").alias("schema_version"),
        text["device_id"].alias("device_id"),
        text["shop_id"].alias("shop_id"),
        text["subject"].alias("_person"),
        emitted_at.try_cast("timestamp").alias("emitted_at"),
        text["payload"].alias("payload"),
    )


def faults() -> tuple[str, ...]:
    """The names that a line can be refused by here; lakehouse/landing.py has those of its bytes."""
    return tuple(_judged())


@functools.cache  # hundreds of calls into the JVM, the same for each batch
def _faults() -> Column:
    """The names of everything that keeps a line out of bronze, in the order they are judged."""
    named = [F.when(is_so, F.lit(name)) for name, is_so in _judged().items()]
    return rows.without_nulls(F.array("fault", *named))


def _judged() -> dict[str, Column]:
    """Each fault by its name: whether a line has it."""
    keys = F.map_keys("_envelope")
    fields = F.array(*(F.lit(field) for field in ENVELOPE))
    read = F.col("_envelope").isNotNull()
    versions = F.concat_ws("/", "feed", "schema_version")
    readable = [f"{feed.name}/{version}" for feed in FEEDS for version in feed.versions]
    machine = [feed.name for feed in FEEDS if feed.is_machine]
    known = F.col("feed").isin([feed.name for feed in FEEDS])
    return {
        "broken_json": F.col("fault").isNull() & ~read,
        "missing_envelope_fields": F.size(F.array_except(fields, keys)) > 0,
        "unknown_envelope_fields": F.size(F.array_except(keys, fields)) > 0,
        "duplicate_envelope_fields": F.size(F.array_distinct(keys)) < F.size(keys),
        "no_event_id": read & (F.coalesce(F.trim("event_id"), F.lit("")) == ""),
        "no_payload": read & ~F.coalesce(F.col("payload").startswith("{"), F.lit(False)),
        "unreadable_emitted_at": read & F.col("emitted_at").isNull(),
        **clocks.faults(),
        "unknown_feed": read & ~F.coalesce(known, F.lit(False)),
        "unknown_schema_version": known & ~F.coalesce(versions.isin(readable), F.lit(False)),
        **persons.faults("payload", "_person", is_machine=F.col("feed").isin(machine)),
        "person_in_envelope": persons.holds("event_id", "_person")
        | persons.holds("device_id", "_person")
        | persons.holds("shop_id", "_person")
        | persons.holds("feed", "_person"),
    }


def judged_again(waiting: DataFrame) -> DataFrame:
    """Lines whose faults could be cured, by today's declarations.

    Takes   waiting  releasable rows of ops.quarantine
    Gives   its columns, and `faults`: those of RELEASABLE that are left; free text counts too, as
            their feed may not have been known
    """
    line = waiting.withColumns({"_envelope": F.create_map(), "_person": F.lit(None).cast("string")})
    named = _judged()
    faults = [F.when(named[name], F.lit(name)) for name in (*RELEASABLE, "free_text")]
    nothing = F.lit(None).cast("string")
    return line.withColumn("faults", rows.without_nulls(F.array(*faults, nothing))).drop(
        "_envelope", "_person"
    )


def is_personal() -> Column:
    """Whether a message is about a person, by its feed and subject."""
    personal = [feed.name for feed in FEEDS if feed.is_personal]
    return F.col("feed").isin(personal) | F.col("subject").isNotNull()


def _cleaned(lines: DataFrame, key: persons.Key) -> DataFrame:
    is_fit = F.size("faults") == 0
    is_releasable = F.size(F.array_except("faults", F.array(*map(F.lit, RELEASABLE)))) == 0
    personal = [feed.name for feed in FEEDS if feed.is_personal]

    def kept(column: str) -> Column:
        return F.when(is_releasable, F.col(column)).alias(column)

    return lines.select(
        kept("event_id"),
        kept("feed"),
        kept("schema_version"),
        kept("device_id"),
        kept("shop_id"),
        F.when(is_releasable, persons.pseudonym("_person", key)).alias("subject"),
        kept("emitted_at"),
        kept("payload"),
        (F.col("feed").isin(personal) | F.col("_person").isNotNull()).alias("is_personal"),
        F.to_date("arrived_at").alias("arrived_on"),
        "source_object",
        "source_line",
        "arrived_at",
        "faults",
        F.when(~is_fit, F.coalesce("digest", F.sha2("line", 256))).alias("digest"),
        "length",
        is_releasable.alias("is_releasable"),
    )
