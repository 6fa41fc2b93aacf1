"""lakehouse sql: a question, a file of one, or a prompt; answers as a table, CSV, JSON or Parquet."""

# ruff: noqa: PLC0415  what only the prompt needs is loaded by it.

import csv
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import pyarrow as pa
import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from lakehouse import query, settings
from lakehouse.commands.common import err, lake_of, out
from lakehouse.errors import BadQuery, LakehouseError

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession

_FORMATS = ("table", "csv", "json", "parquet")


def sql(
    ctx: typer.Context,
    question: Annotated[
        str | None,
        typer.Argument(
            metavar="[QUERY]",
            help="One SELECT; tables by name: gold.shop_hours. None: what is piped in, or a prompt.",
        ),
    ] = None,
    *,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", exists=True, help="A file with the question.")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help=f"{', '.join(_FORMATS)}.", show_default=True)
    ] = "table",
    as_csv: Annotated[bool, typer.Option("--csv", help="The same as --format csv.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the answer there.")
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="VERSION|TIME", help="Every table as it was; a time is in UTC."),
    ] = None,
    limit: Annotated[int, typer.Option(help="Rows to show of a table.")] = 50,
) -> None:
    """Query any table with DuckDB; nothing can be changed by it."""
    form = "csv" if as_csv else "json" if as_json else form
    if form not in _FORMATS:
        raise BadQuery(f"--format {form!r}: one of {', '.join(_FORMATS)}")
    if question and file:
        raise typer.BadParameter("either a question or --file", ctx)
    if form == "parquet" and output is None:
        raise BadQuery("--format parquet goes to a file: --output says which")
    asked = file.read_text(encoding="utf-8") if file else question
    if asked is None and not sys.stdin.isatty():
        asked = sys.stdin.read()
        if not asked.strip():
            raise typer.BadParameter("a question, --file or a terminal to ask at", ctx)
    when = None if as_of is None else query.when(as_of)
    with lake_of(ctx, is_asked=True) as lake:
        session = query.Session(lake, when)
        if asked is None:
            _prompt(session, limit)
        else:
            _give(session.ask(asked), form, output, limit)


def _give(answer: pa.Table, form: str, output: Path | None, limit: int) -> None:
    if form == "parquet":
        import pyarrow.parquet as pq

        pq.write_table(answer, output)
    elif form == "table":
        _show(answer, limit, output)
    elif output is None:
        typer.echo(_text(answer, form), nl=False)
    else:
        output.write_text(_text(answer, form), encoding="utf-8")


def _text(answer: pa.Table, form: str) -> str:
    if form == "json":
        return json.dumps(answer.to_pylist(), default=str, ensure_ascii=False) + "\n"
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(answer.column_names)
    rows.writerows(row.values() for row in answer.to_pylist())
    return text.getvalue()


def _show(answer: pa.Table, limit: int, output: Path | None = None) -> None:
    grid = Grid(*answer.column_names, box=SIMPLE)
    for row in answer.slice(0, limit).to_pylist():
        grid.add_row(*("" if cell is None else escape(str(cell)) for cell in row.values()))
    if output:
        with output.open("w", encoding="utf-8") as file:
            Console(file=file, width=200).print(grid)
    else:
        out.print(grid)
    if len(answer) > limit:
        err.print(f"{limit} of {len(answer):,} rows; --limit, --csv or --json give more")


def _prompt(session: query.Session, limit: int) -> None:
    """Ask and answer until the end of input: completion, history, long answers in a pager."""
    asks = _asks()
    err.print("one SELECT, ended by `;`; Ctrl-D ends, `.tables` lists them", highlight=False)
    while True:
        try:
            asked = asks.prompt("sql> ").strip().rstrip(";")
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if asked == ".tables":
            out.print("\n".join(session.there), highlight=False)
            continue
        if not asked:
            continue
        try:
            answer = session.ask(asked)
        except LakehouseError as fault:
            err.print(str(fault), highlight=False, markup=False)
            continue
        if len(answer) > out.height:
            with out.pager():
                _show(answer, max(limit, len(answer)))
        else:
            _show(answer, limit)


def _asks() -> "PromptSession[str]":
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import WordCompleter
    from prompt_toolkit.history import FileHistory

    words = [*query.names(), "SELECT", "FROM", "WHERE", "GROUP BY ALL", "ORDER BY", "LIMIT", "JOIN"]
    folder = settings.home()
    folder.mkdir(parents=True, exist_ok=True)
    return PromptSession(
        completer=WordCompleter(words, ignore_case=True, WORD=True),
        history=FileHistory(str(folder / "sql-history")),
    )


COMMANDS = (sql,)
