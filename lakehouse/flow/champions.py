"""Which version of a model is served: what a person decides, and the account of all decisions.

Without Spark: going back takes seconds.
"""

from datetime import UTC, datetime
from typing import Any

from lakehouse import ledger, tables
from lakehouse.errors import UnknownName
from lakehouse.flow.declared import who
from lakehouse.lake import Lake
from lakehouse.models.catalog import Model
from lakehouse.tracking import CHALLENGER, CHAMPION, Tracker, Version

_DECISIONS = tables.by_name("ops.promotions")


def promote(lake: Lake, model: Model, number: int | None, reason: str) -> Version:
    """Make a version, by default the challenger, the champion on a person's word.

    Raises UnknownName where there is none.
    """
    tracker = Tracker(lake.settings, lake.endpoint)
    challenger = tracker.find(model.name, CHALLENGER)
    wanted = challenger if number is None else tracker.version(model.name, number)
    if wanted is None or not lake.exists(_DECISIONS):  # which every training writes
        raise UnknownName(f"challenger of {model.name}", CHALLENGER, ())
    tracker.move(wanted, CHAMPION)
    if challenger and challenger.version == wanted.version:
        tracker.drop(model.name, CHALLENGER)
    note(lake, "promote", wanted, is_promoted=True, reasons=[reason])
    return wanted


def rollback(lake: Lake, model: Model, reason: str) -> Version:
    """Make the champion before the present one the champion again.

    Raises UnknownName where there was none.
    """
    tracker = Tracker(lake.settings, lake.endpoint)
    now = tracker.find(model.name, CHAMPION)
    former = [number for number in _champions(lake, model) if now and number != now.version]
    if not former:
        raise UnknownName(f"former champion of {model.name}", "the one before", ())
    wanted = tracker.version(model.name, former[-1])
    tracker.move(wanted, CHAMPION)
    note(lake, "rollback", wanted, is_promoted=True, reasons=[reason])
    return wanted


def trained_ago_d(lake: Lake, model: Model) -> float | None:
    """How many days ago it was trained, whatever came of it; None where it never was."""
    asked = f"model = '{model.name}' AND action = 'train'"
    at = lake.read(_DECISIONS, "decided_at", where=asked)["decided_at"].to_pylist()
    return (datetime.now(UTC) - max(at)).total_seconds() / 86400 if at else None


def note(lake: Lake, action: str, version: Version, **known: Any) -> None:
    """Append a decision to ops.promotions."""
    now = datetime.now(UTC)
    row = {
        "decision_id": f"{version.model}-{version.version}-{now:%Y%m%dT%H%M%S%f}",
        "decided_at": now,
        "decided_by": who(),
        "model": version.model,
        "model_version": version.version,
        "run_id": version.run_id,
        "action": action,
        "code_version": ledger.code_version(),
        **known,
    }
    lake.add(_DECISIONS, [row])


def _champions(lake: Lake, model: Model) -> list[int]:
    """The versions that were champion, in the order in which they became it; the present one last.
    What a rollback took back is not among them.
    """
    rows = lake.read(_DECISIONS).to_pylist() if lake.exists(_DECISIONS) else []
    mine = [row for row in rows if row["model"] == model.name and row["is_promoted"]]
    mine.sort(key=lambda row: row["decided_at"])
    found: list[int] = []
    for row in mine:
        if row["action"] == "rollback":
            while found and found[-1] != row["model_version"]:
                found.pop()
        if not found or row["action"] != "rollback":
            found.append(row["model_version"])
    return found
