"""What one would write first: fixed thresholds, and how far a value is from a device's mean."""

import numpy as np
import pandas as pd

HOW = {
    "broken_line": "Python's json",
    "gap": "a hole of an hour",
    "silent": "an hour without",
    "stuck": "6 equal values",
    "spike": "3 sd of the device",
    "step": "hourly mean, 3 sd",
    "drift": "hourly mean, 3 sd",
    "wrong_clock": "2 h from arrival",
    "dying_battery": "gauge at 20 %",
}
_HOUR = pd.Timedelta(hours=1)
_SERIES = ["device_id", "metric"]


def found(readings: pd.DataFrame) -> pd.DataFrame:
    """Faults of devices by simple means.

    Takes   readings  device_id, metric, measured_at, arrived_at, value, raw_value
    Gives   device_id, fault, from_at, to_at
    """
    ordered = readings.sort_values([*_SERIES, "measured_at"], ignore_index=True)
    series = ordered.groupby(_SERIES, sort=False)
    score = (ordered["value"] - series["value"].transform("mean")) / series["value"].transform(
        "std"
    )
    main = ordered[ordered["metric"] != "battery"]
    parts = [
        _gaps(main),
        _points(ordered[(score.abs() > 3).to_numpy()], "spike"),
        _stuck(main),
        *_levels(ordered.assign(score=score)),
        _points(ordered[ordered["arrived_at"] - ordered["measured_at"] > 2 * _HOUR], "wrong_clock"),
        _points(
            ordered[(ordered["metric"] == "battery") & (ordered["value"] <= 20)], "dying_battery"
        ),
    ]
    return pd.concat(parts, ignore_index=True)


def silent(readings: pd.DataFrame) -> pd.DataFrame:
    """Devices that were not heard for an hour when their shop was last heard: device_id."""
    last = readings.groupby("device_id", as_index=False).agg(
        {"measured_at": "max", "shop_id": "first"}
    )
    heard = readings.groupby("shop_id")["measured_at"].max()
    is_silent = last["shop_id"].map(heard) - last["measured_at"] > _HOUR
    return last.loc[is_silent, ["device_id"]]


def _frame(device: pd.Series, fault: str, begins: pd.Series, ends: pd.Series) -> pd.DataFrame:
    columns = {
        "device_id": device.to_numpy(),
        "fault": fault,
        "from_at": begins.to_numpy(),
        "to_at": ends.to_numpy(),
    }
    return pd.DataFrame(columns)


def _gaps(main: pd.DataFrame) -> pd.DataFrame:
    beats = main.drop_duplicates(["device_id", "measured_at"]).sort_values(
        ["device_id", "measured_at"]
    )
    before = beats.groupby("device_id")["measured_at"].shift()
    is_gap = beats["measured_at"] - before > _HOUR
    return _frame(beats["device_id"][is_gap], "gap", before[is_gap], beats["measured_at"][is_gap])


def _stuck(main: pd.DataFrame) -> pd.DataFrame:
    new = main["raw_value"] != main.groupby(_SERIES, sort=False)["raw_value"].shift()
    runs = main.groupby(new.cumsum())
    counted = runs.agg(
        device_id=("device_id", "first"),
        begins=("measured_at", "min"),
        ends=("measured_at", "max"),
        size=("measured_at", "size"),
    )
    long = counted[counted["size"] >= 6]
    return _together(_frame(long["device_id"], "stuck", long["begins"], long["ends"]))


def _levels(scored: pd.DataFrame) -> list[pd.DataFrame]:
    hour = scored["measured_at"].dt.floor("h")
    means = scored.groupby([*_SERIES, hour])["score"].mean().abs().reset_index()
    high = means[means["score"] > 3]
    ends = high["measured_at"] + _HOUR
    return [
        _together(_frame(high["device_id"], fault, high["measured_at"], ends))
        for fault in ("step", "drift")
    ]


def _points(rows: pd.DataFrame, fault: str) -> pd.DataFrame:
    alone = _frame(rows["device_id"], fault, rows["measured_at"], rows["measured_at"])
    return alone if fault == "spike" else _together(alone)


def _together(found: pd.DataFrame) -> pd.DataFrame:
    """Faults of a device no more than an hour and a half apart as one."""
    ordered = found.sort_values(["device_id", "from_at"], ignore_index=True)
    if not len(ordered):
        return ordered
    is_same = ordered["device_id"].eq(ordered["device_id"].shift())
    is_near = ordered["from_at"] - ordered["to_at"].shift() <= 1.5 * _HOUR
    island = np.cumsum(~(is_same & is_near))
    return ordered.groupby(island).agg(
        {"device_id": "first", "fault": "first", "from_at": "min", "to_at": "max"}
    )
