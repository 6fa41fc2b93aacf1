"""lakehouse quarantine: which messages wait, and why; commands/correct.py has what is done to them."""

# ruff: noqa: PLC0415  Spark is loaded by the command that needs it, not by --help.

import json
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table as Grid

from lakehouse import tables
from lakehouse.commands.common import lake_of, out
from lakehouse.errors import BadQuery

app = typer.Typer(
    help="See why messages wait in ops.quarantine; repair, release or drop them.",
    no_args_is_help=True,
)

TABLE = Annotated[str | None, typer.Option("--table", help="Only what waits for this table.")]
RULE = Annotated[str | None, typer.Option("--rule", help="Only what broke this rule.")]
DEVICE = Annotated[str | None, typer.Option("--device", help="Only of this device.")]
SHOP = Annotated[str | None, typer.Option("--shop", help="Only of this shop.")]
_JSON = Annotated[bool, typer.Option("--json", help="For machines.")]


@app.command("list")
def listing(
    ctx: typer.Context,
    *,
    name: TABLE = None,
    rule: RULE = None,
    device: DEVICE = None,
    shop: SHOP = None,
    by_device: Annotated[bool, typer.Option("--by-device", help="A row a device.")] = False,
    as_json: _JSON = False,
) -> None:
    """Count what waits, by table and rule, and by device if asked; the most frequent first."""
    from lakehouse import rules

    group = "table_name, rule" + (", device_id" if by_device else "")
    where, given = _filter(name, rule, device, shop)
    with lake_of(ctx) as lake:
        rows = _rows(
            lake.sql().execute(
                f"SELECT {group}, count(*) AS messages, count(DISTINCT device_id) AS devices, "
                f"min(arrived_at) AS first_at, max(arrived_at) AS last_at FROM ({_EACH}) "
                f"WHERE {where} GROUP BY ALL ORDER BY messages DESC, {group}",
                given,
            )
        )
    suites = {name: rules.load(name) for name in {row["table_name"] for row in rows}}
    for row in rows:
        said = {rule.id: rule.sentence for rule in suites[row["table_name"]].rules}
        row["sentence"] = said.get(row["rule"], "")
    _show(rows, as_json=as_json)


@app.command("show")
def show(
    ctx: typer.Context,
    event_id: Annotated[
        str | None, typer.Argument(help="One message by its event_id: all that became of it.")
    ] = None,
    *,
    name: TABLE = None,
    rule: RULE = None,
    device: DEVICE = None,
    shop: SHOP = None,
    limit: Annotated[int, typer.Option(help="Rows to show.")] = 20,
    as_json: _JSON = False,
) -> None:
    """Show waiting messages with their payloads, or where one message is by now and why."""
    with lake_of(ctx) as lake:
        sql = lake.sql()
        if event_id is not None:
            _show(_traced(sql, event_id), as_json=as_json)
            return
        where, given = _filter(name, rule, device, shop)
        rows = _rows(
            sql.execute(
                "SELECT DISTINCT table_name, reasons, event_id, device_id, emitted_at, "
                f"payload, source_object || ':' || source_line AS message FROM ({_EACH}) "
                f"WHERE {where} ORDER BY emitted_at, message LIMIT {limit:d}",
                given,
            )
        )
    _show(rows, as_json=as_json)


_EACH = (
    "SELECT *, unnest(reasons) AS rule FROM ops.quarantine "
    "WHERE NOT list_contains(reasons, 'dropped')"
)


def _traced(sql: Any, event_id: str) -> list[dict[str, Any]]:
    """Every row of every table that came of a message."""
    names = ["bronze.events", "ops.quarantine", "ops.repeats"]
    names += [table.name for table in tables.SILVER]
    there = {name for (name,) in sql.execute(_VIEWS).fetchall()}
    found = []
    for name in names:
        if name not in there:
            continue
        answer = sql.execute(
            f"SELECT * EXCLUDE (source_object, source_line, arrived_at, batch_id), arrived_at, "
            f"batch_id, source_object || ':' || source_line AS message FROM {name} "
            "WHERE event_id = $1",
            [event_id],
        )
        found += [
            {
                "where": name,
                "message": row.pop("message"),
                "batch_id": row.pop("batch_id"),
                "row": {key: value for key, value in row.items() if value is not None},
            }
            for row in _rows(answer)
        ]
    if not found:
        raise BadQuery(f"no table has a message with the event_id {event_id!r}")
    return found


_VIEWS = "SELECT schema_name || '.' || view_name FROM duckdb_views() WHERE NOT internal"


@app.command("corrections")
def listed(ctx: typer.Context, as_json: _JSON = False) -> None:
    """List every correction that was declared, oldest first."""
    with lake_of(ctx) as lake:
        rows = _rows(
            lake.sql().execute(
                "SELECT correction_id, kind, feed, condition, changes, revokes, reason, "
                "declared_by, declared_at FROM bronze.corrections ORDER BY number"
            )
        )
    _show(rows, as_json=as_json, none="no correction was declared")


def _filter(
    name: str | None, rule: str | None, device: str | None, shop: str | None
) -> tuple[str, list[str]]:
    """The condition over a row a rule, and its values."""
    if name is not None:
        tables.by_name(name)
    said = {"table_name": name, "rule": rule, "device_id": device, "shop_id": shop}
    given = {column: value for column, value in said.items() if value is not None}
    return " AND ".join(f"{column} = ?" for column in given) or "true", list(given.values())


def _rows(answer: Any) -> list[dict[str, Any]]:
    names = [column[0] for column in answer.description or ()]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def _show(
    rows: list[dict[str, Any]], *, as_json: bool, none: str = "nothing waits that fits"
) -> None:
    if as_json:
        typer.echo(json.dumps(rows, default=str, ensure_ascii=False))
    elif not rows:
        out.print(none)
    else:
        grid = Grid(*rows[0], box=SIMPLE)
        for row in rows:
            grid.add_row(*("" if cell is None else escape(str(cell)) for cell in row.values()))
        out.print(grid)
