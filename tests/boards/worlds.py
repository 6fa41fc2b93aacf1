"""A small lakehouse written row by row, without Spark: what the pictures must show is known."""

import re
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa

from lakehouse import s3, tables
from lakehouse.lake import Lake
from lakehouse.settings import Buckets, Settings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SUNDAY, MONDAY = date(2026, 3, 1), date(2026, 3, 2)
SUBJECTS = [f"p1_{number:032x}" for number in range(0xABC000, 0xABC005)]
_PLAIN = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "int": pa.int32(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}


def _hour(shop_id, days, hour, *, baskets, cents, visitors):
    began = NOON + timedelta(days=days, hours=hour)
    return {
        "shop_id": shop_id,
        "hour_at": began,
        "business_on": began.date(),
        "baskets": baskets,
        "items": baskets * 3,
        "net_revenue_cents": cents,
        "discount_cents": 0,
        "temperature_readings": 0,
        "out_of_temperature_s": 0,
        "visitors": visitors,
        "conversion": round(baskets / visitors, 4) if visitors else None,
    }


def _batch(batch_id, table_name, *, kept=0, quarantined=0, repeated=0, late=0, undoes=None):
    return {
        "batch_id": batch_id,
        "stage": "refine",
        "table_name": table_name,
        "messages_in": kept + quarantined + repeated,
        "kept": kept,
        "quarantined": quarantined,
        "repeated": repeated,
        "late": late,
        "started_at": NOON,
        "undoes": undoes,
    }


def _verdict(table_name, rule, severity, verdict, *, version=1, days=0, rules_version="r2"):
    return {
        "table_name": table_name,
        "version": version,
        "expectation_id": rule,
        "severity": severity,
        "dimension": "integrity",
        "verdict": verdict,
        "sentence": f"About {rule} <b>",
        "duration_ms": 5,
        "arrived_at": NOON,
        "run_id": f"g{days}",
        "judged_at": NOON + timedelta(days=days),
        "rules_version": rules_version,
        "code_version": "c",
    }


def _arrived(number, feed, shop_id, subject=None, days=0):
    return {
        "event_id": f"e{number}",
        "feed": feed,
        "shop_id": shop_id,
        "subject": subject,
        "payload": "{}",
        "arrived_at": NOON + timedelta(days=days, minutes=number),
        "source_object": "o.jsonl",
        "source_line": number,
    }


def _aside(number, table_name, reasons, shop_id):
    return _arrived(number, "readings", shop_id, SUBJECTS[0]) | {
        "table_name": table_name,
        "reasons": reasons,
    }


def _fridge(device_id, shop_id, too_warm_s, doubted_s=0):
    return {
        "device_id": device_id,
        "shop_id": shop_id,
        "day_on": SUNDAY,
        "business_on": SUNDAY,
        "hour_at": NOON,
        "max_c": 6.5,
        "measured_s": 3600,
        "too_warm_s": too_warm_s,
        "doubted_s": doubted_s,
    }


def _health(device_id, shop_id, day_on, health):
    return {
        "device_id": device_id,
        "shop_id": shop_id,
        "day_on": day_on,
        "kind": "beacon",
        "health": health,
        "battery_percent": 40.0,
    }


def _stay(number, zone_id, shop_id, minutes, after=0):
    entered_at = NOON + timedelta(minutes=after)
    return {
        "day_on": SUNDAY,
        "subject": SUBJECTS[number],
        "entered_at": entered_at,
        "shop_id": shop_id,
        "zone_id": zone_id,
        "left_at": entered_at + timedelta(minutes=minutes),
        "dwell_s": minutes * 60,
        "located_by": ["app"],
        "error_m": 4.5,
    }


def _shelf(product_id, shop_id, hour, out_of_stock_s, lost_units=None):
    return {
        "shop_id": shop_id,
        "day_on": SUNDAY,
        "product_id": product_id,
        "device_id": f"{shop_id}-scale-1",
        "hour_at": NOON + timedelta(hours=hour),
        "counted_by": "weight",
        "units": 0 if out_of_stock_s else 7,
        "out_of_stock_s": out_of_stock_s,
        "lost_units": lost_units,
    }


