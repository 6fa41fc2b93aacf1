"""The retail IoT lakehouse: raw messages from shops become bronze, silver and gold Delta tables.

import lakehouse
hours = lakehouse.open()["gold.shop_hours"].pandas()
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakehouse.frames import Opened

__version__ = "0.1.0"


def open(settings: str | Path | None = None) -> "Opened":
    """The tables of a lakehouse by name; `settings` is its file, conf/local.yml by default."""
    from lakehouse import frames  # noqa: PLC0415  to import the package costs nothing

    return frames.opened(settings)
