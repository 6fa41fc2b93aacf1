"""The models beside their baselines, beside other libraries, and beside bad ones.

    make bench-models                  every part
    make bench-models PART=oracles     one of them

Each part is a file beside this one, whose docstring says what it does.
"""

import importlib
import os
import shutil
import sys

from bench.results import publish
from lakehouse import s3, s3_server, session, settings
from lakehouse.settings import PROJECT

HOME = PROJECT / ".cache" / "bench-models"
PARTS = ("oracles", "judged", "repeats", "planted", "speed")


def main() -> None:
    """Run the parts, print and write the results."""
    wanted = os.environ.get("PART") or "all"
    if wanted not in (*PARTS, "all"):
        sys.exit(f"bench-models: no part called '{wanted}'; there are {', '.join(PARTS)}")
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    os.environ["LAKEHOUSE_HOME"] = str(HOME)
    where = settings.load(PROJECT / "conf" / "local.yml")
    rows = []
    try:
        with s3_server.running(where) as endpoint, session.spark(where, endpoint, "bench") as spark:
            s3.ensure_buckets(s3.client(where, endpoint), where.buckets.model_dump().values())
            for part in PARTS:
                if wanted in (part, "all"):
                    print(f"bench-models: {part}", file=sys.stderr, flush=True)
                    module = importlib.import_module(f"bench.models.{part}")
                    rows += module.figures(spark)
            publish("bench-models" if wanted == "all" else f"bench-models-{wanted}", rows)
    finally:
        shutil.rmtree(HOME, ignore_errors=True)
    if any(row.is_promise and not row.met for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
