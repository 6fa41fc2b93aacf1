"""One S3 server and one Spark session for the whole run; both end with it."""

import io
import os

import pandas as pd
import pytest

from lakehouse import s3, s3_server, session, simulator, tables
from lakehouse.settings import Settings
from tests.worlds import QUICK, SEED, WORLD, lakehouse_in, land, rows_of, run

# They start drivers of their own.
_DRIVERS = {"test_chaos", "test_stream_killed"}


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(items):
    """Two processes, where there are two: one has Spark, the only one to, the other all else."""
    for item in items:
        has_spark = "spark" in item.fixturenames or item.path.stem in _DRIVERS
        item.add_marker(pytest.mark.xdist_group("spark" if has_spark else "plain"))


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """A home folder of the run's own, so that no test meets a person's data or keys."""
    folder = tmp_path_factory.mktemp("lakehouse home")  # the blank is on purpose
    before = os.environ.get("LAKEHOUSE_HOME")
    os.environ["LAKEHOUSE_HOME"] = str(folder)
    yield folder
    if before is None:
        del os.environ["LAKEHOUSE_HOME"]
    else:
        os.environ["LAKEHOUSE_HOME"] = before


@pytest.fixture(scope="session")
def where():
    """Settings of a small world: two cores, quick compilation, few partitions."""
    return Settings.model_validate(
        {
            "spark": {
                "master": "local[2]",
                "driver_memory": "2g",
                "shuffle_partitions": 2,
                "conf": QUICK,
            }
        }
    )


@pytest.fixture(scope="session")
def server(home, where):
    """The endpoint of the S3 server, with the buckets made."""
    with s3_server.running(where) as endpoint:
        s3.ensure_buckets(s3.client(where, endpoint), where.buckets.model_dump().values())
        yield endpoint


@pytest.fixture(scope="session")
def spark(server, where):
    """The Spark session, with Delta and S3."""
    with session.spark(where, server, "tests") as spark:
        yield spark


@pytest.fixture(scope="session")
def objects(where):
    """All that the simulator writes of the small world: (bucket, key) -> bytes."""
    written = {}

    def put(bucket, key, body):
        written[bucket, key] = body

    for _ in simulator.write(where.model_copy(update={"simulation": WORLD}), SEED, put):
        pass
    return written


@pytest.fixture(scope="session")
def landed(objects):
    """Keys and bytes of the landing objects."""
    return {key: body for (bucket, key), body in objects.items() if bucket == "landing"}


@pytest.fixture(scope="session")
def truth(objects):
    """The truth's frames by name."""
    return {
        key.removesuffix(".parquet"): pd.read_parquet(io.BytesIO(body))
        for (bucket, key), body in objects.items()
        if bucket == "truth"
    }


@pytest.fixture(scope="session")
def lakehouse(where, server, spark, landed):
    """The small world, landed at once and taken through to gold; its tables stay as they are."""
    at = lakehouse_in("whole", where, server, spark)
    land(at, landed)
    run(at)
    return at


@pytest.fixture(scope="session")
def frame(spark):
    """Make rows of a declared table out of the columns that matter; the others are null."""

    def of(table, *rows):
        assert {name for row in rows for name in row} <= set(tables.by_name(table).column_names)
        return rows_of(spark, table, rows)

    return of
