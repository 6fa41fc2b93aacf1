"""Periods in which something was the matter with a device."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Instants = npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class Period:
    """One period of one device; `strength`, from -1 to 1, where there is one."""

    device_id: str
    from_at: np.datetime64
    to_at: np.datetime64
    kind: str
    strength: float

    def holds(self, at: Instants) -> npt.NDArray[np.bool_]:
        """Which instants lie in it."""
        return np.asarray((at >= self.from_at) & (at < self.to_at))


def each(frame: pd.DataFrame) -> Iterator[Period]:
    """The rows of a frame with device_id, from_at, to_at, and kind and strength where it has them."""
    count = len(frame)
    yield from (
        Period(*row)
        for row in zip(
            frame["device_id"].tolist(),
            frame["from_at"].to_numpy().astype("datetime64[ms]"),
            frame["to_at"].to_numpy().astype("datetime64[ms]"),
            frame["kind"].tolist() if "kind" in frame else [""] * count,
            frame["strength"].tolist() if "strength" in frame else [0.0] * count,
            strict=True,
        )
    )
