"""One S3 server and one Spark session for the whole run; both end with it."""

import os

import pytest

from lakehouse import s3, s3_server, session
from lakehouse.settings import Settings


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
                "conf": {"spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1"},
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
