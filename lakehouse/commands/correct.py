"""lakehouse quarantine fix, drop, release, revoke: what was wrong with messages, and on they go."""

# ruff: noqa: PLC0415  Spark is loaded by the command that needs it, not by --help.

import json
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lakehouse import tables
from lakehouse.commands import show as shown
from lakehouse.commands.common import out, place_of
from lakehouse.commands.quarantine import DEVICE, RULE, SHOP, TABLE
from lakehouse.errors import BadCorrection, UnknownName
from lakehouse.tables import Table

if TYPE_CHECKING:
    from lakehouse.corrections import Correction
    from lakehouse.repairs import Scope

_NAME = Annotated[str, typer.Argument(metavar="TABLE", help="The silver table: silver.readings.")]
_DAYS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]
_SINCE = Annotated[
    datetime | None, typer.Option("--from", formats=_DAYS, help="Emitted from then on, UTC.")
]
_UNTIL = Annotated[
    datetime | None, typer.Option("--until", formats=_DAYS, help="Emitted before then, UTC.")
]
_MESSAGE = Annotated[
    str | None,
    typer.Option("--message", metavar="OBJECT:LINE", help="One message, as `show` names it."),
]
_WHY = Annotated[str, typer.Option("--why", help="The reason, in a sentence; it is kept.")]
_YES = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def fix(
    ctx: typer.Context,
    name: _NAME,
    *,
    why: _WHY,
    unit: Annotated[
        str | None, typer.Option(metavar="SENT=RIGHT", help="A wrong unit label: DEG=F.")
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="FIELD:SENT=RIGHT", help="A value by another; may stand several times."
        ),
    ] = None,
    swap: Annotated[
        str | None, typer.Option(metavar="FIELD,FIELD", help="Two fields changed places.")
    ] = None,
    shift: Annotated[
        str | None, typer.Option(metavar="FIELD=NUMBER", help="A number is too low by this.")
    ] = None,
    clock: Annotated[
        str | None, typer.Option(metavar="SECONDS", help="The sender's clock is slow by this.")
    ] = None,
    payload: Annotated[
        Path | None,
        typer.Option(exists=True, help="A JSON file: the payload of the one --message."),
    ] = None,
    device: DEVICE = None,
    shop: SHOP = None,
    since: _SINCE = None,
    until: _UNTIL = None,
    message: _MESSAGE = None,
    yes: _YES = False,
) -> None:
    """Declare what was wrong with messages. Refine reads them right from then on, new ones too.

    Bronze stays as it came. `lakehouse quarantine release` applies it now, the next run otherwise.
    """
    table = _silver(name)
    said = {
        "--unit": unit,
        "--map": values,
        "--swap": swap,
        "--shift": shift,
        "--clock": clock,
        "--payload": payload,
    }
    chosen = {option: text for option, text in said.items() if text}
    if len(chosen) != 1:
        raise typer.BadParameter(f"one of {', '.join(said)}", ctx)
    if "--payload" in chosen and message is None:
        raise typer.BadParameter("--payload is for the one --message", ctx)
    [(option, text)] = chosen.items()
    scope = _scope(device, shop, since, until, message)
    if option not in ("--unit", "--map"):  # these say by themselves what they are about
        _some(scope, ctx)
    wanted = _wanted(option, text, table.feed or "", scope)
    _declare(ctx, wanted, table, why, yes=yes)


def _wanted(option: str, text: Any, feed: str, scope: "Scope") -> "Correction":
    from lakehouse import repairs

    if option == "--unit":
        return repairs.mapped(feed, "unit", dict([_pair(option, text)]), scope)
    if option == "--map":
        parted = [one.partition(":") for one in text]
        if len({field for field, _, _ in parted}) > 1:
            raise BadCorrection("--map: one field at a time; declare another correction for others")
        pairs = dict(_pair(option, pair) for _, _, pair in parted)
        if len(pairs) < len(parted):
            raise BadCorrection("--map: a value stands twice; it can become one other only")
        return repairs.mapped(feed, parted[0][0], pairs, scope)
    if option == "--swap":
        one, _, other = text.partition(",")
        return repairs.swapped(feed, one.strip(), other.strip(), scope)
    if option == "--shift":
        field, number = _pair(option, text)
        return repairs.shifted(feed, field, _number(option, number), scope)
    if option == "--clock":
        return repairs.clock(feed, _seconds(option, text), scope)
    edited = text.read_text(encoding="utf-8").strip()
    try:
        is_object = isinstance(json.loads(edited, object_pairs_hook=_once), dict)
    except ValueError:
        is_object = False
    if not is_object:
        raise BadCorrection(f"{text}: not a JSON object in which each key stands once")
    return repairs.edited(feed, edited, scope)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError
    return dict(pairs)


