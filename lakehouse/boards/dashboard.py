"""The dashboard: the pictures on loopback, with filters, the rows behind them, and CSV."""

import csv
import io
from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, abort, redirect, request
from werkzeug.datastructures import MultiDict
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from lakehouse import machine, tables
from lakehouse.boards import catalog, pages
from lakehouse.boards.asking import Asking
from lakehouse.boards.pages import Drawn, Part
from lakehouse.errors import BadMachine, BadQuery
from lakehouse.flow import status
from lakehouse.lake import Lake
from lakehouse.pictures import NAMES, Chosen, Page, Picture

ROWS_SHOWN = 200
ROWS_IN_CSV = 100_000
_YEAR_S = 365 * 24 * 3600
# Nothing from elsewhere, and nothing goes there; plotly writes styles itself.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src data: blob:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_LINKS = [(name.capitalize(), name, f"/{name}") for name in (*NAMES, "tables")]
_FOOT = "Loopback only; nothing is sent anywhere. Instants are UTC."


def app(lake: Lake) -> Flask:
    """The pages of a lakehouse."""
    made = Flask(__name__, static_folder=None)
    made.config["TRUSTED_HOSTS"] = [machine.LOOPBACK, "localhost"]
    asking = Asking(lake)

    @made.get("/")
    def first() -> Any:
        return redirect(f"/{NAMES[0]}")

    @made.get("/<any(flow, shops, models):name>")
    def page(name: str) -> Response:
        return Response(_page(asking, name), content_type="text/html; charset=utf-8")

    @made.get("/rows/<any(flow, shops, models):name>/<picture>")
    def rows(name: str, picture: str) -> str:
        return _rows(asking, name, _picture(asking, name, picture))

    @made.get("/csv/<any(flow, shops, models):name>/<picture>")
    def as_csv(name: str, picture: str) -> Response:
        return _csv(asking, _picture(asking, name, picture))

    @made.get("/tables")
    def dictionary() -> Any:
        if name := request.args.get("table"):  # a mark of a lineage
            return redirect(f"/tables/{name}")
        return _tables(request.args.get("search", ""))

    @made.get("/tables/<name>")
    def table(name: str) -> str:
        return _table(asking, name)

    @made.get("/<any('board.css', 'board.js', 'plotly.js'):name>")
    def file(name: str) -> Response:
        content = pages.plotly() if name == "plotly.js" else pages.file(name)
        kind = "text/css" if name.endswith("css") else "text/javascript"
        answer = Response(content, content_type=f"{kind}; charset=utf-8")
        if name == "plotly.js":
            answer.cache_control.max_age = _YEAR_S
        return answer

    @made.errorhandler(BadQuery)
    def refused(fault: BadQuery) -> tuple[str, int]:
        return _fault(f"It cannot be shown: {fault}."), 400

    @made.errorhandler(404)
    def unknown(_: Exception) -> tuple[str, int]:
        return _fault("There is no such page; the pages are named above."), 404

    @made.after_request
    def guard(answer: Response) -> Response:
        answer.headers["Content-Security-Policy"] = _POLICY
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Referrer-Policy"] = "no-referrer"
        return answer

    return made


def server(made: Flask, port: int) -> BaseWSGIServer:
    """A server of the pages on loopback; port 0 is any free one.

    Raises BadMachine where somebody else listens there.
    """
    if port and not machine.is_free(port):
        raise BadMachine(f"port {port} is taken; `lakehouse dashboard --port` names another")
    return make_server(machine.LOOPBACK, port, made, threaded=True, request_handler=_Silent)


