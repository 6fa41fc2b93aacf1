"""lakehouse demo: the whole way on a simulated world, then what to try next."""

import time
from typing import Annotated

import typer

from lakehouse import s3_server
from lakehouse.commands import show, world
from lakehouse.commands.common import out, place_of, settings_of

_NEXT = """\
next, with .venv/bin on the path:
  lakehouse verify
  lakehouse status
  lakehouse tables gold.shop_hours
  lakehouse sql "SELECT shop_id, business_on, sum(net_revenue_cents) / 100 AS revenue FROM gold.shop_hours GROUP BY ALL ORDER BY ALL"
  lakehouse sql "SELECT table_name, unnest(reasons) AS reason, count(*) AS messages FROM ops.quarantine GROUP BY ALL ORDER BY ALL"
"""


def demo(
    ctx: typer.Context,
    seed: Annotated[int, typer.Option(help="Same seed and settings, same bytes.")] = 1,
    days: Annotated[
        int | None,
        typer.Option(min=1, max=366, help="The last days of receipts.", show_default="settings"),
    ] = None,
) -> None:
    """Simulate, ingest, refine and build, with the time each takes; twice changes nothing."""
    where = world.sized(settings_of(ctx), days)
    seconds: dict[str, float] = {}
    began = time.monotonic()
    with s3_server.running(where) as endpoint:
        world.land(where, endpoint, seed)
        seconds["simulate"] = time.monotonic() - began
        opening = time.monotonic()
        with place_of(ctx, "demo") as place:
            seconds["open"] = time.monotonic() - opening
            for stage in ("ingest", "refine", "build"):
                _, seconds[stage] = show.run(place, stage)
            show.went_where(place, place.ledger.batches)  # a second demo shows the first one's too
    seconds["in all"] = time.monotonic() - began
    out.print(", ".join(f"{name} {took:.0f} s" for name, took in seconds.items()), highlight=False)
    out.print(_NEXT.rstrip(), highlight=False, soft_wrap=True, markup=False)


COMMANDS = (demo,)
