"""What is found in real, labelled readings by detectors that were tuned on nothing but simulations.

    make bench-quality PART=real

NAB (Numenta Anomaly Benchmark; Ahmad and others, 2017): two series of temperatures with labelled
windows. A window is found if what is found of the values (spikes, drifts, steps, stuck ones) meets
it; what meets none is a false alarm. Beside them NAB's windowed Gaussian: how far each value is in
the tail of the readings before it, of as long a time as a look here, alarmed below one in 100,000.

Single-hop wireless sensor network (Suthaharan and others, 2010): two motes into whose way hot steam
came. Each burst, and each labelled reading.

The files are not part of the project: DATA names their folder, ../shared/data if it is not set.
"""

import io
import json
import math
import os
import tarfile
from pathlib import Path

import pandas as pd
from pyspark.sql import SparkSession

from bench.results import Row
from lakehouse import faults, session, settings
from lakehouse.settings import PROJECT
from tests.worlds import rows_of

_DATA = Path(os.environ.get("DATA") or PROJECT.parent / "shared" / "data")
_NAB = {
    "ambient_temperature_system_failure": 3600.0,
    "machine_temperature_system_failure": 300.0,
}
_OF_VALUES = ("spike", "drift", "step", "stuck")
_LOOK = pd.Timedelta(hours=48)
_TAIL = 1e-5
_LONG_AGO = pd.Timestamp("2000-01-01", tz="UTC")


def figures() -> list[Row]:
    """All rows of the table; none where the files are not there."""
    if not _DATA.is_dir():
        print(f"bench-quality: no folder {_DATA}; DATA names that of the labelled data")
        return []
    os.environ.setdefault("LAKEHOUSE_HOME", str(PROJECT / ".cache" / "bench-quality-real"))
    where = settings.load(PROJECT / "conf" / "bench.yml")
    with session.spark(where, "http://127.0.0.1:9", "bench") as spark:
        return [*_nab(spark), *_steam(spark)]


def _found(
    spark: SparkSession, readings: pd.DataFrame, kind: str, interval_s: float
) -> pd.DataFrame:
    """What is found of the values of devices.

    Takes   readings  device_id, metric, at, value
    Gives   device_id, fault, from_at, to_at
    """
    rows = [
        {
            "shop_id": "real",
            "zone_id": one.device_id,
            "device_id": one.device_id,
            "metric": one.metric,
            "measured_at": one.at.to_pydatetime(),
            "value": float(one.value),
            "raw_value": repr(one.value),
            "source_object": one.device_id,
            "source_line": number + 1,
        }
        for number, one in enumerate(readings.itertuples())
    ]
    devices = [
        {
            "device_id": device,
            "shop_id": "real",
            "kind": kind,
            "interval_s": interval_s,
            "valid_from": _LONG_AGO.to_pydatetime(),
        }
        for device in readings["device_id"].unique()
    ]
    frames = [
        rows_of(spark, "silver.readings", rows),
        rows_of(spark, "silver.devices", devices),
        rows_of(spark, "silver.calibrations", []),
    ]
    found = faults.found(*frames).toPandas()
    found = found[found["fault"].isin(_OF_VALUES)]
    for name in ("from_at", "to_at"):
        found[name] = pd.to_datetime(found[name]).dt.tz_localize("UTC")
    return found


def _nab(spark: SparkSession) -> list[Row]:
    rows = []
    with tarfile.open(_DATA / "nab" / "nab_data_labels.tar.gz") as archive:
        windows = json.load(_member(archive, "labels/combined_windows.json"))
        for name, interval_s in _NAB.items():
            path = f"realKnownCause/{name}.csv"
            series = pd.read_csv(_member(archive, f"data/{path}"))
            series["at"] = pd.to_datetime(series["timestamp"], utc=True)
            series = series.sort_values("at", kind="stable", ignore_index=True)
            spans = [tuple(pd.Timestamp(one, tz="UTC") for one in span) for span in windows[path]]
            named = series.assign(device_id=name, metric="temperature")
            found = _found(spark, named, "thermometer", interval_s)
            ours = list(zip(found["from_at"], found["to_at"], strict=True))
            rows += _compared(name, spans, ours, _gaussian(series), series)
    return rows


