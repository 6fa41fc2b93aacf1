"""Which verdicts and devices somebody must hear of, and in which words."""

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
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
    alert each; where a shop has many of them, one of the shop.
    """
    if not lake.exists(HEALTH) or not lake.rows(HEALTH):
        return []
    version = lake.version(HEALTH)
    newest = "SELECT max(day_on) FROM read AS other WHERE other.shop_id = read.shop_id"
    columns = ("shop_id", "device_id", "day_on", "health", "faults_s")
    bad = lake.read(
        HEALTH, *columns, where=f"health < {least} AND day_on = ({newest})", version=version
    )
    told = []
    for shop_id, of_shop in groupby(
        sorted(bad.to_pylist(), key=lambda row: (row["shop_id"], row["health"], row["device_id"])),
        lambda row: row["shop_id"],
    ):
        rows = list(of_shop)
        if len(rows) > _MANY:
            worst = f"{len(rows)} devices of {shop_id} are in bad health on {rows[0]['day_on']}"
            where = f"shop_id = '{shop_id}' AND health < {least}"
            told.append(_of_health(HEALTH, version, shop_id, worst, rows[0], where))
            continue
        for row in rows:
            said = f"{row['device_id']} of {shop_id} is in bad health on {row['day_on']}"
            said += f": {row['health']:.2f}{_faults(row)}"
            where = f"device_id = '{row['device_id']}'"
            told.append(_of_health(FAULTS, version, row["device_id"], said, row, where))
    return told


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
