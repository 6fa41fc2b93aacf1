"""Work that a stream does again and again beside its query, and how its silence is noticed."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lakehouse.flow.place import Place
from lakehouse.flow.refine import Groups
from lakehouse.ledger import Batch

NEWS_SECONDS = 0.1  # how long a batch that another stage waits for may go unseen
# Spark reports an idle stream every 10 s; only one long batch, or a stream that hangs, is so quiet.
SILENT_SECONDS = 600.0


@dataclass
class Sign:
    """When something last showed a sign of life."""

    seen_at: float = field(default_factory=time.monotonic)
    sign: object = None
    is_silent: bool = False


class Loop(threading.Thread):
    """Work on some tables that is done again and again until the place is closing."""

    def __init__(
        self,
        place: Place,
        stage: str,
        of: Groups,
        work: Callable[[], object],
        every_s: float,
        *,
        follows: str | None = None,
    ) -> None:
        """Take what to do, and how often, and a stage after whose batches it is due at once."""
        super().__init__(name=stage, daemon=True)
        self.place = place
        self.stage = stage
        self.names = {table.name for group in of for table in group}
        self.work = work
        self.every_s = every_s
        self.follows = follows
        self.followed: str | None = None
        self.turns = 0
        self.is_busy = False
        self.fault: Exception | None = None
        self.seen = Sign()

    def run(self) -> None:
        began = time.monotonic()
        while not self._rests(began):
            began, self.followed = time.monotonic(), self._newest_followed()
            self.is_busy = True
            try:
                self.work()
            except Exception as fault:  # it is raised by who watches
                self.fault = fault
                return
            self.is_busy = False
            self.turns += 1

    def _rests(self, since: float) -> bool:
        """Wait until work is due; True where the place is closing."""
        while time.monotonic() < since + self.every_s and self._newest_followed() == self.followed:
            if self.place.closing.wait(min(self.every_s, NEWS_SECONDS)):
                return True
        return self.place.closing.is_set()

    def _newest_followed(self) -> str | None:
        if self.follows is None:
            return None
        batches = reversed(self.place.ledger.batches)
        return next((batch.batch_id for batch in batches if batch.stage == self.follows), None)

    @property
    def sign(self) -> object:
        """What changes while it is at work, with each turn and batch; None while it is at rest."""
        if not self.is_busy:
            return None
        newest = (batch for batch in reversed(self.place.ledger.batches) if self._did(batch))
        return self.turns, next((batch.batch_id for batch in newest), None)

    def _did(self, batch: Batch) -> bool:
        return batch.stage == self.stage and batch.table_name in self.names


def watch(stage: str, seen: Sign, sign: object, says: Callable[[str], object]) -> None:
    """Say it when a stage is at the same work for long; a `sign` of None is one at rest."""
    now = time.monotonic()
    if sign is None or sign != seen.sign:
        seen.sign, seen.seen_at, seen.is_silent = sign, now, False
    elif now - seen.seen_at > SILENT_SECONDS and not seen.is_silent:
        seen.is_silent = True
        says(f"{stage} has been silent for {SILENT_SECONDS / 60:.0f} minutes")
