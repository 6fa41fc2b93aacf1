"""A table's newest version into PostgreSQL: in one transaction, only what differs, and counted."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
from pg8000.exceptions import DatabaseError
from pg8000.native import Connection

from lakehouse.errors import BadSetting, ServerFault
from lakehouse.lake import Lake, duckdb_folder
from lakehouse.publishing import shape
from lakehouse.tables import Table

_NEAR = 1e-9  # sums of doubles in another order
_NUMBERS = ("bigint", "int", "double")
_PUBLISHED = "lakehouse.published"
_NAME_BYTES = 63


@dataclass(frozen=True)
class Published:
    """What became of a table: its version and rows, how many were written and removed."""

    table: Table
    version: int
    rows: int
    written: int
    removed: int
    how: str  # new, changed, as it was


def prepare(connection: Connection) -> None:
    """Make schemas, roles and the record of what was published, where they are not there."""
    readers = f"{shape.ANALYST}, {shape.SHOPS}"
    with _transaction(connection):
        connection.run("SELECT pg_advisory_xact_lock(hashtext('lakehouse.prepare'))")
        connection.run("CREATE SCHEMA IF NOT EXISTS lakehouse")
        connection.run(f"CREATE SCHEMA IF NOT EXISTS {shape.SCHEMA}")
        connection.run(
            f"CREATE TABLE IF NOT EXISTS {_PUBLISHED} (table_name text PRIMARY KEY, version bigint "
            "NOT NULL, rows bigint NOT NULL, shape text NOT NULL, identity text NOT NULL, "
            "published_at timestamptz NOT NULL DEFAULT now())"
        )
        for role in (shape.ANALYST, shape.SHOPS):
            _make_role(connection, role)
        connection.run(f"GRANT USAGE ON SCHEMA {shape.SCHEMA}, lakehouse TO {readers}")
        connection.run(f"GRANT SELECT ON {_PUBLISHED} TO {readers}")


def publish(
    connection: Connection,
    lake: Lake,
    sql: duckdb.DuckDBPyConnection,
    table: Table,
    *,
    in_full: bool = False,
) -> Published:
    """Bring one table up to its newest version; readers see the old rows until all is checked.

    Takes   sql      DuckDB on the storage
            in_full  write it anew although the version is there
    Raises  ServerFault where PostgreSQL then holds other rows than gold, BadSetting where there is
            another table of that name: nothing has changed there
    """
    try:
        with _transaction(connection):
            # What is there is asked for by who holds the lock: nobody else changes it then.
            connection.run(
                "SELECT pg_advisory_xact_lock(hashtext('lakehouse.publish'), hashtext(:table))",
                table=table.name,
            )
            done = _brought(connection, lake, sql, table, in_full=in_full)
    except DatabaseError as fault:
        # (Of its words only the sentence: the rest may quote a row.)
        raise ServerFault(f"{table.name}: PostgreSQL refuses it: {fault.args[0]['M']}") from None
    if done.how != "as it was":
        connection.run(f"ANALYZE {shape.name(table)}")
    return done


def _brought(
    connection: Connection,
    lake: Lake,
    sql: duckdb.DuckDBPyConnection,
    table: Table,
    *,
    in_full: bool,
) -> Published:
    version = lake.version(table)
    there, before = _before(connection, lake, table)
    if there == version and not in_full:
        return Published(table, version, lake.rows(table, version), 0, 0, "as it was")
    source = f"delta_scan('{lake.uri(table)}', version = {version})"
    if there is None or in_full:
        written, removed = _anew(connection, sql, table, source), 0
    else:
        written, removed = _changed(connection, sql, table, source)
    if table.name == "gold.shops":
        for [shop] in connection.run(f"SELECT shop_id FROM {shape.name(table)}"):
            _make_role(connection, shape.SHOP + shop)
    rows = _checked(connection, sql, table, source)
    connection.run(
        f"INSERT INTO {_PUBLISHED} VALUES (:table, :version, :rows, :shape, :identity) "
        "ON CONFLICT (table_name) DO UPDATE SET version = EXCLUDED.version, "
        "rows = EXCLUDED.rows, shape = EXCLUDED.shape, identity = EXCLUDED.identity, "
        "published_at = now()",
        table=table.name,
        version=version,
        rows=rows,
        shape=shape.digest(table),
        identity=_identity(lake, table),
    )
    return Published(table, version, rows, written, removed, "changed" if before else "new")


@contextmanager
def _transaction(connection: Connection) -> Iterator[None]:
    connection.run("BEGIN")
    try:
        yield
        connection.run("COMMIT")
    except BaseException:
        connection.run("ROLLBACK")
        raise


def state(connection: Connection) -> dict[str, tuple[int, str, str]]:
    """Version, shape and identity of each published table; none before the first time."""
    [[there]] = connection.run("SELECT to_regclass(:name)::text", name=_PUBLISHED)
    if there is None:
        return {}
    found = connection.run(f"SELECT table_name, version, shape, identity FROM {_PUBLISHED}")
    return {name: (version, *others) for name, version, *others in found}


def _before(connection: Connection, lake: Lake, table: Table) -> tuple[int | None, bool]:
    """The version that is there, None where it is of no use; and whether any is.

    Raises BadSetting where a table of that name is there that was not published from here.
    """
    known = state(connection).get(table.name)
    [[found]] = connection.run("SELECT to_regclass(:name)::text", name=shape.name(table))
    if found is None:
        return None, False
    if known is None:
        raise BadSetting(
            f"there is a {table.name} in that database that `lakehouse publish` did not make; "
            "rename it, or publish into another database"
        )
    version, as_shaped, identity = known
    # (A lakehouse that was made anew begins to count anew.)
    is_of_use = (as_shaped, identity) == (shape.digest(table), _identity(lake, table))
    return (version if is_of_use else None), True


def _identity(lake: Lake, table: Table) -> str:
    """What Delta calls the table, however its versions are counted."""
    return str(lake.open(table).metadata().id)


def _make_role(connection: Connection, role: str) -> None:
    """A group without a login: who may enter is given it by the database's owner.

    Raises BadSetting where PostgreSQL would cut its name, so that two shops had one role.
    """
    if len(role.encode()) > _NAME_BYTES:
        raise BadSetting(f"the role {role!r} is longer than PostgreSQL's {_NAME_BYTES} bytes")
    [[there]] = connection.run(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = :role)", role=role
    )
    if not there:
        connection.run(f"CREATE ROLE {shape.quoted(role)} NOLOGIN")


def _anew(connection: Connection, sql: duckdb.DuckDBPyConnection, table: Table, source: str) -> int:
    connection.run(f"DROP TABLE IF EXISTS {shape.name(table)}")
    connection.run(f"CREATE TABLE {shape.name(table)} ({shape.columns(table)})")
    written = _copied(connection, sql, table, source, shape.name(table))
    for statement in shape.after(table):
        connection.run(statement)
    return written


def _changed(
    connection: Connection, sql: duckdb.DuckDBPyConnection, table: Table, source: str
) -> tuple[int, int]:
    """Write and remove the rows that differ: the others stay, and with them indexes and grants."""
    new, old = "pg_temp.newest", shape.name(table)
    connection.run(f"CREATE TEMPORARY TABLE newest (LIKE {old}) ON COMMIT DROP")
    _copied(connection, sql, table, source, new)
    connection.run("ANALYZE pg_temp.newest")
    same = _same_key(table)
    connection.run(
        f"DELETE FROM {old} AS present WHERE NOT EXISTS (SELECT FROM {new} AS newest "
        f"WHERE {same} AND ROW(newest.*) IS NOT DISTINCT FROM ROW(present.*))"
    )
    removed = connection.row_count
    connection.run(
        f"INSERT INTO {old} SELECT * FROM {new} AS newest "
        f"WHERE NOT EXISTS (SELECT FROM {old} AS present WHERE {same})"
    )
    written = connection.row_count
    return written, removed


def _same_key(table: Table) -> str:
    """Rows called present and newest of the same key; equality alone can be hashed."""
    never_null = {column.name for column in table.columns if column.is_never_null}
    return " AND ".join(
        f"newest.{shape.quoted(key)} {'=' if key in never_null else 'IS NOT DISTINCT FROM'} "
        f"present.{shape.quoted(key)}"
        for key in table.key
    )


def _copied(
    connection: Connection,
    sql: duckdb.DuckDBPyConnection,
    table: Table,
    source: str,
    into: str,
) -> int:
    """Send all rows of a version by COPY; give how many."""
    names = ", ".join(shape.quoted(column.name) for column in table.columns)
    wanted = ", ".join(
        shape.quoted(column.name)
        if shape.is_plain(column)
        else f"to_json({shape.quoted(column.name)})::VARCHAR AS {shape.quoted(column.name)}"
        for column in table.columns
    )
    folder = duckdb_folder() / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder) as made:
        path = Path(made) / "rows.csv"
        # A null is \N on both sides; a text that reads so is in quotes.
        form = "(FORMAT csv, HEADER false, NULLSTR '\\N')"
        sql.execute(f"COPY (SELECT {wanted} FROM {source}) TO '{path}' {form}")
        with path.open("rb") as rows:
            connection.run(
                f"COPY {into} ({names}) FROM STDIN WITH (FORMAT csv, NULL '\\N')", stream=rows
            )
    return int(connection.row_count)


def _checked(
    connection: Connection, sql: duckdb.DuckDBPyConnection, table: Table, source: str
) -> int:
    """How many rows there are, once their number and every sum are those of gold."""
    numbers = [column.name for column in table.columns if column.type in _NUMBERS]
    sums = [f"sum({shape.quoted(name)})" for name in numbers]
    wanted = ", ".join(["count(*)", *sums])
    [there] = connection.run(f"SELECT {wanted} FROM {shape.name(table)}")
    found = sql.sql(f"SELECT {wanted} FROM {source}").fetchone()
    for name, ours, theirs in zip(["rows", *numbers], found or (), there, strict=True):
        if not _is_same(ours, theirs):
            what = "rows" if name == "rows" else f"{name} in sum"
            raise ServerFault(
                f"{table.name}: PostgreSQL would hold {theirs} {what}, gold has {ours}; nothing was "
                "changed there (`lakehouse publish --full` writes it anew)"
            )
    return int(there[0])


def _is_same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, float) and isinstance(theirs, int | float | Decimal):
        return math.isclose(ours, float(theirs), rel_tol=_NEAR, abs_tol=_NEAR) or (
            math.isnan(ours) and math.isnan(theirs)
        )
    return bool(ours == theirs)
