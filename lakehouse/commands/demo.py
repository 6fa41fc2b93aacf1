"""lakehouse demo: the whole way on a simulated world, then what to try next."""

# ruff: noqa: PLC0415  Spark is loaded by the command that needs it, not by --help.

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING

import typer

from lakehouse import s3_server
from lakehouse.commands import show, world
from lakehouse.commands.common import Days, Seed, out, settings_of
from lakehouse.settings import Settings

if TYPE_CHECKING:
    from lakehouse.flow.place import Place

_NEXT = """\
next, with .venv/bin on the path:
  lakehouse verify
  lakehouse status
  lakehouse tables gold.shop_hours
  lakehouse sql "SELECT shop_id, business_on, sum(net_revenue_cents) / 100 AS revenue FROM gold.shop_hours GROUP BY ALL ORDER BY ALL"
  lakehouse sql "SELECT table_name, unnest(reasons) AS reason, count(*) AS messages FROM ops.quarantine GROUP BY ALL ORDER BY ALL"
"""


def demo(ctx: typer.Context, seed: Seed = 1, days: Days = None) -> None:
    """Simulate, ingest, refine and build, with the time each takes; twice changes nothing."""
    where = world.sized(settings_of(ctx), days)
    seconds: dict[str, float] = {}
    began = time.monotonic()
    with ExitStack() as stack, ThreadPoolExecutor(1) as beside:
        endpoint = stack.enter_context(s3_server.running(where))
        world.is_there(where, endpoint, seed)  # refuses another one before Spark is started
        opening = beside.submit(lambda: stack.enter_context(_opened(where)))
        world.land(where, endpoint, seed)
        seconds["simulate"] = time.monotonic() - began
        place = opening.result()
        seconds["open"] = time.monotonic() - began - seconds["simulate"]
        for stage in ("ingest", "refine", "build"):
            _, seconds[stage] = show.run(place, stage)
        show.went_where(place, place.ledger.batches)  # a second demo shows the first one's too
    seconds["in all"] = time.monotonic() - began
    out.print(", ".join(f"{name} {took:.0f} s" for name, took in seconds.items()), highlight=False)
    out.print(_NEXT.rstrip(), highlight=False, soft_wrap=True, markup=False)


def _opened(where: Settings) -> AbstractContextManager["Place"]:
    from lakehouse.flow import place

    return place.opened(where, "lakehouse demo")


COMMANDS = (demo,)
