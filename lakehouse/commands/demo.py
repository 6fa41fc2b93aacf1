"""lakehouse demo: the whole way on a simulated world, then what to try next."""

# ruff: noqa: PLC0415  Spark is loaded by the command that needs it, not by --help.

import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from typing import TYPE_CHECKING

import typer

from lakehouse import s3_server
from lakehouse.commands import boards, show, world
from lakehouse.commands.common import Days, Seed, out, settings_of
from lakehouse.settings import Settings

if TYPE_CHECKING:
    from lakehouse.flow.place import Place

NEXT = """\
next, with .venv/bin on the path:
  lakehouse verify
  lakehouse status
  lakehouse dashboard  # the report's pictures with filters, and the rows behind them
  lakehouse build  # what was the matter with each device, day by day: some minutes more
  lakehouse tables gold.shop_hours
  lakehouse sql "SELECT shop_id, business_on, sum(net_revenue_cents) / 100 AS revenue FROM gold.shop_hours GROUP BY ALL ORDER BY ALL"
  lakehouse sql "SELECT table_name, reason, count(*) AS messages FROM ops.quarantine, unnest(reasons) AS of(reason) GROUP BY ALL ORDER BY ALL"
"""


def demo(ctx: typer.Context, seed: Seed = 1, days: Days = None) -> None:
    """Simulate, ingest, refine and build, with the time each takes; twice changes nothing."""
    where = world.sized(settings_of(ctx), days)
    took: list[str] = []
    began = time.monotonic()

    def end_of(name: str, since: float) -> float:
        now = time.monotonic()
        took.append(f"{name} {now - since:.0f} s")
        return now

    with ExitStack() as stack:
        endpoint = stack.enter_context(s3_server.running(where))
        # Another world is refused before Spark is started.
        has_landed = world.is_there(where, endpoint, seed)
        place = _land_and_ingest(stack, where, endpoint, None if has_landed else seed)
        since = end_of("simulate and ingest", began)
        show.run(place, "refine")
        since = end_of("refine", since)
        from lakehouse.flow import build

        show.run(place, build.STAGE, build.quick)
        show.lake_file(place)
        since = end_of(build.STAGE, since)
        report = boards.written(place.lake)
        end_of("report", since)
        show.went_where(place, place.ledger.batches)  # a second demo shows the first one's too
    end_of("in all", began)
    out.print(", ".join(took), highlight=False)
    out.print(f"report: {report.as_uri()}", highlight=False, soft_wrap=True)
    out.print(NEXT.rstrip(), highlight=False, soft_wrap=True, markup=False)


def _land_and_ingest(stack: ExitStack, where: Settings, endpoint: str, seed: int | None) -> "Place":
    """Ingest what lands while it lands, as it is in a shop, and then the rest; None: all landed."""

    def land() -> None:
        if seed is not None:
            world.land(where, endpoint, seed, progress)

    with show.display() as progress, ThreadPoolExecutor(1) as beside:
        landing = beside.submit(land)
        from lakehouse.flow import ingest
        from lakehouse.flow import place as places

        place = stack.enter_context(places.opened(where, "lakehouse demo"))
        while not landing.done():
            if ingest.pending(place):
                show.run_in(progress, place, "ingest", is_growing=True)
            else:
                wait([landing], timeout=1)
        landing.result()
        if ingest.pending(place):
            show.run_in(progress, place, "ingest")
    return place


COMMANDS = (demo,)
