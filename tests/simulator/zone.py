"""Simulated worlds, and a landing zone read by itself."""

import gzip
import json
import re

import pandas as pd

from lakehouse import simulator
from lakehouse.settings import Faults, Simulation

TINY = Simulation(receipt_days=3, receipt_share=0.05, sensor_days=1)
WHOLE = Simulation(receipt_days=5, sensor_days=1)
RATES = dict.fromkeys(Faults.model_fields, 0.03) | {
    "repeat": 0.05,
    "receipt_again": 0.06,
    "late_object": 0.07,
    "broken_line": 0.04,
    "wrong_unit": 0.2,
    "booked_late": 0.1,
    "short_delivery": 0.3,
    "old_price": 0.2,
    "frozen_camera": 0.2,
    "return_receipt": 0.1,
}
FAULTY = Simulation(receipt_days=6, receipt_share=0.5, sensor_days=2, faults=Faults(**RATES))
KEY = re.compile(r"(\d{4}-\d\d-\d\d)/[A-Za-z0-9-]+_(\d{8}T\d{6}\.\d{3})Z\.jsonl(\.gz)?")


class Zone:
    """A landing zone read by itself: lines by object, and those that are JSON in UTF-8."""

    def __init__(self, size, seed=1):
        self.truth = (world := simulator.world(size, seed)).truth
        self.lines = {
            key: (gzip.decompress(body) if key.endswith(".gz") else body).splitlines(keepends=True)
            for key, body in simulator.landing_objects(world)
        }
        self.messages = {
            (key, number): message
            for key, lines in self.lines.items()
            for number, line in enumerate(lines, start=1)
            if (message := parsed(line)) is not None
        }

    def of(self, feed):
        """The messages of one feed."""
        return [message for message in self.messages.values() if message["feed"] == feed]


def parsed(line):
    """The line as strict JSON, or None."""

    def refused(constant):
        raise ValueError(constant)

    try:
        return json.loads(line.decode("utf-8"), parse_constant=refused)
    except ValueError:
        return None


def arrival(key):
    """The instant in an object's name."""
    return pd.to_datetime(KEY.fullmatch(key)[2], format="%Y%m%dT%H%M%S.%f", utc=True)


def planted(zone, kind, feed=None):
    """The truth's rows of one kind of fault: more than a few, or the test says nothing."""
    faults = zone.truth["faults"]
    rows = faults[(faults["kind"] == kind) & ((faults["feed"] == feed) if feed else True)]
    assert len(rows) > 5
    return rows.astype(object).where(rows.notna(), None).to_dict("records")
