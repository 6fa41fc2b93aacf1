"""Counts of real doors and streets as messages of the feed footfall, and as hours, by pandas."""

import json
from dataclasses import dataclass

import pandas as pd

from tests.real import sets


@dataclass(frozen=True)
class Counted:
    """A data set: each counter is the door of a shop of its own.

    counts  shop_id, began_at (UTC), business_on (by its own local time, as far as it says), entries
    """

    counts: pd.DataFrame
    time_zone: str
    interval_s: int


def melbourne() -> Counted:
    """pedestrian_melbourne: hours of four streets and squares; those that are missing stay so."""
    said = pd.read_csv(sets.DATA / "pedestrian_melbourne" / "pedestrian.csv.gz")
    counts = pd.DataFrame(
        {
            "shop_id": said["sensor"].str.replace(" ", "-"),
            "began_at": pd.to_datetime(said["ts_utc"]),
            "business_on": pd.to_datetime(said["ts_local"].str[:10]).dt.date,
            "entries": said["count"],
        }
    )
    return Counted(counts, "Australia/Melbourne", 3600)


def calit2() -> Counted:
    """calit2_inflow: half hours of one door; its clock says UTC."""
    said = pd.read_csv(sets.DATA / "calit2_inflow" / "cal-inflow-2.csv.gz")
    began_at = pd.to_datetime(said["date"])
    counts = pd.DataFrame({"shop_id": "CalIt2", "began_at": began_at, "entries": said["observed"]})
    return Counted(counts.assign(business_on=began_at.dt.date), "UTC", 1800)


def hours(counted: Counted) -> pd.DataFrame:
    """Visitors of every hour that was counted, summed in pandas."""
    counts = counted.counts.assign(hour_at=counted.counts["began_at"].dt.floor("h"))
    key = ["shop_id", "hour_at", "business_on"]
    summed = counts.groupby(key, as_index=False)["entries"].sum()
    return summed.rename(columns={"entries": "visitors"})


def objects(counted: Counted) -> dict[str, bytes]:
    """Landing objects: the shops and their doors, then what each month counted, at its end; the last
    one twice.
    """
    first = counted.counts["began_at"].min()
    landed = {_key("reference", first): _lines(_references(counted, first))}
    month = counted.counts["began_at"].dt.strftime("%Y%m")
    for _, counts in counted.counts.groupby(month):
        messages = [_interval(counted, row) for row in counts.itertuples()]
        ended = counts["began_at"].max() + pd.Timedelta(seconds=counted.interval_s)
        landed[_key("doors", ended)] = _lines(messages)
    landed[_key("again", ended)] = _lines(messages)
    return landed


def _references(counted: Counted, first: pd.Timestamp) -> list[dict[str, object]]:
    since = (first - pd.Timedelta(days=1)).isoformat()
    found = []
    for shop in sorted(counted.counts["shop_id"].unique()):
        place = {"latitude": "0", "longitude": "0"}
        door = {"device_id": f"{shop}-door", "zone_id": f"{shop}-entrance", "kind": "door_counter"}
        payloads = {
            "shops": {"shop_id": shop, "time_zone": counted.time_zone} | place,
            "devices": {"shop_id": shop, "interval_s": f"{counted.interval_s}"} | door,
        }
        for feed, payload in payloads.items():
            said = payload | {"effective_at": since}
            envelope = {"event_id": f"{feed}-{shop}", "feed": feed, "shop_id": shop}
            found.append(_message(envelope | {"device_id": None}, first, said))
    return found


def _interval(counted, row):
    ended = row.began_at + pd.Timedelta(seconds=counted.interval_s)
    said = {"entries": row.entries, "exits": 0, "interval_s": counted.interval_s}
    envelope = {
        "event_id": f"{row.shop_id}-{row.began_at:%Y%m%d%H%M}",
        "feed": "footfall",
        "shop_id": row.shop_id,
        "device_id": f"{row.shop_id}-door",
    }
    return _message(envelope, ended, said)


def _message(envelope, at, payload):
    emitted_at = f"{at:%Y-%m-%dT%H:%M:%S.000Z}"
    rest = {"schema_version": 1, "subject": None, "emitted_at": emitted_at, "payload": payload}
    return envelope | rest


def _key(what: str, at: pd.Timestamp) -> str:
    return f"{at:%Y-%m-%d}/{what}_{at:%Y%m%dT%H%M%S.000Z}.jsonl"


def _lines(messages: list[dict[str, object]]) -> bytes:
    return "".join(json.dumps(message) + "\n" for message in messages).encode()