def _checked(product_id, shop_id, hour, *findings, till_difference_cents=None):
    return {
        "shop_id": shop_id,
        "day_on": SUNDAY,
        "product_id": product_id,
        "device_id": f"{shop_id}-label-1",
        "hour_at": NOON + timedelta(hours=hour),
        "label_price_cents": 199,
        "till_difference_cents": till_difference_cents,
        "findings": list(findings),
    }


def _rule(level, antecedent, consequent, lift):
    return {
        "level": level,
        "antecedent": antecedent,
        "consequent": consequent,
        "lift": lift,
        "support": 0.1,
        "confidence": 0.5,
        "baskets_with_both": 20,
        "q_value": 0.01,
    }


def _segment(number, segment, words):
    return {"subject": SUBJECTS[number], "as_of_on": SUNDAY, "segment": segment, "words": words}


def _features(number, cents, baskets):
    return {
        "subject": SUBJECTS[number],
        "as_of_on": SUNDAY,
        "net_revenue_cents": cents,
        "baskets": baskets,
        "recency_d": number,
    }


def _offer(number, rank, item, task="new"):
    return {
        "subject": SUBJECTS[number],
        "level": "product",
        "task": task,
        "rank": rank,
        "item": item,
        "score": 0.7,
        "method": "als",
        "reason": "others who buy tea buy it too",
    }


