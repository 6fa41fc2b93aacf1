"""The dashboard's pages and files, and the commands that make and refuse them."""

import csv
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
import yaml
from markupsafe import escape
from typer.testing import CliRunner

from lakehouse import cli, pictures, tables
from lakehouse.boards import dashboard
from lakehouse.flow import suites
from lakehouse.pictures import Chosen
from tests.boards.worlds import ROWS, SUBJECTS

REVENUE = pictures.shops.REVENUE


@pytest.fixture(scope="module")
def get(lake):
    """Ask for an address of the dashboard."""
    client = dashboard.app(lake).test_client()

    def ask(address, status=200, **headers):
        answer = client.get(address, headers={"Host": "127.0.0.1:1", **headers})
        assert answer.status_code == status
        return answer

    return ask


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_every_page_has_its_pictures_and_no_subject(get, asking):
    for page in asking.pages():
        text = get(f"/{page.name}").text
        assert re.findall(r'<section id="(\w+)"', text) == [one.name for one in page.pictures]
        assert 'class="fault"' not in text.partition("<form")[2]
        assert not any(subject in text for subject in SUBJECTS)


def test_a_choice_changes_the_sql_shown_and_stays_in_the_links(get):
    text = get("/shops?since=2026-03-02&until=&shop=S1").text
    assert "business_on &gt;= DATE &#39;2026-03-02&#39; AND shop_id IN (&#39;S1&#39;)" in text
    assert 'value="S1" checked' in text
    assert 'value="S2" checked' not in text
    assert "/csv/shops/net_revenue?since=2026-03-02&amp;shop=S1" in text


def test_the_csv_is_the_answer(get, asking):
    said = get("/csv/shops/net_revenue?shop=S1")
    assert said.headers["Content-Disposition"] == 'attachment; filename="net_revenue.csv"'
    found = asking.ask(REVENUE.question(Chosen(shops=("S1",)))).to_pylist()
    assert [{name: str(value) for name, value in row.items()} for row in found] == rows_of(
        said.text
    )
    assert len(found) == 2


def test_a_mark_leads_to_its_rows_and_their_csv(get):
    mark = "key.shop_id=S1&key.business_on=2026-03-01"
    text = get(f"/rows/shops/net_revenue?{mark}").text
    assert "3 rows." in text
    [link] = re.findall(r'href="(/csv/[^"]+)"', text)
    found = rows_of(get(link.replace("&amp;", "&")).text)
    assert sorted(int(row["net_revenue_cents"]) for row in found) == [7_000, 10_000, 12_345]
    everything = rows_of(get("/csv/shops/net_revenue?rows=1").text)
    assert len(everything) == 6


def test_many_rows_are_shown_in_part(get, monkeypatch):
    monkeypatch.setattr(dashboard, "ROWS_SHOWN", 4)
    assert "The first 4 rows; CSV has more." in get("/rows/shops/net_revenue").text


def test_a_table_is_found_by_words_of_its_columns(get):
    found = re.findall(r'href="/tables/([\w.]+)"', get("/tables?search=Dwell+zone").text)
    assert "gold.visits" in found
    assert "gold.products" not in found
    assert "No table has that" in get("/tables?search=unicorn").text
    every = re.findall(r'href="/tables/([\w.]+)"', get("/tables").text)
    assert every == [table.name for table in tables.TABLES]


@pytest.mark.parametrize("name", [*ROWS, "silver.products"])
def test_a_table_has_its_page_and_no_subject_on_it(get, name):
    table = tables.by_name(name)
    text = get(f"/tables/{table.name}").text
    for column in table.columns:
        assert f"<td>{column.name}</td>" in text
    for upstream in table.upstream:
        assert f'<a href="/tables/{upstream}">' in text
    assert not any(subject in text for subject in SUBJECTS)


def test_the_page_of_a_table_says_how_it_is_and_its_rules(get, lake):
    text = get("/tables/gold.shop_hours").text
    assert f"<dt>rows</dt><dd>{lake.rows(tables.by_name('gold.shop_hours'))}</dd>" in text
    for rule in suites.of(tables.by_name("gold.shop_hours")).rules.values():
        assert str(escape(rule.sentence)) in text
    figure = json.loads(re.search(r'json">(.*?)</script>', text, re.DOTALL)[1])
    shown = dict(zip(figure["data"][1]["customdata"], figure["data"][1]["x"], strict=True))
    assert shown["table=bronze.events"] < shown["table=silver.sales"] < 0
    assert shown["table=gold.shop_hours"] == 0
    assert get("/tables?table=silver.sales", 302).location == "/tables/silver.sales"
    assert "There is no such page" in get("/tables/gold.nothing", 404).text


def test_what_cannot_be_shown_is_a_sentence(get):
    assert "since is &#39;soon&#39;, not a day" in get("/shops?since=soon", 400).text
    assert "There is no such page" in get("/elsewhere", 404).text
    assert "There is no such page" in get("/rows/shops/arrivals", 404).text
    text = get("/shops?shop=S1%27%20OR%20true%20--").text
    assert "There is nothing of what is chosen" in text


def test_only_loopback_is_answered_and_nothing_may_be_loaded_from_elsewhere(get):
    get("/flow", 400, Host="elsewhere.example")
    policy = get("/flow").headers["Content-Security-Policy"]
    assert "default-src 'none'; script-src 'self'" in policy
    for name in ("board.css", "board.js", "plotly.js"):
        assert get(f"/{name}").content_length > 500


def said(conf, *arguments):
    return CliRunner().invoke(cli.app, ["--settings", str(conf), *arguments])


def test_report_and_dashboard_refuse_where_there_is_no_table(server, tmp_path):
    del server
    conf = tmp_path / "none.yml"
    buckets = ("landing", "truth", "lake", "gold", "ops", "models")
    conf.write_text(yaml.safe_dump({"buckets": {name: f"none-{name}" for name in buckets}}))
    for command in ("report", "dashboard"):
        answer = said(conf, command)
        assert answer.exit_code == 1
        assert "there is no table yet to make pictures of; `lakehouse demo`" in answer.stderr


def test_a_taken_port_is_said(conf):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = said(conf, "dashboard", "--port", str(port))
    assert answer.exit_code == 1
    assert f"port {port} is taken; `lakehouse dashboard --port` names another" in answer.stderr


def test_report_prints_where_it_is(conf, home):
    answer = said(conf, "report", "--no-open")
    assert answer.stdout.strip() == (home / "report" / "index.html").as_uri()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_when_it_is_ready_and_a_signal_stops_it(conf, number):
    command = [sys.executable, "-m", "lakehouse.cli", "--settings", str(conf), "dashboard"]
    with subprocess.Popen(
        [*command, "--port", "0"], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as process:
        try:
            ready = process.stdout.readline()
            address = re.match(r"dashboard: http://127\.0\.0\.1:(\d+)/ \(Ctrl-C stops it\)$", ready)
            assert address
            port = int(address[1])
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            time.sleep(0.2)
            process.send_signal(number)
            assert process.wait(30) == 0
        finally:
            process.kill()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)
