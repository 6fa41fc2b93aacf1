"""A person's way through the dashboard in a real Chromium: numbers shown, choices, rows, CSV, a
telephone's width, and no serious fault of accessibility.

`make test-browser` runs them; SHOTS=folder keeps a picture of every page.
"""

import csv
import re
import subprocess
import sys

import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from lakehouse.boards import report
from lakehouse.settings import PROJECT
from tests.browser import chromium, keep

pytestmark = pytest.mark.browser

AXE = PROJECT / ".cache" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
PAGES = ("flow", "shops", "models")
_SECONDS = 20


@pytest.fixture(scope="module")
def address(conf):
    """Of a dashboard in a process of its own."""
    command = [sys.executable, "-m", "lakehouse.cli", "--settings", str(conf), "dashboard"]
    with subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield re.search(r"http://\S+(?=/ )", process.stdout.readline())[0]
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="module")
def downloads(tmp_path_factory):
    """Where the browser puts files."""
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def browser(downloads):
    """A browser for all of them."""
    with chromium(downloads) as started:
        yield started


@pytest.fixture
def go(browser):
    """Open an address and wait until every figure of it is drawn."""

    def open_(address):
        browser.get(address)
        drawn(browser)

    return open_


def drawn(browser):
    """Wait until every figure is drawn."""
    waiting = ".drawn:not([data-is-drawn=yes])"
    WebDriverWait(browser, _SECONDS).until(
        lambda _: (
            browser.execute_script("return document.readyState") == "complete"
            and not browser.find_elements(By.CSS_SELECTOR, waiting)
        )
    )


def points(browser, picture):
    """What a figure draws: (series, across, up) of each mark; bars lie on their side."""
    return {
        (series, _text(across), float(up))
        for series, across, up in browser.execute_script(
            """
            const place = document.querySelector(`#${arguments[0]} .drawn`);
            return place.calcdata.flatMap((marks) => marks.map((mark) => {
                const trace = mark.trace ?? marks[0].trace;
                const lies = trace.orientation === 'h';
                const axis = lies ? place._fullLayout.yaxis : place._fullLayout.xaxis;
                const at = lies ? mark.p : (mark.x ?? mark.p);
                const name = axis.type === 'date' ? axis.c2d(at).slice(0, 10) : axis.c2d(at);
                return [trace.name ?? '', name, lies ? mark.s : (mark.y ?? mark.s)];
            }));
            """,
            picture,
        )
    }


def _text(label):
    """A label of an axis as plain text, without its breaks."""
    return re.sub(r"<br ?/?>", "", str(label))


def shown(lake, question):
    """The rows of plain SQL, as figures give theirs."""
    with lake.sql() as sql:
        rows = sql.execute(question).fetchall()
    return {(str(series), str(across), float(up)) for series, across, up in rows}


def test_a_person_finds_every_page_and_the_numbers_are_those_of_sql(go, browser, address, lake):
    go(address)
    for name in PAGES:
        browser.find_element(By.LINK_TEXT, name.capitalize()).click()
        drawn(browser)
        assert browser.current_url.split("?")[0] == f"{address}/{name}"
        assert (
            browser.find_element(By.CSS_SELECTOR, "nav a[aria-current]").text == name.capitalize()
        )
        assert not browser.find_elements(By.CSS_SELECTOR, "section .fault")
        assert browser.find_elements(By.CSS_SELECTOR, ".drawn .main-svg")
        keep(browser, name)
    go(f"{address}/shops")
    revenue = "SELECT shop_id, business_on, sum(net_revenue_cents) / 100 FROM gold.shop_hours"
    assert points(browser, "net_revenue") == shown(lake, f"{revenue} GROUP BY ALL")
    visitors = "SELECT shop_id, business_on, sum(visitors) v FROM gold.shop_hours GROUP BY ALL"
    assert points(browser, "visitors") == shown(lake, f"{visitors} HAVING v IS NOT NULL")
    conversion = (
        "SELECT shop_id, business_on, round(sum(baskets) / sum(visitors), 4) FROM gold.shop_hours "
        "WHERE visitors > 0 GROUP BY ALL"
    )
    assert points(browser, "conversion") == shown(lake, conversion)
    warm = "SELECT shop_id, device_id, sum(too_warm_s) / 60 m FROM gold.fridge_hours GROUP BY ALL"
    assert points(browser, "fridges") == shown(lake, f"{warm} HAVING m > 0")
    stays = "SELECT shop_id, zone_id, avg(dwell_s) / 60 FROM gold.visits GROUP BY ALL"
    assert points(browser, "dwell") == shown(lake, stays)


def test_a_choice_is_drawn_and_can_be_taken_back(go, browser, address, lake):
    go(f"{address}/shops")
    everything = points(browser, "net_revenue")
    browser.find_element(By.CSS_SELECTOR, "input[name=shop][value=S1]").click()
    since = browser.find_element(By.NAME, "since")
    browser.execute_script("arguments[0].value = '2026-03-02'", since)
    browser.find_element(By.CSS_SELECTOR, "form button").click()
    drawn(browser)
    chosen = (
        "SELECT shop_id, business_on, sum(net_revenue_cents) / 100 FROM gold.shop_hours "
        "WHERE shop_id = 'S1' AND business_on >= DATE '2026-03-02' GROUP BY ALL"
    )
    assert points(browser, "net_revenue") == shown(lake, chosen) != everything
    sql = browser.find_element(By.CSS_SELECTOR, "#net_revenue .sql pre").get_property("textContent")
    with lake.sql() as asked:
        assert len(asked.execute(sql).fetchall()) == 1
    browser.find_element(By.LINK_TEXT, "Show all").click()
    drawn(browser)
    assert points(browser, "net_revenue") == everything


