"""How far away a beacon was, at real known distances: ours beside one log-distance fit for all.

../shared/data/ble_known_distance (MIT Lincoln Laboratory, CC BY 4.0), whose SOURCE.txt says what is
known of it. The distance is the file name's: one file has another in its header. Judged are whole
files (as in SOURCE.txt) and the turns within them (the phones stood in eight directions).

Left out is a carrier whole - a way to carry the two phones, so that the estimate is for someone
unknown - or only what is judged and all else at its distance, so that the carrier is known.
"""

import numpy as np
import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from bench.results import Row
from lakehouse.radio import ranging
from lakehouse.settings import PROJECT

DATA = PROJECT.parent / "shared" / "data" / "ble_known_distance"

_FOOT_M = 0.3048
_NO_READING = 127

PLAIN = "one fit for all"


def read() -> pd.DataFrame:
    """carrier, distance_m, turn, rssi_dbm; 127 is no reading."""
    rows = pd.read_csv(DATA / "blueprox_rssi.csv.gz")
    rows = rows[rows["rssi"] != _NO_READING]
    return pd.DataFrame(
        {
            "carrier": rows["scenario"],
            "distance_m": rows["range_ft_filename"] * _FOOT_M,
            "turn": rows["angle"],
            "rssi_dbm": rows["rssi"],
        }
    )


def figures(spark: SparkSession) -> list[Row]:
    """Every figure of the known distances."""
    readings = read()
    rows = []
    for what, by in (("files", []), ("turns", ["turn"])):
        grouped = readings.groupby(["carrier", "distance_m", *by])["rssi_dbm"]
        labelled = grouped.median().rename("level_dbm").reset_index()
        plain = _plain(labelled)
        rivals = {
            PLAIN: np.abs(plain - labelled["distance_m"]),
            "always the middle": _middle(labelled),
        }
        for who, is_known in (("unknown carrier", False), ("known carrier", True)):
            found = _estimated(spark, labelled, is_known=is_known)
            rows += _rows(f"{what}, {who}", found, rivals)
    return rows


def _plain(labelled: pd.DataFrame) -> "pd.Series[float]":
    """The fit of SOURCE.txt: on all that is judged, as it is given there."""
    slope, at_1_m = np.polyfit(np.log10(labelled["distance_m"]), labelled["level_dbm"], 1)
    return 10 ** ((labelled["level_dbm"] - at_1_m) / slope)


def _middle(labelled: pd.DataFrame) -> "pd.Series[float]":
    """What is off who listens to nothing, and says the median of the other carriers' distances."""
    others = [
        labelled.loc[labelled["carrier"] != carrier, "distance_m"].median()
        for carrier in labelled["carrier"]
    ]
    return (labelled["distance_m"] - others).abs()


def _estimated(spark: SparkSession, labelled: pd.DataFrame, *, is_known: bool) -> pd.DataFrame:
    """distance_m (true), estimate_m, from_m, to_m: each row judged without itself."""
    carriers = []
    for carrier, own in labelled.groupby("carrier"):
        found = ranging.fit(labelled[labelled["carrier"] != carrier])
        for distance_m in own["distance_m"].unique():
            rest = own[own["distance_m"] != distance_m] if is_known else None
            of = {"carrier": carrier, "true_m": float(distance_m)}
            carriers.append(of | ranging.parameters(found, rest))
    levels = spark.createDataFrame(
        labelled[["carrier", "distance_m", "level_dbm"]].rename(columns={"distance_m": "true_m"})
    )
    found = ranging.distances(levels, spark.createDataFrame(pd.DataFrame(carriers)))
    return found.select(
        F.col("true_m").alias("distance_m"),
        F.col("distance_m").alias("estimate_m"),
        "from_m",
        "to_m",
    ).toPandas()


def _rows(what: str, found: pd.DataFrame, rivals: dict[str, "pd.Series[float]"]) -> list[Row]:
    off_m = (found["estimate_m"] - found["distance_m"]).abs()
    rows = []
    for rival, off in rivals.items():
        for name, value, theirs in (
            ("median", off_m.median(), off.median()),
            ("mean", off_m.mean(), off.mean()),
        ):
            aim = float(theirs) if rival == PLAIN else None
            called = f"{name} ranging error, {what}"
            rows.append(Row(called, float(value), "m", aim, float(theirs), rival, is_at_most=True))
    holds = 100 * float(found["distance_m"].between(found["from_m"], found["to_m"]).mean())
    width_m = float((found["to_m"] - found["from_m"]).median())
    called = f"90 % intervals, how far from 90 % hold, {what}"
    return [
        *rows,
        Row(called, abs(holds - 90), "points", 2.0, holds, "% hold", is_at_most=True),
        Row(f"median width of an interval, {what}", width_m, "m"),
    ]
