"""Nothing lost, nothing twice: what befalls a lakehouse on purpose.

    make chaos                      every part
    make chaos PART=answers         one of them; SEED=2 for other instants

A part breaks a promise or keeps it. Where it has a control, which does without what keeps the
promise, that has to break it, or the part has shown nothing. Exits 1 where a part broke a promise, or a
control did not.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable

from bench.chaos import commits, kills, outages
from bench.chaos.drivers import HOME, Outcome
from bench.results import Row, publish
from lakehouse import s3_server, settings
from lakehouse.settings import Settings

_MINUTES = 90

PARTS: dict[str, Callable[[str, int], Outcome]] = {
    "kills": kills.kills,
    "writers": commits.writers,
    "merges": commits.merges,
    "answers": commits.answers,
    "outages": outages.outages,
    "throughput": commits.throughput,
}


def main() -> None:
    """Run the parts, print and write the results."""
    wanted = os.environ.get("PART") or "all"
    seed = int(os.environ.get("SEED") or 1)
    if wanted not in (*PARTS, "all"):
        sys.exit(f"chaos: no part called '{wanted}'; there are {', '.join(PARTS)}")
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    os.environ["LAKEHOUSE_HOME"] = str(HOME / "home")
    rows, broken = [], []
    since = time.monotonic()
    with s3_server.running(Settings()) as endpoint:
        s3_server.start(settings.home())  # it may be killed and started again
        try:
            for name, part in PARTS.items():
                if wanted in (name, "all"):
                    began = time.monotonic()
                    try:
                        outcome = part(endpoint, seed)
                    except (RuntimeError, TimeoutError) as fault:
                        outcome = Outcome(broken=[str(fault)])
                    minutes = (time.monotonic() - began) / 60
                    rows += [*outcome.rows, Row(f"{name}, all of it", minutes, "min")]
                    print(f"chaos: {name} took {minutes:.1f} min", flush=True)
                    broken += [f"{name} (SEED={seed}): {what}" for what in outcome.broken]
        finally:
            s3_server.stop(settings.home())
    if wanted == "all":
        minutes = (time.monotonic() - since) / 60
        rows.append(Row("the whole", minutes, "min", _MINUTES, is_at_most=True))
    publish("chaos" if wanted == "all" else f"chaos-{wanted}", rows)
    if broken:
        sys.exit("\n".join(broken))
    shutil.rmtree(HOME, ignore_errors=True)


if __name__ == "__main__":
    main()
