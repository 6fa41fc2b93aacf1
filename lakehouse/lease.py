"""Who holds something, as an object beside the tables: one holder at a time, on whatever machine.

Each holder makes an object of the next number, which a conditional PUT gives to one only, and
renews it while it lives. A holder is gone when it says so, when its process has ended (seen from
the same machine), or when it has not renewed for EXPIRY_SECONDS.
"""

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lakehouse import machine, s3
from lakehouse.errors import BatchFailed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RENEW_SECONDS = 20.0
EXPIRY_SECONDS = 180.0  # longer than an outage that streams ride out
# Without a renewal: its holder gives up, before another may take it, one turn and request later at most.
CUT_OFF_SECONDS = 100.0
ANSWER_SECONDS = 10.0  # that one try of a request may take
_FOLDER = "_lakehouse/leases/"


@dataclass(frozen=True)
class Holder:
    """Who holds it, and since when; `born` tells a process from a later one of its number."""

    token: str
    host: str
    space: str  # of process numbers: each boot of a machine and each container has its own
    pid: int
    born: str | None
    since: str
    is_over: bool = False

    def __str__(self) -> str:
        """As a person reads it."""
        return f"process {self.pid} on {self.host} since {self.since}"


@contextmanager
def held(
    storage: "S3Client",
    bucket: str,
    name: str,
    lost: Callable[[BatchFailed], object],
    *,
    settle_s: float = 0.0,
) -> Iterator[Holder]:
    """Hold `name`; it is renewed in a thread and given back at the end.

    Takes   lost      is called where another has taken it, as it was not renewed in time, or may
                      soon, as the storage cannot be reached
            settle_s  how long to wait before looking who won, where the storage does not keep its
                      word on conditional PUTs; longer than a PUT takes

    Raises BatchFailed where another holds it; the sentence says who and since when.
    """
    lease = _Lease(storage, bucket, name)
    lease.take(settle_s)
    over = threading.Event()
    renewing = threading.Thread(target=lease.renew, args=(over, lost), daemon=True)
    renewing.start()
    try:
        yield lease.holder
    finally:
        over.set()
        renewing.join()
        with suppress(BotoCoreError, ClientError):  # then it ends when this process is seen to
            lease.write(replace(lease.holder, is_over=True))


class _Lease:
    def __init__(self, storage: "S3Client", bucket: str, name: str) -> None:
        self.storage = storage
        self.bucket = bucket
        self.name = name
        self.number = 0
        self.holder = Holder(
            uuid.uuid4().hex,
            socket.gethostname(),
            _space(),
            os.getpid(),
            machine.born(os.getpid()),
            f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
        )

    def take(self, settle_s: float) -> None:
        while True:
            newest = self._newest()
            holder = self._read(newest) if newest else None
            if newest and holder and self._is_alive(newest, holder):
                raise self._held_by(holder)
            self.number = newest + 1
            content = _bytes(self.holder)
            s3.put_new(self.storage, self.bucket, self._key(self.number), content)
            time.sleep(settle_s)
            # By what is there: the answer to the PUT may have been lost, and who looked long ago may
            # have made a number that was given up since.
            if self._newest() == self.number and self._read(self.number) == self.holder:
                break
        for number in range(max(1, self.number - 10), self.number):  # nobody looks there again
            self.storage.delete_object(Bucket=self.bucket, Key=self._key(number))

    def renew(self, over: threading.Event, lost: Callable[[BatchFailed], object]) -> None:
        renewed = time.monotonic()
        while not over.wait(RENEW_SECONDS):
            began = time.monotonic()
            try:
                newest = self._newest()
                holder = self._read(newest)
                if newest > self.number and holder is not None:
                    lost(self._held_by(holder))
                    return
                self.write(self.holder)
                renewed = began
            except (BotoCoreError, ClientError):  # an outage: tried again at the next turn
                if time.monotonic() - renewed > CUT_OFF_SECONDS:
                    lost(self._cut_off(time.monotonic() - renewed))
                    return

    def write(self, holder: Holder) -> None:
        s3.put(self.storage, self.bucket, self._key(self.number), _bytes(holder))

    def _key(self, number: int) -> str:
        return f"{_FOLDER}{self.name}/{number:012}.json"

    def _newest(self) -> int:
        """The newest number; 0 before the first."""
        found = s3.objects(self.storage, self.bucket, f"{_FOLDER}{self.name}/")
        numbers = (int(one["Key"].rpartition("/")[2].partition(".")[0]) for one in found)
        return max(numbers, default=0)

    def _read(self, number: int) -> Holder | None:
        """None where the number was given up."""
        try:
            return Holder(**json.loads(s3.get(self.storage, self.bucket, self._key(number))))
        except self.storage.exceptions.NoSuchKey:
            return None

    def _is_alive(self, number: int, holder: Holder) -> bool:
        if holder.is_over:
            return False
        if (holder.host, holder.space) == (self.holder.host, self.holder.space):
            return machine.born(holder.pid) == holder.born
        # By the storage's clock alone: those of two machines need not agree.
        answer = self.storage.head_object(Bucket=self.bucket, Key=self._key(number))
        now = datetime.strptime(
            answer["ResponseMetadata"]["HTTPHeaders"]["date"], "%a, %d %b %Y %H:%M:%S GMT"
        ).replace(tzinfo=UTC)
        return (now - answer["LastModified"]).total_seconds() < EXPIRY_SECONDS

    def _cut_off(self, seconds: float) -> BatchFailed:
        return BatchFailed(
            f"{self.name} could not reach {self.storage.meta.endpoint_url} for {seconds:.0f} s; "
            "nothing is lost, the next start goes on from there"
        )

    def _held_by(self, holder: Holder) -> BatchFailed:
        return BatchFailed(f"{self.name} is being run by {holder}; wait for it or stop it")


def _bytes(holder: Holder) -> bytes:
    return json.dumps(asdict(holder)).encode()


def _space() -> str:
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return ""
