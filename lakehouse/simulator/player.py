"""Live play: a world over and over, each object as if it arrived at the moment it lands."""

import gzip
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lakehouse.simulator import landing

# Reference sets are in force before the oldest message: late objects are up to six days old.
REFERENCE_AGE = timedelta(days=7)

_INSTANT = re.compile(rb'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)Z"')
# Ids that are used once: each pass over the world has its own.
_IDS = re.compile(rb'"(event_id|basket_id)":"')
_STEP = timedelta(milliseconds=1)  # no two objects are stamped alike


@dataclass(frozen=True)
class Played:
    """One object, to be landed now."""

    key: str
    body: bytes
    lines: int


@dataclass(frozen=True)
class _Object:
    """One object of the world, to be played again and again."""

    receiver: str
    arrived_at: datetime
    body: bytes
    is_packed: bool
    lines: int

    @property
    def is_reference(self) -> bool:
        return self.receiver.startswith("reference-")

    def stamped(self, at: datetime, moved: timedelta, own: str) -> Played:
        """The object as one that arrives `at`; its instants moved, its ids begun by `own`."""
        text = gzip.decompress(self.body) if self.is_packed else self.body
        text = _IDS.sub(rb'"\1":"' + own.encode() + b"-", _moved(text, moved))
        body = gzip.compress(text, landing.GZIP_LEVEL, mtime=0) if self.is_packed else text
        return Played(landing.key(self.receiver, at, is_packed=self.is_packed), body, self.lines)


def play(world: landing.Landing, begin: datetime, now: Callable[[], datetime]) -> Iterator[Played]:
    """The objects of a world in their order, for ever; each is stamped when it is asked for.

    Every instant in an object is moved by as much as its arrival, so that a message is as old as
    it was. Reference sets come first and once, `begin` of the world moved to REFERENCE_AGE ago.

    Takes   begin  when the world's sensors begin, UTC
            now    the clock
    """
    objects = _objects(world)
    began = last = now()
    own = f"{began:%y%m%d%H%M%S}"
    for one in (one for one in objects if one.is_reference):
        last = max(now(), last + _STEP)
        meant = one.arrived_at + (began - REFERENCE_AGE - begin)
        yield one.stamped(last, min(meant, last) - one.arrived_at, own)
    for turn in itertools.count(1):
        for one in (one for one in objects if not one.is_reference):
            last = max(now(), last + _STEP)
            yield one.stamped(last, last - one.arrived_at, f"{own}-{turn}")


def _objects(world: landing.Landing) -> list[_Object]:
    rows = world.objects[["receiver", "arrived_at", "lines"]].itertuples(index=False)
    return [
        _Object(
            receiver,
            arrived_at.to_pydatetime().replace(tzinfo=UTC),
            body,
            key.endswith(".gz"),
            lines,
        )
        for (receiver, arrived_at, lines), (key, body) in zip(
            rows, landing.bodies(world), strict=True
        )
    ]


def _moved(text: bytes, by: timedelta) -> bytes:
    """The text with every instant in it moved; what only looks like one stays."""

    def later(found: re.Match[bytes]) -> bytes:
        said = found[1].decode()
        try:
            moved = datetime.fromisoformat(said) + by
        except (ValueError, OverflowError):
            return found[0]
        return f'"{moved.isoformat(timespec="milliseconds")}Z"'.encode()

    return _INSTANT.sub(later, text)
