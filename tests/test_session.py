"""The session's Python workers look through no archive; what they need is installed."""

import pandas as pd


def test_a_task_finds_no_archive_on_its_path_and_pyspark_where_it_is_installed(spark):
    def seen(frames):
        import sys  # noqa: PLC0415  of the worker

        import pyspark  # noqa: PLC0415

        for _ in frames:
            yield pd.DataFrame({"path": [*sys.path, *sys.path_importer_cache, pyspark.__file__]})

    rows = spark.range(1, numPartitions=1).mapInPandas(seen, "path string").collect()
    paths = [row["path"] for row in rows]
    assert paths[-1].endswith("site-packages/pyspark/__init__.py")
    archives = {path for path in paths if path.endswith((".jar", ".zip"))}
    assert {path for path in archives if "spark" in path} == set()