def test_a_mark_leads_to_its_rows_and_they_to_a_file(go, browser, address, downloads):
    go(f"{address}/shops")
    bar = browser.find_element(By.CSS_SELECTOR, "#fridges .drawn .point path")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", bar)
    ActionChains(browser).move_to_element(bar).pause(0.3).click().perform()
    WebDriverWait(browser, _SECONDS).until(lambda _: "/rows/shops/fridges" in browser.current_url)
    [row] = browser.find_elements(By.CSS_SELECTOR, "tbody tr")
    assert "S1-fridge-1" in row.text
    keep(browser, "rows")
    browser.find_element(By.PARTIAL_LINK_TEXT, "CSV").click()
    WebDriverWait(browser, _SECONDS).until(lambda _: [*downloads.glob("*.csv")])
    [file] = downloads.glob("*.csv")
    [found] = csv.DictReader(file.open(encoding="utf-8"))
    assert (found["device_id"], found["too_warm_s"]) == ("S1-fridge-1", "1200")
    browser.find_element(By.LINK_TEXT, "Back to the picture").click()
    drawn(browser)
    assert browser.current_url.endswith("#fridges")


def test_a_person_finds_a_table_by_a_word_and_follows_its_lineage(go, browser, address, lake):
    go(f"{address}/tables")
    search = browser.find_element(By.NAME, "search")
    search.send_keys("conversion")
    search.submit()
    WebDriverWait(browser, _SECONDS).until(lambda _: "search=conversion" in browser.current_url)
    browser.find_element(By.LINK_TEXT, "gold.shop_hours").click()
    drawn(browser)
    assert browser.find_element(By.TAG_NAME, "h1").text == "gold.shop_hours"
    [rows] = [
        value.text
        for name, value in zip(
            browser.find_elements(By.TAG_NAME, "dt"),
            browser.find_elements(By.TAG_NAME, "dd"),
            strict=True,
        )
        if name.text == "rows"
    ]
    with lake.sql() as asked:
        assert asked.execute("SELECT count(*) FROM gold.shop_hours").fetchall() == [(int(rows),)]
    keep(browser, "table")
    marks = browser.find_elements(By.CSS_SELECTOR, "#lineage .drawn .points path")
    names = browser.execute_script(
        "return document.querySelector('#lineage .drawn').data[1].customdata"
    )
    mark = marks[names.index("table=silver.sales")]
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", mark)
    ActionChains(browser).move_to_element(mark).pause(0.3).click().perform()
    WebDriverWait(browser, _SECONDS).until(
        lambda _: browser.current_url.endswith("/tables/silver.sales")
    )


def test_a_telephone_shows_it_without_moving_sideways(go, browser, address):
    size = browser.get_window_size()
    phone = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
    try:
        for name in (*PAGES, "tables", "tables/gold.visits"):
            go(f"{address}/{name}")
            width, seen = browser.execute_script(
                "return [document.documentElement.scrollWidth, window.innerWidth]"
            )
            assert width <= seen == 390
            keep(browser, f"{name.replace('/', '-')}-phone")
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.set_window_size(size["width"], size["height"])


def test_no_serious_fault_of_accessibility_on_any_page(go, browser, address, lake):
    pages = [f"{address}/{name}" for name in PAGES]
    pages += [
        f"{address}/tables",
        f"{address}/tables?search=dwell",
        f"{address}/tables/gold.visits",
    ]
    pages += [f"{address}/rows/shops/net_revenue", f"{address}/shops?shop=nowhere"]
    pages += [f"{address}/elsewhere", report.write(lake).as_uri()]
    for page in pages:
        go(page)
        for closed in browser.find_elements(By.TAG_NAME, "details"):
            browser.execute_script("arguments[0].open = true", closed)
        assert serious(browser) == []


def test_a_page_that_is_bad_is_found_out(go, browser, address):
    go(f"{address}/shops")
    browser.execute_script("document.querySelector('h1').style.color = '#eee'")
    assert [one[0] for one in serious(browser)] == ["color-contrast"]


def serious(browser):
    """What axe-core holds against the page: rule and element of each serious or critical fault."""
    browser.execute_script(AXE.read_text(encoding="utf-8"))
    found = browser.execute_async_script(
        "axe.run(document, {resultTypes: ['violations']}).then(arguments[0])"
    )
    assert found["passes"] or found["incomplete"]
    return [
        (one["id"], node["html"])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]


def test_nothing_is_asked_of_elsewhere_and_nothing_goes_wrong(go, browser, address):
    browser.get_log("browser")
    for name in PAGES:
        go(f"{address}/{name}")
        asked = browser.execute_script(
            "return performance.getEntriesByType('resource').map((one) => one.name)"
        )
        assert asked
        assert all(one.startswith((address, "data:", "blob:")) for one in asked)
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