ROWS = {
    "bronze.events": [
        _arrived(1, "sales", "S1", SUBJECTS[1]),
        _arrived(2, "sales", "S2"),
        _arrived(3, "readings", "S1"),
        _arrived(4, "readings", "S1", days=-30),
    ],
    "ops.batches": [
        _batch("b1", "silver.sales", kept=70, quarantined=5, repeated=3, late=9),
        _batch("b2", "silver.sales", kept=1000),
        _batch("u2", "silver.sales", undoes="b2"),
        _batch("b2", "silver.footfall", kept=11, quarantined=2),
    ],
    "ops.quarantine": [
        _aside(1, "silver.readings", ["unit_is_known", "shop_is_known"], "S1"),
        _aside(2, "silver.readings", ["unit_is_known"], "S2"),
        _aside(3, "silver.sales", ["unit_is_known"], "S2"),
    ],
    "ops.quality_results": [
        _verdict("silver.sales", "key", "fail", "passed", version=1),
        _verdict("silver.sales", "key", "fail", "failed", version=2, days=1),
        _verdict("silver.sales", "usual", "warn", "failed", version=2, days=1),
        _verdict("silver.sales", "known", "fail", "passed", version=2, days=1),
        _verdict("silver.sales", "gone", "fail", "failed", rules_version="r1"),
        _verdict("silver.sales", "price", "quarantine", "counted", version=2, days=1),
        _verdict("silver.shops", "key", "fail", "passed"),
    ],
    "gold.data_quality": [
        {
            "table_name": "silver.sales",
            "arrived_on": day,
            "dimension": "integrity",
            "score": score,
            "worst_rule": "key",
        }
        for day, score in ((SUNDAY, 0.25), (MONDAY, 0.75))
    ],
    "gold.shops": [
        {"shop_id": shop, "time_zone": "UTC", "currency": "USD"} for shop in ("S1", "S2")
    ],
    "gold.shop_hours": [
        _hour("S1", 0, 0, baskets=10, cents=12_345, visitors=40),
        _hour("S1", 0, 1, baskets=7, cents=10_000, visitors=None),
        _hour("S1", 0, 2, baskets=9, cents=7_000, visitors=10),
        _hour("S1", 1, 0, baskets=4, cents=5_050, visitors=16),
        _hour("S2", 0, 0, baskets=3, cents=-250, visitors=None),
        _hour("S2", 1, 0, baskets=6, cents=8_800, visitors=30),
    ],
    "gold.fridge_hours": [
        _fridge("S1-fridge-1", "S1", 1200, 300),
        _fridge("S1-fridge-2", "S1", 0),
        _fridge("S2-fridge-1", "S2", 60),
    ],
    "gold.visits": [
        _stay(0, "S1-produce", "S1", 4),
        _stay(1, "S1-produce", "S1", 9),
        _stay(1, "S2-checkout", "S2", 2, after=20),
    ],
    "gold.shelf_stock": [
        _shelf("tea", "S1", 0, 3600, 1.5),
        _shelf("tea", "S1", 1, 1800, 0.25),
        _shelf("tea", "S2", 0, 2520),
        _shelf("milk", "S1", 0, 0),
    ],
    "gold.price_checks": [
        _checked("tea", "S1", 0, "label_differs", "till_differs", till_difference_cents=-150),
        _checked("tea", "S1", 1, "label_differs"),
        _checked("milk", "S2", 0, "label_silent"),
        _checked("milk", "S2", 1),
    ],
    "gold.device_health": [
        _health("S1-beacon-1", "S1", SUNDAY, 0.5),
        _health("S1-beacon-1", "S1", MONDAY, 0.7),
        _health("S1-beacon-2", "S1", SUNDAY, 1.0),
        _health("S2-beacon-1", "S2", SUNDAY, 0.9),
    ],
    "gold.product_affinities": [
        _rule("category", ["tea", "milk"], "biscuits & <jam>", 3.5),
        _rule("product", ["P1"], "P2", 2.25),
    ],
    "gold.customer_segments": [
        _segment(0, "evening", "buys in the evening"),
        _segment(1, "evening", "buys in the evening"),
        _segment(2, "it's weekly", "comes on Saturdays"),
    ],
    "gold.customer_features": [
        _features(0, 10_000, 4),
        _features(1, 20_000, 6),
        _features(2, 5_000, 2),
    ],
    "gold.recommendations": [
        _offer(0, 1, "cake"),
        _offer(1, 1, "cake"),
        _offer(2, 1, "tea"),
        _offer(2, 2, "cake"),
        _offer(3, 1, "tea", "again"),
    ],
    "ops.promotions": [
        {
            "decision_id": f"d{days}",
            "decided_at": NOON + timedelta(days=days),
            "decided_by": "somebody",
            "model": "segments",
            "model_version": days + 1,
            "action": "train",
            "is_promoted": True,
            "figures": [
                ("stability.model", 0.5 + days / 10),
                ("stability.chance", 0.125),
                ("stability.over chance, low", 0.2),
                ("scoring_s", 3.0),
            ],
        }
        for days in (0, 1)
    ],
}


def lake_of(prefix, server, rows):
    """A lakehouse in buckets of its own with these rows: table -> rows of what is not null."""
    settings = Settings(buckets=Buckets.named(prefix))
    s3.ensure_buckets(s3.client(settings, server), settings.buckets.model_dump().values())
    lake = Lake(settings, server)
    append(lake, rows)
    return lake


def append(lake, rows):
    """Append rows to tables: table -> rows of what is not null."""
    for name, found in rows.items():
        table = tables.by_name(name)
        assert {column for row in found for column in row} <= set(table.column_names)
        fields = [(column.name, _arrow(column.type)) for column in table.columns]
        lake.append(table, pa.Table.from_pylist(found, schema=pa.schema(fields)))


def _arrow(ddl):
    """The type of a column of Arrow, of one of Spark's DDL."""
    if inner := re.fullmatch(r"array<(.+)>", ddl):
        return pa.list_(_arrow(inner[1]))
    if inner := re.fullmatch(r"map<(\w+), (\w+)>", ddl):
        return pa.map_(_PLAIN[inner[1]], _PLAIN[inner[2]])
    if inner := re.fullmatch(r"struct<(.+)>", ddl):
        parts = (part.split(": ") for part in inner[1].split(", "))
        return pa.struct([(name, _PLAIN[kind]) for name, kind in parts])
    return _PLAIN[ddl]
