"""The trend page: each rule by day, and the scores of the newest day, worst first. Static HTML
without a script or anything from the net.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from jinja2 import Environment

from lakehouse.verdicts import COUNTED, FAILED, Verdict

DAYS_SHOWN = 30

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Quality by day</title>
<style>
  body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem; color: #1b1f24; }
  h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2.2rem; }
  table { border-collapse: collapse; }
  th, td { padding: .2rem .5rem; border: 1px solid #d7dbe0; text-align: right; }
  th:first-child, td:first-child { text-align: left; white-space: nowrap; }
  td.what { text-align: left; color: #59636e; max-width: 30rem; }
  .fine { background: #dff3e3; } .some { background: #fff1c7; } .bad { background: #ffd4cf; }
  .none { background: #f3f4f6; } thead th { background: #f3f4f6; font-weight: 600; }
  p.note { color: #59636e; max-width: 60rem; }
</style>
</head>
<body>
<h1>Quality by day</h1>
<p class="note">Made {{ made_at }}. A day is the UTC day of the newest arrival that a judged version
knows of. Green holds; of row rules and counts, yellow says how many messages broke it; red does not
hold. <a href="data_docs/index.html">Suites and verdicts in Great Expectations' own pages</a></p>
{% if scores %}
<h2>Worst first</h2>
<table>
<thead><tr><th>table</th><th>dimension</th><th>day</th><th>score</th><th>worst rule</th></tr></thead>
{% for one in scores %}
<tr><td>{{ one.table_name }}</td><td>{{ one.dimension }}</td><td>{{ one.arrived_on }}</td>
<td class="{{ one.shade }}">{{ "%.4f" % one.score }}</td><td>{{ one.worst_rule or "" }}</td></tr>
{% endfor %}
</table>
{% endif %}
{% for table in tables %}
<h2>{{ table.name }}</h2>
<table>
<thead><tr><th>rule</th>{% for day in table.days %}<th>{{ day.strftime("%m-%d") }}</th>{% endfor %}
<th>what must hold</th></tr></thead>
{% for rule in table.rules %}
<tr><td>{{ rule.id }}</td>
{% for cell in rule.cells %}<td class="{{ cell.shade }}">{{ cell.text }}</td>{% endfor %}
<td class="what">{{ rule.sentence }}</td></tr>
{% endfor %}
</table>
{% endfor %}
</body>
</html>
"""


@dataclass(frozen=True)
class Score:
    """One row of gold.data_quality."""

    table_name: str
    arrived_on: date
    dimension: str
    score: float
    worst_rule: str | None

    @property
    def shade(self) -> str:
        """Its colour."""
        return "fine" if self.score >= _FINE else "some" if self.score >= _SOME else "bad"


@dataclass(frozen=True)
class _Cell:
    shade: str
    text: str


@dataclass(frozen=True)
class _Rule:
    id: str
    sentence: str
    cells: Sequence[_Cell]


@dataclass(frozen=True)
class _Table:
    name: str
    days: Sequence[date]
    rules: Sequence[_Rule]


_FINE, _SOME = 0.999, 0.95


def page(verdicts: Iterable[Verdict], scores: Iterable[Score], made_at: datetime) -> str:
    """The page as HTML.

    Takes   verdicts  of any time, oldest first; the newest DAYS_SHOWN days of each table are shown
            scores    gold.data_quality; the newest day of each table is shown
    """
    by_table: dict[str, list[Verdict]] = {}
    for one in verdicts:
        if one.arrived_at is not None:
            by_table.setdefault(one.table_name, []).append(one)
    env = Environment(autoescape=True, trim_blocks=True)
    return env.from_string(_PAGE).render(
        tables=[_table(name, found) for name, found in sorted(by_table.items())],
        scores=_worst_first(scores),
        made_at=f"{made_at:%Y-%m-%d %H:%M} UTC",
    )


def _worst_first(scores: Iterable[Score]) -> list[Score]:
    found = list(scores)
    newest: dict[str, date] = {}
    for one in found:
        newest[one.table_name] = max(one.arrived_on, newest.get(one.table_name, one.arrived_on))
    shown = [one for one in found if one.arrived_on == newest[one.table_name]]
    return sorted(shown, key=lambda one: (one.score, one.table_name, one.dimension))


def _table(name: str, found: Sequence[Verdict]) -> _Table:
    days = sorted({_day(one) for one in found})[-DAYS_SHOWN:]
    rules: dict[str, dict[date, list[Verdict]]] = {}
    sentences: dict[str, str] = {}
    for one in found:
        rules.setdefault(one.expectation_id, {}).setdefault(_day(one), []).append(one)
        sentences[one.expectation_id] = one.sentence
    return _Table(
        name,
        days,
        [
            _Rule(rule, sentences[rule], [_cell(by_day.get(day, [])) for day in days])
            for rule, by_day in sorted(rules.items())
        ],
    )


def _day(verdict: Verdict) -> date:
    assert verdict.arrived_at is not None
    return verdict.arrived_at.date()


def _cell(found: Sequence[Verdict]) -> _Cell:
    """A rule on a day: counts are added up, of verdicts the last one stands."""
    if not found:
        return _Cell("none", "")
    if found[-1].verdict == COUNTED:
        counts: Mapping[str, int] = Counter(
            {
                "checked": sum(one.checked or 0 for one in found),
                "broken": sum(one.unexpected or 0 for one in found),
            }
        )
        share = f"{counts['broken']:,} of {counts['checked']:,}"
        return _Cell("some" if counts["broken"] else "fine", share)
    last = found[-1]
    text = "" if last.observed is None else f"{last.observed:,.4g}"
    return _Cell("bad" if last.verdict == FAILED else "fine", text)
