"""bronze.corrections, read and written: no Spark, and no more than what is there."""

import functools
import getpass
import os
from dataclasses import asdict, replace
from datetime import UTC, datetime

from lakehouse import corrections, tables
from lakehouse.corrections import Correction
from lakehouse.errors import BadCorrection
from lakehouse.flow.place import Place
from lakehouse.lake import Lake

TABLE = tables.by_name("bronze.corrections")
STAGE = "corrections"


def who() -> str:
    """Who does something by hand, as the machine calls them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may know its user by number only
        return f"user {os.getuid()}"


def every(lake: Lake, version: int) -> tuple[Correction, ...]:
    """All that was declared up to a version of the table, in the order of declaration."""
    return _read(lake, version) if version > 0 else ()


def in_force(lake: Lake, version: int, feed: str | None) -> tuple[Correction, ...]:
    """The corrections of a feed that count at a version of the table."""
    return corrections.in_force(every(lake, version), feed)


@functools.lru_cache(maxsize=16)  # a version never changes; each batch asks for two of them
def _read(lake: Lake, version: int) -> tuple[Correction, ...]:
    columns = ("correction_id", "number", "kind", "feed", "condition", "changes", "revokes")
    rows = lake.read(TABLE, *columns, version=version).to_pylist()
    found = {row.pop("number"): row for row in rows}
    return tuple(
        Correction(**row | {"changes": dict(row["changes"] or [])})
        for _, row in sorted(found.items())
    )


def add(place: Place, wanted: Correction, reason: str) -> Correction:
    """Declare a correction; give it with its id. Refine applies it from its next batch on.

    Raises BadCorrection where the same is in force: a shift would shift twice.
    """
    with place.alone(STAGE):
        known = every(place.lake, place.lake.version(TABLE))
        for one in corrections.in_force(known, wanted.feed):
            if replace(one, correction_id="") == wanted:
                raise BadCorrection(f"{one.correction_id} says the same, and is in force")
        number = len(known) + 1
        new = replace(wanted, correction_id=f"c{number}")
        row = asdict(new) | {
            "number": number,
            "changes": list(new.changes.items()),
            "reason": reason,
            "declared_by": who(),
            "declared_at": datetime.now(UTC),
        }
        place.lake.add(TABLE, [row])
    return new
