"""A lakehouse for one benchmark, in a home of its own."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from lakehouse import s3, s3_server, settings
from lakehouse.lake import Lake
from lakehouse.settings import PROJECT


@contextmanager
def lake(name: str) -> Iterator[Lake]:
    """A lakehouse without tables, in .cache/<name>; it goes with its home at the end, but stays to be
    looked at where something failed.
    """
    home = PROJECT / ".cache" / name
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    os.environ["LAKEHOUSE_HOME"] = str(home)
    where = settings.load(PROJECT / "conf" / "local.yml")
    with s3_server.running(where) as endpoint:
        s3.ensure_buckets(s3.client(where, endpoint), where.buckets.model_dump().values())
        yield Lake(where, endpoint)
    shutil.rmtree(home, ignore_errors=True)
