"""What a server finds in the sandbox when it is started again."""

import pytest

from lakehouse import s3
from lakehouse.serving import server as serving


@pytest.fixture
def sandbox(spark):
    spark.sql("CREATE SCHEMA sandbox LOCATION 's3a://sandbox/tables'")
    yield "s3a://sandbox/tables"
    spark.sql("DROP SCHEMA sandbox CASCADE")


def test_a_table_that_is_found_is_its_owners_and_goes_when_it_is_dropped(
    spark, sandbox, where, server
):
    storage = s3.client(where, server)
    spark.range(3).write.format("delta").save(f"{sandbox}/kept")
    serving._register(spark, "sandbox.kept", f"{sandbox}/kept", is_own=True)
    serving._register(spark, "sandbox.kept", f"{sandbox}/kept", is_own=True)
    assert spark.table("sandbox.kept").count() == 3
    spark.sql("DROP TABLE sandbox.kept")
    assert list(s3.objects(storage, "sandbox", "tables/kept/")) == []


def test_a_folder_without_a_version_is_left_for_the_next_time(spark, sandbox, where, server):
    s3.put(s3.client(where, server), "sandbox", "tables/half/part-0.parquet", b"x")
    serving._register(spark, "sandbox.half", f"{sandbox}/half", is_own=True)
    assert not spark.catalog.tableExists("sandbox.half")