def _member(archive: tarfile.TarFile, name: str) -> io.BytesIO:
    file = archive.extractfile(name)
    assert file is not None
    return io.BytesIO(file.read())


def _gaussian(series: pd.DataFrame) -> list[tuple[pd.Timestamp, pd.Timestamp]]:
    """Alarms of a windowed Gaussian, those of an hour together as one."""
    value = series.set_index("at")["value"]
    before = value.rolling(_LOOK, min_periods=24, closed="left")
    score = (value - before.mean()).abs() / before.std()
    tail = score.map(lambda one: math.erfc(one / math.sqrt(2)))
    alarms: list[tuple[pd.Timestamp, pd.Timestamp]] = []
    for at in tail.index[tail < _TAIL]:
        if alarms and at - alarms[-1][1] <= pd.Timedelta(hours=1):
            alarms[-1] = alarms[-1][0], at
        else:
            alarms.append((at, at))
    return alarms


def _compared(
    name: str,
    windows: list[tuple[pd.Timestamp, ...]],
    ours: list[tuple[pd.Timestamp, pd.Timestamp]],
    theirs: list[tuple[pd.Timestamp, pd.Timestamp]],
    series: pd.DataFrame,
) -> list[Row]:
    days = (series["at"].max() - series["at"].min()) / pd.Timedelta(days=1)

    def hit(alarms: list[tuple[pd.Timestamp, pd.Timestamp]]) -> int:
        return sum(any(_meet(span, one) for one in alarms) for span in windows)

    def false(alarms: list[tuple[pd.Timestamp, pd.Timestamp]]) -> float:
        return sum(not any(_meet(span, one) for span in windows) for one in alarms) / days

    beside = "windowed Gaussian"
    return [
        Row(f"{name}: windows found", hit(ours), f"of {len(windows)}", None, hit(theirs), beside),
        Row(f"{name}: false alarms", false(ours), "a day", None, false(theirs), beside),
    ]


def _meet(span: tuple[pd.Timestamp, ...], other: tuple[pd.Timestamp, pd.Timestamp]) -> bool:
    return bool(span[0] <= other[1] and other[0] <= span[1])


def _steam(spark: SparkSession) -> list[Row]:
    path = _DATA / "wsn_singlehop_labelled" / "data.csv.gz"
    heard = pd.read_csv(path)
    began = pd.Timestamp("2010-05-09T06:00:00", tz="UTC")  # the hour is not said; every 5 s is
    heard["at"] = began + pd.to_timedelta(heard["reading"] * 5, unit="s")
    heard["device_id"] = "mote-" + heard["mote_id"].astype(str)
    long = heard.melt(
        ["device_id", "at", "label"], ["humidity", "temperature"], "metric", "value"
    ).sort_values("at", ignore_index=True)
    found = _found(spark, long, "mote", 5.0)
    is_found = pd.Series(False, index=heard.index)
    for one in found.itertuples():
        is_found |= (
            (heard["device_id"] == one.device_id)
            & (heard["at"] >= one.from_at)
            & (heard["at"] <= one.to_at)
        )
    is_event = heard["label"] == 1
    burst = (heard["label"].diff().fillna(0) != 0).cumsum()[is_event]
    bursts = is_found[is_event].groupby(burst).any()
    hit, of = int((is_found & is_event).sum()), int(is_event.sum())
    wrong = int((is_found & ~is_event).sum())
    return [
        Row("steam: bursts found", int(bursts.sum()), f"of {len(bursts)}"),
        Row("steam: labelled readings within what is found", hit, f"of {of}"),
        Row("steam: other readings within what is found", wrong, f"of {int((~is_event).sum())}"),
        Row("steam: faults found that meet no burst", _beside(found, heard[is_event]), ""),
    ]


def _beside(found: pd.DataFrame, events: pd.DataFrame) -> int:
    return sum(
        not (
            (events["device_id"] == one.device_id)
            & (events["at"] >= one.from_at)
            & (events["at"] <= one.to_at)
        ).any()
        for one in found.itertuples()
    )
