"""What landed, counted by a reader that is not the pipeline's: Python's own gzip, no Spark."""

import gzip
import re
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO

from lakehouse import s3
from lakehouse.flow.place import Place

_READERS = 4  # objects fetched at once: most of them are small
_PIECE = 1 << 20
_SUBJECT = re.compile(rb'"subject" ?: ?"([^"\\]+)"')


@dataclass(frozen=True)
class Landed:
    """One landed object.

    lines      the whole ones before the break where its gzip breaks off
    is_spoilt  its gzip has wrong bytes: how many lines come before them is up to the reader
    subjects   the raw subjects that it names
    """

    name: str
    lines: int
    is_spoilt: bool
    subjects: frozenset[bytes]


def read(place: Place) -> list[Landed]:
    """Every object of the landing zone."""
    storage, bucket = place.zone.storage(), place.zone.bucket
    names = [one["Key"] for one in s3.objects(storage, bucket)]
    with ThreadPoolExecutor(_READERS) as readers:
        return list(readers.map(lambda name: look_at(name, s3.get(storage, bucket, name)), names))


def look_at(name: str, body: bytes) -> Landed:
    """Count the lines of one object and collect its subjects."""
    text, is_cut, is_spoilt = _inflated(body) if name.endswith(".gz") else (body, False, False)
    has_open_end = text[-1:] not in (b"", b"\n") and not is_cut
    lines = text.count(b"\n") + has_open_end
    return Landed(name, lines, is_spoilt, frozenset(_SUBJECT.findall(text)))


def _inflated(body: bytes) -> tuple[bytes, bool, bool]:
    """The text up to where the gzip breaks off or has wrong bytes, and whether it does."""
    pieces = []
    is_cut = is_spoilt = False
    with gzip.GzipFile(fileobj=BytesIO(body)) as file:
        try:
            while piece := file.read1(_PIECE):
                pieces.append(piece)
        except EOFError:
            is_cut = True
        except (zlib.error, gzip.BadGzipFile):
            is_spoilt = True
    return b"".join(pieces), is_cut, is_spoilt
