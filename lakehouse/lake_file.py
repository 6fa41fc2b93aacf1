"""lake.duckdb: gold under its own names, for any tool that opens a file of DuckDB.

It holds views and what their columns mean, no row: a view reads the table's newest version on the
storage. The key that goes with it reads the bucket of gold and nothing else.
"""

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb

from lakehouse import keys
from lakehouse.errors import MissingKey
from lakehouse.lake import Lake, connected, duckdb_folder, secret
from lakehouse.settings import home

_SECRET = "lakehouse_reader"


def path() -> Path:
    """Where the file is."""
    return home() / "lake.duckdb"


def secrets() -> Path:
    """The folder of its key."""
    return duckdb_folder() / "reader"


def config() -> dict[str, Any]:
    """What a tool has to tell DuckDB to open it."""
    return {
        "extension_directory": str(duckdb_folder()),
        "secret_directory": str(secrets()),
    }


def write(lake: Lake) -> Path:
    """Make the file as the tables of gold are declared and there; it stays where it is that already.

    Who has it open keeps what was there.

    Raises MissingKey where a storage of your own has no key for readers.
    """
    there = [table for table in lake.existing() if table.layer == "gold"]
    credentials = keys.limited(lake.settings, "reader")
    said = secret(lake.settings, lake.endpoint, credentials)
    views = [
        statement
        for table in there
        for statement in (
            f"CREATE VIEW {table.name} AS SELECT * FROM delta_scan('{lake.uri(table)}')",
            f"COMMENT ON VIEW {table.name} IS {_text(table.grain)}",
            *(
                f'COMMENT ON COLUMN {table.name}."{column.name}" IS {_text(column.means)}'
                for column in table.columns
            ),
        )
    ]
    made_of = hashlib.sha256(json.dumps([said, *views]).encode()).hexdigest()
    if _made_of() == made_of:
        return path()
    secrets().mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path().with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with connected(str(draft), "httpfs", "delta", secrets=secrets()) as connection:
        scope = f"SCOPE 's3://{lake.settings.buckets.gold}/'"
        connection.execute(f"CREATE OR REPLACE PERSISTENT SECRET {_SECRET} ({said}, {scope})")
        connection.execute("CREATE SCHEMA gold")
        for statement in views:
            connection.execute(statement)
        connection.execute("CREATE TABLE made_of AS SELECT ? AS digest", [made_of])
    return draft.replace(path())


def keep(lake: Lake) -> str | None:
    """Make the file after a build; a storage without a key for readers has none.

    The sentence why it stays as it was, where the storage refuses that key.
    """
    try:
        write(lake)
    except MissingKey:
        pass
    except duckdb.IOException:  # a build is none the worse for it
        return (
            f"lake.duckdb stays as it was: the key of readers does not open the bucket "
            f"{lake.settings.buckets.gold!r} (our own server learns it when it is started)"
        )
    return None


def _made_of() -> str | None:
    """The digest that the present file was made of; None without one that can be read."""
    with (
        suppress(duckdb.Error),
        duckdb.connect(str(path()), read_only=True, config=config()) as connection,
    ):
        found = connection.execute("SELECT digest FROM made_of").fetchone()
        return found[0] if found else None
    return None


def _text(said: str) -> str:
    return "'" + said.replace("'", "''") + "'"
