"""Where `make chaos PART=kills` cuts a driver off: at which request to the storage."""

import re
import threading
from dataclasses import dataclass

from tests.fault_proxy import Fault, Kind, Proxy

STAGES = "ingest refine build"


@dataclass(frozen=True)
class Cut:
    """Where a driver is killed: at the `turn`-th request whose path matches.

    most  times in a chain that there is something left to be cut off
    """

    name: str
    path: str
    kind: Kind = Kind.HELD
    turn: int = 1
    most: int = 3
    method: str = "PUT"

    @property
    def stage(self) -> str:
        """The stage that is cut."""
        return self.name.partition(":")[0]

    @property
    def before(self) -> str:
        """The stages that come before it and are left in peace, or it would have nothing to do."""
        return STAGES.partition(self.stage)[0] if self.stage in STAGES else ""


_DATA = r"part-[^/]+\.parquet$"
_COMMIT = r"_delta_log/\d{20}\.json$"
CUTS = (
    Cut("ingest: after reading", rf"/bronze/events/.*{_DATA}"),
    Cut("ingest: after data files were written", rf"/bronze/events/{_COMMIT}"),
    Cut(
        "ingest: after the commit, before its answer",
        rf"/bronze/events/{_COMMIT}",
        Kind.DONE_AND_HELD,
    ),
    Cut("ingest: after the commit, before the ledger", rf"/ops/batches/{_COMMIT}"),
    Cut("ingest: after the commit, before the checkpoint", r"/_checkpoints/ingest/commits/\d+$"),
    Cut(
        "ingest: in the middle of a checkpoint file",
        r"/_checkpoints/ingest/offsets/\d+$",
        Kind.HALF_AND_HELD,
    ),
    Cut("refine: after data files were written", rf"/silver/\w+/{_COMMIT}"),
    Cut("refine: between two tables of a batch", rf"/silver/\w+/{_COMMIT}", turn=2, most=2),
    Cut(
        "refine: after a commit, before its answer",
        rf"/silver/\w+/{_COMMIT}",
        Kind.DONE_AND_HELD,
        most=2,
    ),
    Cut(
        "refine: after what is set aside",
        rf"/ops/(quarantine|repeats)/{_COMMIT}",
        Kind.DONE_AND_HELD,
        most=2,
    ),
    Cut("refine: after the commits, before the ledger", rf"/ops/batches/{_COMMIT}"),
    Cut("build: in the middle of a table", rf"/gold/\w+/{_DATA}"),
    Cut("build: between two tables", rf"/gold/\w+/{_COMMIT}", turn=2, most=2),
    Cut(
        "build: after a commit, before its answer",
        rf"/gold/\w+/{_COMMIT}",
        Kind.DONE_AND_HELD,
        most=2,
    ),
    Cut("maintain: in the middle of a compaction", rf"/(bronze|silver)/.*{_DATA}", most=2),
    Cut(
        "maintain: after a compaction, before its answer",
        rf"/(bronze|silver)/.*{_COMMIT}",
        Kind.DONE_AND_HELD,
        most=1,
    ),
    Cut(
        "expire: after landed objects were deleted, before the answer",
        r"-landing/?$",
        Kind.DONE_AND_HELD,
        most=1,
        method="POST",
    ),
)


def arm(proxy: Proxy, cut: Cut) -> threading.Event:
    """Let the proxy hold the request of a cut; the event is set when it does."""
    reached, wanted, lock = threading.Event(), re.compile(cut.path), threading.Lock()
    left = cut.turn

    def plan(method: str, path: str) -> Fault | None:
        nonlocal left
        if method != cut.method or not wanted.search(path):
            return None
        with lock:
            left -= 1
            is_now = left == 0
        return Fault(cut.kind, says=reached.set) if is_now else None

    proxy.plan = plan
    return reached
