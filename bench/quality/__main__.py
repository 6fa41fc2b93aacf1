"""What is found of planted faults, and of real ones.

    make bench-quality

PART=faults, PART=real or PART=cost does one part. Each part's docstring says what it does: see
faults.py, real.py and cost.py beside this file.
"""

import importlib
import os
import sys
from importlib.util import find_spec

from bench.results import publish

_PARTS = ("faults", "real", "cost")


def main() -> None:
    """Do the parts asked for; print the table of each and write its results."""
    wanted = os.environ.get("PART", "")
    if wanted and wanted not in _PARTS:
        sys.exit(f"bench-quality: no part called '{wanted}'; there are {', '.join(_PARTS)}")
    for part in (wanted,) if wanted else _PARTS:
        name = f"bench.quality.{part}"
        if find_spec(name) is None:
            print(f"bench-quality: the part {part} is not there", file=sys.stderr)
            continue
        module = importlib.import_module(name)
        if part == "cost":
            module.main()  # it publishes by itself
        else:
            publish(f"quality-{part}", module.figures())


if __name__ == "__main__":
    main()
