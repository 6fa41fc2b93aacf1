"""The documents of quality: every rule by day, Data Docs, on the storage too, and no person in them."""

import re
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta

import pytest

from lakehouse import s3, tables, verdicts
from lakehouse.flow import documents
from lakehouse.quality import trend
from lakehouse.quality.trend import Score
from lakehouse.verdicts import Verdict
from tests.worlds import lakehouse_in

MARCH_1 = datetime(2026, 3, 1, 12, tzinfo=UTC)


def verdict(rule, days=0, *, is_counted=False, holds=True, run="g", **known):
    about = {
        "table_name": "silver.sales",
        "version": 3 + days,
        "expectation_id": rule,
        "severity": "quarantine" if is_counted else "fail",
        "dimension": "integrity",
        "verdict": "counted" if is_counted else "passed" if holds else "failed",
        "sentence": f"About {rule} <b>",
        "observed": None,
        "checked": None,
        "unexpected": None,
        "duration_ms": 10,
        "arrived_at": MARCH_1 + timedelta(days=days),
        "run_id": f"{run}{days}",
        "judged_at": MARCH_1 + timedelta(days=days, hours=1),
        "rules_version": "r",
        "code_version": "c",
    }
    return Verdict(**about | known)


FOUND = [
    verdict("price", is_counted=True, checked=10, unexpected=2),
    verdict("price", is_counted=True, checked=7, unexpected=0, run="h"),
    verdict("price", 1, is_counted=True, checked=20, unexpected=0),
    verdict("key_is_unique", holds=False, observed=3.0),
    verdict("key_is_unique", 1, observed=0.0),
    verdict("products_are_known", 1, holds=True, observed=0.0),
    verdict("products_are_known", 1, holds=False, observed=2.0, run="h"),
]
SCORES = [
    Score("silver.sales", date(2026, 3, 1), "integrity", 0.1, "old"),
    Score("silver.sales", date(2026, 3, 2), "integrity", 0.5, "products_are_known"),
    Score("silver.sales", date(2026, 3, 2), "relevance", 1.0, None),
    Score("silver.zones", date(2026, 3, 1), "integrity", 0.98, "key_is_unique"),
]


def rows_of(page):
    """The cells of each row of the page's tables, colours before texts."""
    cells = r'<t[dh](?: class="(\w+)")?>(.*?)</t[dh]>'
    return [re.findall(cells, row, re.DOTALL) for row in re.findall(r"<tr>(.*?)</tr>", page, re.S)]


def test_the_trend_has_a_row_a_rule_and_a_column_a_day():
    page = trend.page(FOUND, (), MARCH_1)
    rows = {row[0][1]: row[1:-1] for row in rows_of(page)}
    assert [text for _, text in rows["rule"]] == ["03-01", "03-02"]
    assert rows["price"] == [("some", "2 of 17"), ("fine", "0 of 20")]
    assert rows["key_is_unique"] == [("bad", "3"), ("fine", "0")]
    assert rows["products_are_known"] == [("none", ""), ("bad", "2")]
    assert "About price &lt;b&gt;" in page


def test_scores_of_the_newest_day_stand_worst_first():
    rows = [row for row in rows_of(trend.page((), SCORES, MARCH_1)) if row[0][1] != "table"]
    assert [(row[0][1], row[1][1], row[3]) for row in rows] == [
        ("silver.sales", "integrity", ("bad", "0.5000")),
        ("silver.zones", "integrity", ("some", "0.9800")),
        ("silver.sales", "relevance", ("fine", "1.0000")),
    ]


def test_the_trend_needs_nothing_from_the_net():
    page = trend.page(FOUND, SCORES, MARCH_1)
    assert not re.findall(r"<script|https?:|//|@import|url\(", page)


@pytest.fixture(scope="module")
def lake(server, where, spark):
    """A lake with verdicts on sales and their scores, its other tables empty."""
    lake = lakehouse_in("documents", where, server, spark).lake
    verdicts.Verdicts(lake).record(FOUND)
    scores = [asdict(one) | {"numerator": 1, "denominator": 1, "batch_id": "b"} for one in SCORES]
    lake.add(tables.by_name("gold.data_quality"), scores)
    return lake


def test_verdicts_are_read_as_they_were_recorded(lake):
    def order(one):
        return one.judged_at, one.version, one.expectation_id, one.run_id

    assert sorted(verdicts.all_of(lake), key=order) == sorted(FOUND, key=order)
    stand = verdicts.Verdicts(lake).stand("silver.sales")
    assert [one.expectation_id for one in stand.failed] == ["products_are_known"]
    assert (stand.version, stand.since) == (4, {"products_are_known": 4})


def test_the_site_is_in_the_home_folder_and_the_same_on_the_storage(lake, home):
    bucket = lake.settings.buckets.ops
    s3.put(lake.storage, bucket, documents.PREFIX + "gone.html", b"of an earlier time")
    first = documents.build(lake, MARCH_1)
    assert first == home / "docs" / "quality" / "index.html"
    here = {
        documents.PREFIX + path.relative_to(first.parent).as_posix(): path.read_bytes()
        for path in first.parent.rglob("*")
        if path.is_file()
    }
    there = {
        one["Key"]: s3.get(lake.storage, bucket, one["Key"])
        for one in s3.objects(lake.storage, bucket, documents.PREFIX)
    }
    assert here == there
    head = lake.storage.head_object(Bucket=bucket, Key=documents.PREFIX + "index.html")
    assert head["ContentType"] == "text/html"
    assert (first.parent / "data_docs" / "index.html").exists()


def test_data_docs_have_a_page_a_version_with_sentences_and_what_was_observed(lake):
    folder = documents.build(lake, MARCH_1).parent / "data_docs"
    [suite] = (folder / "expectations").rglob("*.html")
    assert "Every product sold is in silver.products." in suite.read_text()
    pages = sorted((folder / "validations").rglob("*.html"), key=lambda page: page.name)
    assert [page.stem for page in pages] == ["silver.sales-version-3", "silver.sales-version-4"]
    assert "A line of a receipt stands once." in pages[0].read_text()
    assert "Failed" in pages[0].read_text()