def _declare(
    ctx: typer.Context, wanted: "Correction", table: Table, why: str, *, yes: bool
) -> None:
    from lakehouse.flow import once, quarantine

    with place_of(ctx, "quarantine") as place, once.in_one_sentence(place, "quarantine"):
        hit, waiting = quarantine.met(place, wanted)
        out.print(f"it meets {hit:,} messages in bronze, {waiting:,} of which wait in quarantine")
        if not (yes or typer.confirm("declare it?")):
            raise typer.Abort
        new = quarantine.fix(place, wanted, table, why)
    out.print(
        f"{new.correction_id} is declared; `lakehouse quarantine release` or the next run applies it",
        highlight=False,
    )


def drop(
    ctx: typer.Context,
    name: _NAME,
    *,
    why: _WHY,
    device: DEVICE = None,
    shop: SHOP = None,
    since: _SINCE = None,
    until: _UNTIL = None,
    message: _MESSAGE = None,
    yes: _YES = False,
) -> None:
    """Declare messages worthless: they rest in quarantine as `dropped` and are no longer listed."""
    from lakehouse import repairs

    table = _silver(name)
    scope = _some(_scope(device, shop, since, until, message), ctx)
    _declare(ctx, repairs.dropped(table.feed or "", scope), table, why, yes=yes)


def release(
    ctx: typer.Context,
    *,
    name: TABLE = None,
    rule: RULE = None,
    device: DEVICE = None,
    shop: SHOP = None,
    why: _WHY = "",
) -> None:
    """Judge again what waits, by today's rules and corrections, and put what is good into silver."""
    from lakehouse.flow import ingest, once, quarantine, refine

    table = None
    if name is not None:
        table = tables.by_name(name) if name == "bronze.events" else _silver(name)
    scope = _scope(device, shop, None, None, None)
    stages = ingest.STAGE, refine.STAGE
    with place_of(ctx, "quarantine") as place, ExitStack() as held:
        for stage in stages:
            held.enter_context(place.alone(stage))
        with once.in_one_sentence(place, "quarantine"):
            for stage in stages:
                once.recover(place, stage)
            done = quarantine.release(place, table, rule, scope, why)
        shown.went_where(place, done)
    out.print("`lakehouse build` brings gold up to it")


def revoke(
    ctx: typer.Context,
    correction_id: Annotated[str, typer.Argument(help="As `corrections` lists it: c1.")],
    why: _WHY,
) -> None:
    """Take a correction back; what it met is judged again without it by the next run."""
    from lakehouse.flow import quarantine

    with place_of(ctx, "quarantine") as place:
        new = quarantine.revoke(place, correction_id, why)
    out.print(f"{correction_id} is taken back by {new.correction_id}", highlight=False)


def _silver(name: str) -> Table:
    table = tables.by_name(name)
    if table.feed is None:
        fed = (one.name for one in tables.SILVER if one.feed)
        raise UnknownName("table with messages to repair", name, fed)
    return table


def _scope(
    device: str | None,
    shop: str | None,
    since: datetime | None,
    until: datetime | None,
    message: str | None,
) -> "Scope":
    from lakehouse.repairs import Scope

    position = None
    if message is not None:
        source_object, _, line = message.rpartition(":")
        if not source_object or not line.isdigit():
            raise BadCorrection(f"--message {message!r}: an object and a line, as `show` names it")
        position = source_object, int(line)
    since, until = (one.replace(tzinfo=UTC) if one else None for one in (since, until))
    return Scope(device, shop, since, until, position)


def _some(scope: "Scope", ctx: typer.Context) -> "Scope":
    """The scope, where it is not everything."""
    if not scope.sql():
        raise typer.BadParameter("say which: --device, --shop, --from, --until or --message", ctx)
    return scope


def _pair(option: str, text: str) -> tuple[str, str]:
    left, sign, right = text.partition("=")
    if not (left and sign and right):
        raise BadCorrection(f"{option} {text!r}: two parts with = between them")
    return left, right


def _number(option: str, text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise BadCorrection(f"{option}: {text!r} is no number")
    return number


def _seconds(option: str, text: str) -> timedelta:
    try:
        return timedelta(seconds=float(_number(option, text)))
    except OverflowError:
        raise BadCorrection(f"{option}: {text!r} seconds are too many") from None


COMMANDS = (fix, release, drop, revoke)
