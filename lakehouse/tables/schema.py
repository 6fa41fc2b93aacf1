"""What a declaration says of a table and a column."""

from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True)
class Column:
    """One column.

    type       Spark DDL
    means      unit first where there is one
    is_origin  says where the row came from (source, batch, build, raw value): not content, so it
               is left out of the content hash
    is_never_null, check  hold by construction and are Delta constraints
    """

    name: str
    type: str
    means: str
    is_origin: bool = False
    is_never_null: bool = False
    check: str | None = None


@dataclass(frozen=True, eq=False)
class Table:
    """One Delta table.

    name        layer.table
    grain       what one row is
    key         the columns that tell rows apart
    upstream    the tables that its function takes, in the order of its parameters
    feed        the feed a silver table is refined from; one without is built from silver, like gold
    is_history  rows are versions of a reference row, each valid from .. to
    is_hot      its messages come by the thousand a second: a stream refines it as soon as it can
    refers      upstream reference tables: name -> the column of a row that says which one it means
    repeats     of the messages that agree in these columns the first arrival wins
    happened    the column with the event time
    windows     built tables: for an upstream table, SQL expressions over its rows that give the
                window to build anew; a change of an upstream table that is not named here builds
                everything
    by_subject  built tables: for an upstream table that holds what is known of subjects, the SQL
                expression that gives whose; a change of it builds anew every window in which the
                tables of `windows` have a row of that subject
    reach       built tables: how long before and after a window, whose last column is a day, the
                rows are that it is built from; at most a day
    lateness    past the end of its hour by more than this, a row is late
    retention   how long rows are kept; None is for ever
    clustered   liquid clustering (silver)
    partitioned directory partitioning (bronze)
    subjects    columns that hold a pseudonym
    consent     the purpose a subject must have agreed to
    """

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    upstream: tuple[str, ...] = ()
    feed: str | None = None
    is_history: bool = False
    is_hot: bool = False
    refers: dict[str, str] = field(default_factory=dict)
    repeats: tuple[str, ...] = ()
    happened: str | None = None
    windows: dict[str, tuple[str, ...]] = field(default_factory=dict)
    by_subject: dict[str, str] = field(default_factory=dict)
    reach: timedelta | None = None
    lateness: timedelta | None = None
    retention: timedelta | None = None
    clustered: tuple[str, ...] = ()
    partitioned: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    consent: str | None = None

    @property
    def layer(self) -> str:
        """bronze, silver, gold or ops."""
        return self.name.split(".")[0]

    @property
    def short_name(self) -> str:
        """The name without its layer: also the name of its function file."""
        return self.name.split(".")[1]

    @property
    def ddl(self) -> str:
        """The columns as Spark wants them in createDataFrame and in a reader's schema."""
        return ", ".join(f"{column.name} {column.type}" for column in self.columns)

    @property
    def column_names(self) -> tuple[str, ...]:
        """All columns in declared order."""
        return tuple(column.name for column in self.columns)

    @property
    def content(self) -> tuple[str, ...]:
        """The columns that the content hash is made of."""
        return tuple(column.name for column in self.columns if not column.is_origin)

    @property
    def skipping(self) -> tuple[str, ...]:
        """The columns whose least and greatest value a file's log entry holds, so that it may be
        skipped: those that the flow and readers look rows up by. All of gold's: its rows are few.
        """
        if self.layer not in ("bronze", "silver"):
            return ()
        wanted = [*self.clustered, *self.key, "feed", self.happened, "batch_id"]
        there = set(self.column_names) - set(self.partitioned)
        return tuple(name for name in dict.fromkeys(wanted) if name in there)

    @property
    def newest_by(self) -> str | None:
        """The column by which its newest event is known: the first instant in it."""
        if self.happened:
            return self.happened
        named = ("emitted_at", "hour_at", "last_bought_at", "valid_from", "to_at", "last_seen_at")
        return next((name for name in named if name in self.column_names), None)

    @property
    def uri(self) -> str:
        """The name by which Airflow schedules on it."""
        return "lakehouse://" + self.name.replace(".", "/")


def source_columns() -> tuple[Column, ...]:
    """Where a row's message lay in the landing zone, and which batch brought it."""
    return (
        Column("source_object", "string", "landing object of the message", True, True),
        Column("source_line", "int", "line in the object, from 1", True, True),
        Column("arrived_at", "timestamp", "UTC; the instant in the object's name", True, True),
        Column("batch_id", "string", "the ops.batches row that wrote it", True, True),
    )


def refined_columns() -> tuple[Column, ...]:
    """What every silver row says of its message."""
    means = "the corrections that met the message, in their order; null where none did"
    return (*source_columns(), Column("corrected_by", "array<string>", means, is_origin=True))


EVENT_ID = Column("event_id", "string", "the sender's id of the message", True, True)
SHOP = Column("shop_id", "string", "the shop it happened in")
LATE = Column(
    "is_late", "boolean", "arrived past the end of its hour plus the lateness", True, True
)
BUILD = Column("batch_id", "string", "the ops.batches row of the build that wrote it", True, True)
