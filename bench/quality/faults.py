"""What is found of the faults that the simulator plants, beside what one would write first.

    make bench-quality PART=faults

Worlds of eight days with three seeds that nothing was tuned on (101 and 102 were used for that) go
through a lakehouse each. Rows: what ops.quarantine and ops.repeats hold is set beside the truth,
line by line; of a sentinel, the flag. Devices: silver.device_faults is set beside the truth, where
an interval is found if one of the same kind of the same device overlaps it, with an interval of
slack; parts cut at midnight are one. A gap also has to be seen while it lasts: what the gateways
had handed in by 5, 8 and 11 o'clock of each day, by itself, must say that the device is silent
where it had not been heard for 45 minutes. SEEDS="11" does one seed, DAYS=4 shorter worlds.
"""

import gzip
import io
import json
import os
import shutil
from collections import defaultdict
from multiprocessing import get_context

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from bench.quality import matching, naive
from bench.quality.matching import NOTHING, Score
from bench.results import Row
from lakehouse import faults, s3, s3_server, settings, simulator, tables
from lakehouse.faults import flags
from lakehouse.flow import ingest, place, refine
from lakehouse.flow.place import Place
from lakehouse.settings import PROJECT, Buckets, Faults, Settings, Simulation

SEEDS = tuple(int(seed) for seed in os.environ.get("SEEDS", "11 12 13").split())
DAYS = int(os.environ.get("DAYS", "8"))

_HOME = PROJECT / ".cache" / "bench-quality"
# Shares of messages, of receipts, of the days of devices: high enough for 200 of each kind.
_RATES = {
    **{"repeat": 0.01, "receipt_again": 0.03, "late_object": 0.03, "broken_line": 0.001},
    **{"wrong_unit": 0.01, "unknown_product": 0.03, "empty_receipt": 0.03, "burst": 0.001},
    **{"spike": 0.001, "negative_count": 0.01},
    **dict.fromkeys(("drift", "offset", "stuck", "gap", "dying_battery", "wrong_clock"), 0.1),
}
# Truth's kind -> what silver.device_faults calls it, and the aims of recall and precision.
_DEVICES: dict[str, tuple[tuple[str, ...], tuple[float, ...]]] = {
    "gap": (("gap",), (0.98, 0.98)),
    "stuck": (("stuck",), (0.98, 0.98)),
    "spike": (("spike",), (0.95, 0.95)),
    "offset": (("step",), (0.95, 0.95)),
    "drift": (("drift",), (0.9, 0.9)),
    "wrong_clock": (("wrong_clock",), ()),
    "dying_battery": (("dying_battery", "low_battery"), ()),
}
# Truth's kind -> the table that refuses such a message, and the reasons it gives.
_REFUSED = {
    "broken_line": ("bronze.events", ()),
    "wrong_unit": ("silver.readings", ("unit_is_known", "fridge_temperature_is_plausible")),
    "unknown_product": ("silver.sales", ("product_is_known",)),
    "empty_receipt": ("silver.sales", ("receipt_has_lines",)),
    "negative_count": ("silver.footfall", ("entries_are_not_negative", "exits_are_not_negative")),
}
_ROW_AIMS = (1.0, 0.999)
_SLACK = pd.Timedelta(minutes=15)  # the longest interval of a device that is judged
_HOURS = (5, 8, 11)
_SILENT = pd.Timedelta(minutes=45)
_LINE = ["source_object", "source_line"]

Scores = dict[str, tuple[Score, Score | None]]


def figures() -> list[Row]:
    """All rows of the table."""
    shutil.rmtree(_HOME, ignore_errors=True)
    _HOME.mkdir(parents=True)
    os.environ["LAKEHOUSE_HOME"] = str(_HOME)
    where = settings.load(PROJECT / "conf" / "bench.yml")
    size = Simulation(receipt_days=DAYS, sensor_days=DAYS, faults=Faults(**_RATES))
    where = where.model_copy(update={"simulation": size})
    total: defaultdict[str, tuple[Score, Score | None]] = defaultdict(lambda: (NOTHING, None))
    try:
        with s3_server.running(where) as endpoint, place.opened(_own(where, "none"), "bench") as at:
            for seed in SEEDS:
                for kind, (ours, simple) in _of_world(_own(where, f"w{seed}"), at, seed).items():
                    before, simple_before = total[kind]
                    both = None if simple is None else (simple_before or NOTHING) + simple
                    total[kind] = before + ours, both
            del endpoint
    finally:
        shutil.rmtree(_HOME, ignore_errors=True)
    return _rows(total)


