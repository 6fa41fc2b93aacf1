"""What every measuring target ends with: a table for people and a file for comparison."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lakehouse import ledger
from lakehouse.settings import PROJECT

FOLDER = PROJECT / "bench" / "results"


@dataclass(frozen=True)
class Row:
    """One figure; `rival` is the other's or the control's from the same run.

    is_at_most  the aim is reached by what is not above it
    is_promise  the target fails where the aim is not reached
    """

    name: str
    value: float
    unit: str
    aim: float | None = None
    rival: float | None = None
    rival_name: str | None = None
    is_at_most: bool = False
    is_promise: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the aim is reached; None without one."""
        if self.aim is None:
            return None
        return self.value <= self.aim if self.is_at_most else self.value >= self.aim


def publish(target: str, rows: Sequence[Row]) -> Path:
    """Print the rows and write them to bench/results/<target>.json."""
    table = Table(title=f"make {target}", title_justify="left")
    for column in ("what", "value", "unit", "aim", "met", "beside it"):
        table.add_column(column, justify="right" if column in ("value", "aim") else "left")
    for row in rows:
        beside = "" if row.rival is None else f"{_said(row.rival)} ({row.rival_name})"
        aim = "" if row.aim is None else f"{'at most ' if row.is_at_most else ''}{_said(row.aim)}"
        met = {None: "", True: "yes", False: "no"}[row.met]
        table.add_row(row.name, _said(row.value), row.unit, aim, met, beside)
    Console(width=120).print(table)
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{target}.json"
    content = {
        "target": target,
        "code": ledger.code_version(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "rows": [asdict(row) | {"met": row.met} for row in rows],
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return path


def _said(value: float) -> str:
    """Whole numbers whole, shares and other small ones with four decimals."""
    decimals = 0 if float(value).is_integer() else 4 if abs(value) < 1 else 2
    return f"{value:,.{decimals}f}"
