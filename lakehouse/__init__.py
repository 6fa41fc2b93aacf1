"""The retail IoT lakehouse: raw messages from shops become bronze, silver and gold Delta tables.

import lakehouse
hours = lakehouse.open()["gold.shop_hours"].pandas()
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakehouse.frames import Opened

__version__ = "0.1.0"


def open(settings: str | Path | None = None, connect: str | None = None) -> "Opened":
    """The tables of a lakehouse by name.

    Takes   settings  its file, conf/local.yml by default
            connect   a server of Spark that is to read them, `lakehouse serve sql`: its address
                      (sc://HOST:PORT/;token=…), or the role it serves where it runs on this machine;
                      without it that of the environment, LAKEHOUSE_CONNECT, or none
    Raises ServerFault where that server does not answer.
    """
    from lakehouse import frames  # noqa: PLC0415  to import the package costs nothing

    return frames.opened(settings, connect)
