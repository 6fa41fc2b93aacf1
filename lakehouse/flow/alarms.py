"""Which verdicts and devices somebody must hear of, and in which words."""

import threading
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any

from lakehouse import tables
from lakehouse.alerts import Alert, Bell
from lakehouse.flow import suites
from lakehouse.flow.place import Place
from lakehouse.lake import Lake
from lakehouse.tables import Table
from lakehouse.verdicts import Stand, Verdict, sentences

HEALTH, FAULTS = tables.by_name("gold.device_health"), tables.by_name("silver.device_faults")

_MANY = 5  # devices of a shop: more than these are told of as one
_EARLY_H = 6  # hours of a day; until then the day before is looked at
_CLOSED = timedelta(days=14)  # a shop that was not heard for longer is closed


def ring(place: Place, stands: Mapping[str, Stand]) -> list[str]:
    """Tell of what does not hold now, and of the devices that have gone bad; the names of the
    alerts that were sent.
    """
    found = [alert for stand in stands.values() for alert in of_stand(stand)]
    found += of_devices(place.lake, place.settings.alerts.device_health)
    with place.busy.setdefault("alarms", threading.Lock()):  # what was told is read and written
        bell = Bell(place.settings, place.lake.storage)
        return bell.ring(found, datetime.now(UTC), {*stands, HEALTH.name})


def of_stand(stand: Stand) -> list[Alert]:
    """What does not hold of a table."""
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


def of_devices(lake: Lake, least: float) -> list[Alert]:
    """The devices whose health on the last day that their shop was heard is below the least, one
    alert each; where a shop has many of them, one of the shop. And each shop of which nothing was
    heard for a day on which others were.
    """
    if not lake.exists(HEALTH) or not lake.rows(HEALTH):
        return []
    version = lake.version(HEALTH)
    newest = "SELECT max(day_on) FROM read AS other WHERE other.shop_id = read.shop_id"
    there = _accounts(lake, version, f"shop_id IS NOT NULL AND day_on = ({newest})")
    today = max((row["day_on"] for row in there), default=date.min)
    return [
        alert
        for shop_id, rows in groupby(there, lambda row: row["shop_id"])
        for alert in _of_shop(lake, version, shop_id, list(rows), today, least)
    ]


def _accounts(lake: Lake, version: int, where: str) -> list[dict[str, Any]]:
    columns = ("shop_id", "device_id", "day_on", "health", "last_seen_at", "faults_s")
    rows = lake.read(HEALTH, *columns, where=where, version=version).to_pylist()
    return sorted(rows, key=lambda row: (row["shop_id"], row["health"], row["device_id"]))


def _of_shop(  # noqa: PLR0917
    lake: Lake,
    version: int,
    shop_id: str,
    rows: list[dict[str, Any]],
    today: date,
    least: float,
) -> list[Alert]:
    """Takes   rows  of the shop's last day, the worst first."""
    day_on, of_shop = rows[0]["day_on"], f"shop_id = '{shop_id}'"
    if today - day_on > _CLOSED:
        return []
    if today - day_on > timedelta(days=1):
        said = f"no device of {shop_id} was heard after {day_on}, though others were until {today}"
        return [_of_health(HEALTH, version, shop_id, said, rows[0], of_shop)]
    if _is_early(rows):
        day_on -= timedelta(days=1)
        rows = _accounts(lake, version, f"{of_shop} AND day_on = DATE '{day_on}'")
    bad = [row for row in rows if row["health"] < least]
    if len(bad) > _MANY:
        said = f"{len(bad)} devices of {shop_id} are in bad health on {day_on}"
        where = f"{of_shop} AND health < {least}"
        return [_of_health(HEALTH, version, shop_id, said, bad[0], where)]
    return [
        _of_health(
            FAULTS,
            version,
            row["device_id"],
            f"{row['device_id']} of {shop_id} is in bad health on {day_on}: "
            f"{row['health']:.2f}{_faults(row)}",
            row,
            f"device_id = '{row['device_id']}'",
        )
        for row in bad
    ]


def _is_early(rows: list[dict[str, Any]]) -> bool:
    """Whether so little of the day was heard that it says nothing of a device."""
    seen = sorted(row["last_seen_at"] for row in rows if row["last_seen_at"])
    if not seen:
        return False
    usual = seen[len(seen) // 2]  # not the last: a clock may be wrong
    return bool(usual.date() == rows[0]["day_on"] and usual.hour < _EARLY_H)


def _of_health(  # noqa: PLR0917
    shows: Table, version: int, of: str, said: str, row: dict[str, Any], where: str
) -> Alert:
    asked = f"SELECT * FROM {shows.name} WHERE {where} AND day_on = DATE '{row['day_on']}'"
    command = f'lakehouse query "{asked}"'
    sentence = f"{said}; `{command}` shows more"
    return Alert("device_fault", HEALTH.name, version, of, sentence, command)


def _faults(row: dict[str, Any]) -> str:
    """What was wrong for how long, the longest first."""
    found = sorted(row["faults_s"] or (), key=lambda one: -one["seconds"])
    said = ", ".join(f"{one['fault']} for {one['seconds'] / 3600:.1f} h" for one in found)
    return f" ({said})" if said else ""


def _alert(kind: str, verdict: Verdict, sentence: str, command: str) -> Alert:
    of = verdict.expectation_id
    return Alert(kind, verdict.table_name, verdict.version, of, sentence, command)
