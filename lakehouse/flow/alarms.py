"""Which verdicts somebody must hear of, and in which words."""

import threading
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from lakehouse import tables
from lakehouse.alerts import Alert, Bell
from lakehouse.flow import suites
from lakehouse.flow.place import Place
from lakehouse.verdicts import Stand, Verdict, sentences


def ring(place: Place, stands: Mapping[str, Stand], besides: Iterable[Alert] = ()) -> list[str]:
    """Tell of what does not hold now; the names of the alerts that were sent.

    Takes   besides  alerts of others, such as devices that have gone bad
    """
    found = [alert for stand in stands.values() for alert in _of(stand)]
    with place.busy.setdefault("alarms", threading.Lock()):  # what was told is read and written
        return Bell(place.settings, place.lake.storage).ring([*found, *besides], datetime.now(UTC))


def _of(stand: Stand) -> list[Alert]:
    told = []
    if stand.broken:
        first = stand.broken[0]
        [sentence] = sentences({stand.table_name: stand})
        told.append(_alert("gate_failed", first, sentence, f"lakehouse gate {stand.table_name}"))
    rules = suites.of(tables.by_name(stand.table_name)).rules
    for one in stand.failed:
        rule = rules.get(one.expectation_id)
        if rule is None or rule.alert is None or one.holds_back:
            continue
        command = f"lakehouse gate {one.table_name}"
        if rule.alert == "quarantine_share":
            command = f"lakehouse quarantine list --table {one.table_name}"
        sentence = f"{one.table_name} version {one.version}: {one.told}; `{command}` shows more"
        told.append(_alert(rule.alert, one, sentence, command))
    return told


def _alert(kind: str, verdict: Verdict, sentence: str, command: str) -> Alert:
    of = verdict.expectation_id
    return Alert(kind, verdict.table_name, verdict.version, of, sentence, command)