def _rows(total: Scores) -> list[Row]:
    rows = []
    for kind, (ours, simple) in total.items():
        device = {"silent": ((), (0.98, 0.98)), **_DEVICES}.get(kind)
        aims = device[1] if device else _ROW_AIMS
        named = device[0][0] if device and device[0] else kind
        how = naive.HOW.get(named, "")
        rows += matching.rows(kind, ours, simple, how, aims)
    return rows


def _own(where: Settings, prefix: str) -> Settings:
    return where.model_copy(update={"buckets": Buckets.named(prefix)})


def _of_world(where: Settings, opened: Place, seed: int) -> Scores:
    at = place.at(where, opened.endpoint, opened.spark)
    # In a process of its own, as the simulator's memory is not the pipeline's.
    with get_context("spawn").Pool(1) as pool:
        truth, mute, unread = pool.apply(_land, (where, opened.endpoint, seed))
    ingest.everything(at)
    refine.everything(at)
    return {**_refused(at, truth, mute, unread), **_found(at, truth)}


def _land(
    where: Settings, endpoint: str, seed: int
) -> tuple[pd.DataFrame, list[str], list[tuple[str, int]]]:
    """Land the world; give the truth about its faults, the sightings without a strength, and the
    lines that Python's json does not read.
    """
    storage = s3.client(where, endpoint)
    s3.ensure_buckets(storage, where.buckets.model_dump().values())
    bodies: dict[str, bytes] = {}
    mute: list[str] = []
    unread: list[tuple[str, int]] = []
    with s3.uploading(storage) as upload:
        for one in simulator.write(where, seed, lambda _, key, body: bodies.update({key: body})):
            body = bodies.pop(one.key)
            if one.key == "faults.parquet":
                truth = pd.read_parquet(io.BytesIO(body))
            if one.bucket == where.buckets.landing:
                upload(one.bucket, one.key, body)
                plain = gzip.decompress(body) if one.key.endswith(".gz") else body
                for number, line in enumerate(plain.split(b"\n")[:-1], 1):
                    try:
                        said = json.loads(line)
                    except (ValueError, UnicodeDecodeError):
                        unread.append((one.key, number))
                        continue
                    if b'"rssi_dbm":127' in line:
                        mute.append(said["event_id"])
    texts = dict.fromkeys(("kind", "how", "device_id", "feed"), object)
    return truth.astype(texts), mute, unread


def _refused(
    at: Place, truth: pd.DataFrame, mute: list[str], unread: list[tuple[str, int]]
) -> Scores:
    """What had to be refused, repeated or flagged, row by row."""
    sql = at.lake.sql()
    quarantine = sql.sql(
        "SELECT table_name, source_object, source_line, unnest(reasons) AS reason "
        "FROM ops.quarantine"
    ).df()
    scores: Scores = {}
    for kind, (table, reasons) in _REFUSED.items():
        planted = truth[truth["kind"] == kind]
        mine = quarantine[quarantine["table_name"] == table]
        if reasons:
            mine = mine[mine["reason"].isin(reasons)]
        lines = pd.MultiIndex.from_frame(planted[["object", "line"]].astype({"line": int}))
        there = pd.MultiIndex.from_frame(mine[_LINE].drop_duplicates())
        scores[kind] = matching.sets(lines, there), None
        if kind == "broken_line":
            simple = pd.MultiIndex.from_tuples(unread, names=lines.names)
            scores[kind] = scores[kind][0], matching.sets(lines, simple)
    fed = {table.feed for table in tables.SILVER}
    copies = truth[truth["kind"].isin(["repeat", "burst"]) & truth["feed"].isin(fed)]
    repeats = sql.sql("SELECT event_id, table_name FROM ops.repeats").df()
    said = repeats[repeats["table_name"] != "silver.sales"]["event_id"]
    copies = copies[copies["feed"] != "sales"]["event_id"]
    scores["repeat and burst"] = (
        matching.sets(pd.Index(copies.unique()), pd.Index(said.unique())),
        None,
    )
    name = flags.OF_SIGHTINGS[0]
    flagged = sql.sql(
        f"SELECT event_id FROM silver.sightings WHERE list_contains(flags, '{name}')"
    ).df()
    scores["rssi sentinel"] = (
        matching.sets(pd.Index(mute).unique(), pd.Index(flagged["event_id"]).unique()),
        None,
    )
    return scores


