"""What a declared table is in PostgreSQL: its columns, key, indexes, comments and rights."""

import hashlib
import json

from lakehouse.tables import Column, Table

SCHEMA = "gold"
ANALYST = "lakehouse_analyst"  # reads all of gold
SHOPS = "lakehouse_shops"  # reads of each table the rows of the shops whose role it is given too
SHOP = "lakehouse_shop_"  # and the shop's id

# Without a shop, but needed to read what a shop sees: what its goods are.
_FOR_SHOPS = ("gold.products",)
_PLAIN = {
    "string": "text",
    "bigint": "bigint",
    "int": "integer",
    "double": "double precision",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamptz",
}
_LAYOUT = 1  # raised where what is said here of every table changes


def name(table: Table) -> str:
    """The table's name in PostgreSQL, its schema before it."""
    return f"{SCHEMA}.{quoted(table.short_name)}"


def quoted(word: str) -> str:
    """A name of SQL."""
    return '"' + word.replace('"', '""') + '"'


def text(said: str) -> str:
    """A text of SQL."""
    return "'" + said.replace("'", "''") + "'"


def is_plain(column: Column) -> bool:
    """Whether PostgreSQL has its type; arrays, maps and structs are jsonb there."""
    return column.type in _PLAIN


def columns(table: Table) -> str:
    """The columns with their types, as CREATE TABLE wants them."""
    said = []
    for column in table.columns:
        never = " NOT NULL" if column.is_never_null else ""
        said.append(f"{quoted(column.name)} {_PLAIN.get(column.type, 'jsonb')}{never}")
    return ", ".join(said)


def digest(table: Table) -> str:
    """Another one where the declaration means another table in PostgreSQL."""
    made_of = [_LAYOUT, columns(table), *after(table)]
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:16]


def after(table: Table) -> list[str]:
    """What makes a table that was just filled whole: key, indexes, comments, rights."""
    key = ", ".join(quoted(column) for column in table.key)
    never_null = {column.name for column in table.columns if column.is_never_null}
    is_key = set(table.key) <= never_null
    said = [
        f"ALTER TABLE {name(table)} ADD PRIMARY KEY ({key})"
        if is_key
        else f"CREATE UNIQUE INDEX ON {name(table)} ({key}) NULLS NOT DISTINCT"
    ]
    names = set(table.column_names)
    others = [one for one in ("shop_id", "subject", "business_on", "hour_at") if one in names]
    said += [
        f"CREATE INDEX ON {name(table)} ({quoted(column)})"
        for column in others
        if column != table.key[0]
    ]
    said.append(f"COMMENT ON TABLE {name(table)} IS {text(table.grain)}")
    said += [
        f"COMMENT ON COLUMN {name(table)}.{quoted(column.name)} IS {text(column.means)}"
        for column in table.columns
    ]
    return said + _rights(table)


def _rights(table: Table) -> list[str]:
    said = [f"GRANT SELECT ON {name(table)} TO {ANALYST}"]
    if "shop_id" in table.column_names:
        # (A role is looked up, not named: the shop of a row need not have one.)
        theirs = (
            "EXISTS (SELECT FROM pg_catalog.pg_roles AS role "
            f"WHERE role.rolname = {text(SHOP)} || shop_id "
            "AND pg_has_role(current_user, role.oid, 'member'))"
        )
        said += [
            f"GRANT SELECT ON {name(table)} TO {SHOPS}",
            f"ALTER TABLE {name(table)} ENABLE ROW LEVEL SECURITY",
            f"CREATE POLICY analysts ON {name(table)} FOR SELECT TO {ANALYST} USING (true)",
            f"CREATE POLICY shops ON {name(table)} FOR SELECT TO {SHOPS} USING ({theirs})",
        ]
    elif table.name in _FOR_SHOPS:
        said.append(f"GRANT SELECT ON {name(table)} TO {SHOPS}")
    return said
