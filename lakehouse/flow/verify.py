"""Verify: do the promises hold on the data at hand? Nothing of the lakehouse is changed."""

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import duckdb
from botocore.exceptions import BotoCoreError, ClientError
from deltalake.exceptions import DeltaError
from pyspark.errors import PySparkException

from lakehouse import tables
from lakehouse.errors import LakehouseError
from lakehouse.flow.place import Place
from lakehouse.flow.promises import accounted, doors, late, names, once, origin, replay
from lakehouse.flow.promises.evidence import Evidence

Check = Callable[[Evidence], Iterator[str]]

PROMISES: tuple[tuple[int, str, Check], ...] = (
    (1, "No message disappears", accounted.broken),
    (2, "Twice is once", once.repeated),
    (3, "Late is not lost", late.lost),
    (4, "Replay equals live", replay.differs),
    (5, "One rule, one place", replay.rules_broken),
    (6, "No customer by name", names.found),
    (7, "Known origin", origin.unknown),
    (8, "Any number of writers", once.lost),
    (9, "A bad cell is a value; a bad setting is an error", doors.undeclared),
    (10, "Gold needs no Spark to read", doors.closed),
)

# What a table gives that is damaged: it is a finding, as a check that cannot be made proves nothing.
_UNREADABLE = (
    duckdb.Error,
    DeltaError,
    PySparkException,
    BotoCoreError,
    ClientError,
    OSError,
    LakehouseError,
)


@dataclass(frozen=True)
class Finding:
    """What became of one promise; `details` are sentences, none where it is kept."""

    number: int
    sentence: str
    details: tuple[str, ...]
    seconds: float

    @property
    def is_kept(self) -> bool:
        """Whether the promise holds on the data at hand."""
        return not self.details


def promises(
    place: Place,
    only: Collection[int] | None = None,
    says: Callable[[str], object] = lambda sentence: None,
) -> Iterator[Finding]:
    """Check the promises, in order; a finding each, as soon as it is known.

    Takes   only  the numbers of those to check; all where it is None
            says  is called with the sentence of each check before it begins
    """
    missing = [table.name for table in tables.TABLES if not place.lake.exists(table)]
    evidence = Evidence(place)
    for number, sentence, check in PROMISES:
        if only is not None and number not in only:
            continue
        says(sentence)
        began = time.monotonic()
        if missing:
            details: tuple[str, ...] = (f"there is no table {', '.join(missing)}",)
        else:
            details = tuple(_checked(check, evidence))
        yield Finding(number, sentence, details, time.monotonic() - began)


def _checked(check: Check, evidence: Evidence) -> Iterator[str]:
    try:
        yield from check(evidence)
    except _UNREADABLE as fault:
        yield f"it cannot be checked: {' '.join(str(fault).split())[:300]}"