def _found(at: Place, truth: pd.DataFrame) -> Scores:
    readings, devices, calibrations = (
        at.store.read(tables.by_name(f"silver.{name}"))
        for name in ("readings", "devices", "calibrations")
    )
    found = faults.found(readings, devices, calibrations).toPandas()
    seen = matching.whole(_plain(found))
    flat = readings.select(
        *("shop_id", "device_id", "metric", "measured_at", "arrived_at", "value", "raw_value"),
        "event_id",
    ).toPandas()
    simple = naive.found(flat)
    planted = _planted(truth, flat)
    scores: Scores = {}
    for kind, (names, _) in _DEVICES.items():
        mine = planted[planted["kind"] == kind]
        ours = seen[seen["fault"].isin(names)]
        other = simple[simple["fault"] == names[0]]
        slack = pd.Timedelta(0) if kind == "spike" else _SLACK
        scores[kind] = (
            matching.intervals(mine, ours, slack),
            matching.intervals(mine, other, slack),
        )
    scores["silent"] = _silent(readings, devices, calibrations, planted)
    return scores


def _plain(found: pd.DataFrame) -> pd.DataFrame:
    """Instants without a zone (they are UTC), as pandas merges them with others."""
    return found.assign(
        **{
            name: pd.to_datetime(found[name]).astype("datetime64[us]")
            for name in ("from_at", "to_at")
        }
    )


def _planted(truth: pd.DataFrame, flat: pd.DataFrame) -> pd.DataFrame:
    """What befell devices: those for a time, and the spikes, at the instant of their reading."""
    lasting = truth[truth["from_at"].notna() & (truth["feed"] == "readings")]
    spikes = truth[truth["kind"] == "spike"].merge(
        flat[["event_id", "measured_at"]], on="event_id", how="inner"
    )
    spikes = spikes.assign(from_at=spikes["measured_at"], to_at=spikes["measured_at"])
    columns = ["device_id", "kind", "from_at", "to_at"]
    return _plain(pd.concat([lasting[columns], spikes[columns]], ignore_index=True))


def _silent(
    readings: DataFrame, devices: DataFrame, calibrations: DataFrame, planted: pd.DataFrame
) -> tuple[Score, Score]:
    """Which devices are silent at some hours of each day, by what had been handed in by then."""
    closed = F.col("arrived_at") - F.expr("INTERVAL 1 MINUTE")  # in the hour it was gathered in
    hours = F.array(*(F.lit(hour) for hour in _HOURS))
    seen = (
        readings.withColumns({"_day": F.to_date(closed), "_hour": F.explode(hours)})
        .where(F.hour(closed) < F.col("_hour"))
        .withColumn("_at", F.concat_ws("@", F.lit(""), F.col("_day").cast("string"), "_hour"))
    )
    looks = seen.select("_at").distinct()
    own = {name: F.concat(name, "_at") for name in ("device_id", "shop_id")}
    known = devices.crossJoin(looks).withColumns(own)
    found = faults.found(seen.withColumns(own), known, calibrations).toPandas()
    found = found[found["fault"] == "silent"]
    day = found["device_id"].str.split("@").str[1]
    mine = found.loc[day == found["day_on"].astype(str), "device_id"]
    flat = seen.withColumns(own).select("device_id", "shop_id", "measured_at").toPandas()
    simple = naive.silent(flat)["device_id"]
    gaps = planted[planted["kind"] == "gap"]
    wanted, holding = set(), set()
    for gap in gaps.itertuples():
        for hour in _HOURS:
            looked = gap.from_at.normalize() + pd.Timedelta(hours=hour)
            name = f"{gap.device_id}@{looked:%Y-%m-%d}@{hour}"
            if gap.from_at <= looked <= gap.to_at:
                holding.add(name)
                if gap.from_at <= looked - _SILENT:
                    wanted.add(name)
    return tuple(
        Score(len(wanted), len(wanted & set(one)), len(set(one)), len(holding & set(one)))
        for one in (mine, simple)
    )
