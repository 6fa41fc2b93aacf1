"""Real data sets as frames with our names and units, from ../shared/data, where they are.

Each folder there has a SOURCE.txt that says where the set is from and what is known of it. None is
part of the project: they are read where they lie.
"""

import io
import math
import tarfile
from collections.abc import Callable, Mapping

import pyarrow as pa
from pyarrow import csv
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.settings import PROJECT

DATA = PROJECT.parent / "shared" / "data"
Frame = Callable[[pa.Table], DataFrame]  # how a table in memory becomes a frame

_AI4I = {
    "UID": "uid",
    "Product ID": "product_id",
    "Type": "quality",
    "Air temperature [K]": "air_temperature_k",
    "Process temperature [K]": "process_temperature_k",
    "Rotational speed [rpm]": "rotational_speed_rpm",
    "Torque [Nm]": "torque_nm",
    "Tool wear [min]": "tool_wear_min",
    "Machine failure": "has_failed",
    "TWF": "is_worn",
    "HDF": "is_overheated",
    "PWF": "is_underpowered",
    "OSF": "is_overstrained",
    "RNF": "is_random",
}
_BLE = {
    "scenario": "scenario",
    "range_ft_filename": "range_ft_of_file",
    "range_ft_header": "range_ft_of_header",
    "angle": "angle_deg",
    "log_time": "log_time",
    "peripheral_uuid": "beacon_id",
    "rssi": "rssi_dbm",
    "tx_or_adv_field": "tx_power",
}
_RETAIL = {
    "InvoiceNo": "invoice_id",
    "StockCode": "product_id",
    "Description": "description",
    "Quantity": "quantity",
    "InvoiceDate": "invoiced_at",
    "UnitPrice": "unit_price_gbp",
    "CustomerID": "customer_id",
    "Country": "country",
}


def machines(frame: Frame) -> DataFrame:
    """ai4i2020: one row is a machine; differences and products in doubles, as the labels were made."""
    said = _read(frame, "ai4i2020/ai4i2020.csv.gz", _AI4I)
    turns = F.col("rotational_speed_rpm") * (2 * math.pi / 60)
    return said.withColumns(
        {
            "temperature_difference_k": F.expr("process_temperature_k - air_temperature_k"),
            "power_w": F.col("torque_nm") * turns,
            "strain_min_nm": F.expr("tool_wear_min * torque_nm"),
        }
    )


def counts(frame: Frame) -> DataFrame:
    """pedestrian_melbourne: one row is an hour that was counted."""
    return _read(frame, "pedestrian_melbourne/pedestrian.csv.gz").select(
        "sensor",
        F.col("ts_utc").cast("timestamp").alias("counted_at"),
        F.col("ts_local").alias("local_time"),
        F.col("hour").cast("int").alias("hour"),
        F.expr("hour(from_utc_timestamp(ts_utc, 'Australia/Melbourne'))").alias(
            "hour_in_melbourne"
        ),
        F.col("count").alias("pedestrians"),
    )


def every_hour(counts: DataFrame) -> DataFrame:
    """Every counter at every hour from the first to the last of all; null where nothing is told."""
    hours = counts.agg(
        F.explode(
            F.sequence(F.min("counted_at"), F.max("counted_at"), F.expr("interval 1 hour"))
        ).alias("counted_at")
    )
    grid = counts.select("sensor").distinct().crossJoin(hours)
    return grid.join(counts, on=["sensor", "counted_at"], how="left")


def bakery(frame: Frame) -> DataFrame:
    """bakery_demand: one row is a product of a shop on a day; the demand is in a file beside."""
    said = _table("bakery_demand/bakery_data.csv.gz")
    demand = _table("bakery_demand/bakery_target.csv.gz")["demand"]
    names = {"date": "sold_on", "store": "shop", "rain": "rain_mm", "temperature": "temperature_c"}
    renamed = said.rename_columns([names.get(name, name) for name in said.column_names])
    days = frame(renamed.append_column("demand", demand))
    return days.withColumns(
        {
            "weekday_of_date": F.upper(F.date_format("sold_on", "E")),
            "month_of_date": F.upper(F.date_format("sold_on", "MMM")),
            "year_of_date": F.year("sold_on"),
        }
    )


def sightings(frame: Frame) -> DataFrame:
    """ble_known_distance: one row is a Bluetooth advertisement heard at a known distance."""
    return _read(frame, "ble_known_distance/blueprox_rssi.csv.gz", _BLE)


def invoice_lines(frame: Frame) -> DataFrame:
    """uci_online_retail: one row is a line of an invoice, from a file a day."""
    with tarfile.open(DATA / "uci_online_retail" / "online_retail_by_day.tar.gz") as days:
        files = [days.extractfile(day) for day in days if day.name.endswith(".csv")]
        bodies = [file.read() for file in files if file is not None]
    head = bodies[0].split(b"\n", 1)[0]
    lines = b"".join(body.split(b"\n", 1)[1] for body in bodies)
    texts = dict.fromkeys(("InvoiceNo", "StockCode", "CustomerID"), pa.string())
    said = _csv(io.BytesIO(head + b"\n" + lines), texts).rename_columns(list(_RETAIL.values()))
    return frame(said).withColumns(
        {
            "invoiced_at": F.col("invoiced_at").cast("timestamp"),
            "amount_gbp": F.expr("quantity * unit_price_gbp"),
        }
    )


def _read(frame: Frame, path: str, names: Mapping[str, str] | None = None) -> DataFrame:
    said = _table(path)
    if names:
        assert said.column_names == list(names)
        said = said.rename_columns(list(names.values()))
    return frame(said)


def _table(path: str) -> pa.Table:
    with pa.input_stream(DATA / path, compression="gzip") as stream:
        # (Instants as the file has them: they are text until Spark reads them.)
        return _csv(stream, dict.fromkeys(("ts_utc", "ts_local", "log_time"), pa.string()))


def _csv(stream: object, types: Mapping[str, pa.DataType]) -> pa.Table:
    options = csv.ConvertOptions(column_types=types, strings_can_be_null=True, null_values=[""])
    return csv.read_csv(stream, convert_options=options)