class _Silent(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing of what went well."""


def chosen(given: "MultiDict[str, str]") -> Chosen:
    """What an address says is chosen; BadQuery where a day is none."""
    shops, segments = tuple(given.getlist("shop")), tuple(given.getlist("segment"))
    return Chosen(_day(given, "since"), _day(given, "until"), shops, segments)


def _day(given: "MultiDict[str, str]", name: str) -> date | None:
    said = given.get(name)
    try:
        return date.fromisoformat(said) if said else None
    except ValueError:
        raise BadQuery(f"{name} is {said!r}, not a day such as 2026-03-01") from None


def _query() -> str:
    """The choice as it stands in the address, for links that keep it."""
    kept = ("since", "until", "shop", "segment")
    return urlencode(
        [pair for pair in request.args.items(multi=True) if pair[0] in kept and pair[1]]
    )


def _mark() -> dict[str, str | None]:
    """The mark whose rows are asked for: the keys in the address; without a value is null."""
    keys = {name: value for name, value in request.args.items() if name.startswith("key.")}
    return {name.removeprefix("key."): value or None for name, value in keys.items()}


def _picture(asking: Asking, page: str, name: str) -> Picture:
    for one in _named(asking, page).pictures:
        if one.name == name:
            return one
    abort(404)


def _named(asking: Asking, name: str) -> Page:
    [found] = [page for page in asking.pages() if page.name == name]
    return found


def _render(template: str, **what: Any) -> str:
    return "".join(_stream(template, **what))


def _stream(template: str, **what: Any) -> Iterator[str]:
    known = {"links": _LINKS, "foot": _FOOT, "here": "", "query": "", "says": ""} | what
    return pages.environment().get_template(template).generate(**known)


def _page(asking: Asking, name: str) -> Iterator[str]:
    """A page piece by piece: a picture is sent while the next is asked for."""
    page = _named(asking, name)
    wanted = chosen(request.args)
    return _stream(
        "page.html",
        title=page.title,
        says=page.says,
        here=name,
        held_up=status.held_up(asking.lake) if name == "flow" else [],
        filters=page.filters,
        choices=asking.choices(),
        chosen=wanted,
        query=_query(),
        parts=[Part(name, "", "", (Drawn(asking.answer(one, wanted)) for one in page.pictures))],
    )


def _rows(asking: Asking, page: str, picture: Picture) -> str:
    mark = _mark()
    question = picture.behind(chosen(request.args), mark)
    fault, names, rows = None, [], []
    try:
        answer = asking.ask(f"FROM (\n{question}\n) LIMIT {ROWS_SHOWN + 1}")
        names, rows = answer.column_names, answer.slice(0, ROWS_SHOWN).to_pylist()
        is_more = len(answer) > ROWS_SHOWN
        shown = f"The first {ROWS_SHOWN} rows; CSV has more." if is_more else f"{len(rows)} rows."
    except BadQuery as refused:
        fault, shown = f"It cannot be shown: {refused}.", ""
    of = ", ".join(value or "nothing" for value in mark.values())
    return _render(
        "rows.html",
        title=f"Rows behind {picture.title}" + (f": {of}" if of else ""),
        here=page,
        name=picture.name,
        question=question,
        fault=fault,
        names=names,
        rows=rows,
        shown=shown,
        query=_query(),
        mark=urlencode([(f"key.{name}", value or "") for name, value in mark.items()]),
    )


def _tables(search: str) -> str:
    found = catalog.found(search)
    return _render(
        "tables.html",
        title="Tables",
        says="What each means. A word finds tables by name, grain and columns.",
        here="tables",
        search=search,
        found=found,
    )


def _table(asking: Asking, name: str) -> str:
    declared = {table.name: table for table in tables.TABLES}
    if name not in declared:
        abort(404)
    asking.pages()  # of the tables that there are now
    entry = catalog.of(asking, declared[name])
    return _render("table.html", title=name, says=entry.table.grain, here="tables", entry=entry)


def _csv(asking: Asking, picture: Picture) -> Response:
    """The answer behind a picture, or, with `rows`, the rows behind it."""
    wanted = chosen(request.args)
    has_rows = "rows" in request.args
    question = picture.behind(wanted, _mark()) if has_rows else picture.question(wanted)
    answer = asking.ask(f"FROM (\n{question}\n) LIMIT {ROWS_IN_CSV}")
    written = io.StringIO()
    lines = csv.writer(written, lineterminator="\n")
    lines.writerow(answer.column_names)
    lines.writerows(row.values() for row in answer.to_pylist())
    name = f"{picture.name}-rows.csv" if has_rows else f"{picture.name}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(written.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)


def _fault(sentence: str) -> str:
    return _render("fault.html", title="Not shown", fault=sentence)
