"""What the lakehouse makes of the feeds, against truth.

    make bench-feeds                    every part
    make bench-feeds PART=positions     one of them

Each part prints errors against truth, with a naive method beside them; `growth` what 20 shops take.
"""

import os
import shutil
import sys
from collections.abc import Callable

from pyspark.sql import SparkSession

from bench.feeds import distances, fences, growth, positions, stock, visits
from bench.results import Row, publish
from lakehouse import s3_server, session, settings
from lakehouse.settings import PROJECT

HOME = PROJECT / ".cache" / "bench-feeds"

# Each part: what gives its rows, one after the other.
PARTS: dict[str, tuple[Callable[[SparkSession], list[Row]], ...]] = {
    "positions": (positions.figures, distances.figures),
    "shelves": (stock.figures,),
    "visits": (visits.figures,),
    "fences": (fences.figures,),
    "growth": (growth.figures,),
}


def main() -> None:
    """Run the parts, print and write the results."""
    wanted = os.environ.get("PART") or "all"
    if wanted not in (*PARTS, "all"):
        sys.exit(f"bench-feeds: no part called '{wanted}'; there are {', '.join(PARTS)}")
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    os.environ["LAKEHOUSE_HOME"] = str(HOME)
    where = settings.load(PROJECT / "conf" / "local.yml")
    try:
        with s3_server.running(where) as endpoint, session.spark(where, endpoint, "bench") as spark:
            parts = [part for name in PARTS if wanted in (name, "all") for part in PARTS[name]]
            rows = [row for part in parts for row in part(spark)]
            publish("bench-feeds" if wanted == "all" else f"bench-feeds-{wanted}", rows)
    finally:
        shutil.rmtree(HOME, ignore_errors=True)


if __name__ == "__main__":
    main()
