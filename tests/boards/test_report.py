"""The report: one file, with every picture, and nothing from the net or of a person."""

import json
import re
from datetime import UTC, datetime

import pytest

from lakehouse.boards import pages, report
from lakehouse.boards.asking import Asking
from tests.boards.worlds import SUBJECTS

MADE = datetime(2026, 3, 3, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def page(lake):
    """The report without the library that draws."""
    whole = report.page(lake, MADE)
    assert whole.count(pages.plotly()) == 1
    return whole.replace(pages.plotly(), "")


def sections(page):
    """Each picture's section, by its name."""
    return dict(re.findall(r'<section id="(\w+)"(.+?)</section>', page, re.DOTALL))


def test_it_is_a_file_of_the_home_folder(lake, home):
    path = report.write(lake, MADE)
    assert path == home / "report" / "index.html"
    assert "Made 2026-03-03 09:30 UTC" in path.read_text(encoding="utf-8")


def test_it_has_every_picture_with_its_sql_and_its_words(page, lake):
    asking = Asking(lake)
    wanted = [picture for one in asking.pages() for picture in one.pictures]
    found = sections(page)
    assert list(found) == [picture.name for picture in wanted]
    for picture in wanted:
        section = found[picture.name]
        assert re.search(r'<details class="sql">.+SELECT.+</details>', section, re.DOTALL)
        figures = re.findall(r'<script type="application/json">(.+?)</script>', section)
        words = re.findall(r'role="img" aria-label="([^"]+)"', section)
        assert len(figures) == len(words) == (picture.draws != "rows")
        for figure in figures:
            marks = sum(len(trace["x"]) for trace in json.loads(figure)["data"])
            assert marks == len(asking.answer(picture).rows)


def test_it_needs_nothing_from_the_net(page):
    assert "default-src 'none'" in page
    assert not re.findall(r"https?:|//\w|@import|url\(|<link rel=\"stylesheet|<script src", page)


def test_values_are_escaped_and_no_subject_is_in_it(page):
    assert "biscuits &amp; &lt;jam&gt;" in page
    assert "<jam>" not in page
    assert not any(subject in page for subject in SUBJECTS)
    assert not re.search(r"p\d+_[0-9a-f]{16}", page)


def test_it_says_what_the_gate_holds_back(page):
    [sentence] = re.findall(r'<p class="fault" role="alert">(.+?)</p>', page)
    assert sentence.startswith("silver.sales has not passed the gate since version 2")


def test_an_empty_lakehouse_has_sentences_in_place_of_pictures(bare):
    found = sections(report.page(bare, MADE))
    assert "They come with <code>lakehouse train</code>" in found["affinities"]
    assert 'class="drawn"' not in found["affinities"]
    assert "<details" in found["affinities"]
