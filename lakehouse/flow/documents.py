"""The documents of quality: Data Docs and the trend page, in the home folder and on the storage."""

import json
import mimetypes
import shutil
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from lakehouse import rules, s3, tables, verdicts
from lakehouse.lake import Lake
from lakehouse.quality import docs, trend
from lakehouse.quality.docs import Documented
from lakehouse.quality.trend import Score
from lakehouse.settings import home
from lakehouse.verdicts import COUNTED, Verdict

PREFIX = "docs/quality/"
_RUNS_SHOWN = 20  # of each table, the newest
_DATA_QUALITY = tables.by_name("gold.data_quality")


def build(lake: Lake, now: datetime | None = None) -> Path:
    """Write the documents anew from ops.quality_results, and copy them to the bucket of ops.

    Gives   the first page, in the home folder
    """
    folder = home() / "docs" / "quality"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    found = verdicts.all_of(lake)
    docs.build(folder / "data_docs", _documented(found))
    first = folder / "index.html"
    first.write_text(trend.page(found, _scores(lake), now or datetime.now(UTC)), encoding="utf-8")
    _publish(lake, folder)
    return first


def _documented(found: list[Verdict]) -> list[Documented]:
    documented = []
    for table in tables.JUDGED:
        path = rules.file_of(table.name)
        judged = [one for one in found if one.table_name == table.name and one.verdict != COUNTED]
        if judged and path.exists():
            by_run = groupby(judged, key=lambda one: (one.run_id, one.version))
            runs = [list(run) for _, run in by_run][-_RUNS_SHOWN:]
            raw = json.loads(path.read_bytes())["expectations"]
            documented.append(Documented(table.name, raw, runs))
    return documented


def _scores(lake: Lake) -> list[Score]:
    if not lake.exists(_DATA_QUALITY):
        return []
    columns = ("table_name", "arrived_on", "dimension", "score", "worst_rule")
    return [Score(**row) for row in lake.read(_DATA_QUALITY, *columns).to_pylist()]


def _publish(lake: Lake, folder: Path) -> None:
    """Put the files where the old ones were; those that there are no longer go."""
    bucket = lake.settings.buckets.ops
    old = {one["Key"] for one in s3.objects(lake.storage, bucket, PREFIX)}
    new = set()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            key = PREFIX + path.relative_to(folder).as_posix()
            kind = mimetypes.guess_type(path.name)[0]
            s3.put(lake.storage, bucket, key, path.read_bytes(), kind)
            new.add(key)
    s3.delete(lake.storage, bucket, sorted(old - new))
