"""lakehouse simulate: land a world."""

# ruff: noqa: PLC0415  Spark is loaded by the command that needs it, not by --help.

import json
import time
from typing import Annotated, Any

import numpy as np
import typer
from botocore.exceptions import ClientError
from rich.progress import Progress

from lakehouse import s3, s3_server
from lakehouse.commands import show
from lakehouse.commands.common import Days, Seed, out, settings_of
from lakehouse.errors import BadSetting
from lakehouse.settings import Settings

_NOTE = "world.json"  # in the truth bucket, written last: which world has landed


_Speed = Annotated[
    float | None,
    typer.Option(
        min=0.01,
        help="Land the sensors' period as it passes: 1 in real time, 60 a minute each second. What "
        "came before lands at once; stopped and run again, it goes on with what is not there.",
        show_default="all at once",
    ),
]


def simulate(ctx: typer.Context, seed: Seed = 1, days: Days = None, speed: _Speed = None) -> None:
    """Land a simulated world: real purchases, sensors around them, and the truth beside it."""
    where = sized(settings_of(ctx), days)
    with s3_server.running(where) as endpoint:
        if is_there(where, endpoint, seed):
            out.print("simulate: this world has landed already")
            return
        with show.display() as progress:
            land(where, endpoint, seed, progress, speed)


def sized(where: Settings, days: int | None) -> Settings:
    """The settings with a world of so many days."""
    if days is None:
        return where
    size = where.simulation
    shorter = {"receipt_days": days, "sensor_days": min(days, size.sensor_days)}
    return where.model_copy(update={"simulation": size.model_copy(update=shorter)})


def land(
    where: Settings, endpoint: str, seed: int, progress: Progress, speed: float | None = None
) -> None:
    """Write the world to landing and truth, where it is not there; at a speed, or at once."""
    from lakehouse import simulator

    storage = s3.client(where, endpoint)
    s3.ensure_buckets(storage, where.buckets.model_dump().values())
    there = {one["Key"] for one in s3.objects(storage, where.buckets.landing)}
    pace = None if speed is None else _Pace(simulator.begin(where.simulation), speed)
    written = lines = 0
    with (
        show.bar(progress, "simulate", None, "objects") as advance,
        s3.uploading(storage) as upload,
    ):

        def put(bucket: str, key: str, body: bytes) -> None:
            if bucket == where.buckets.landing:
                if key in there:
                    return
                if pace is not None:
                    pace.wait_for(key)
            upload(bucket, key, body)

        for landed in simulator.write(where, seed, put):
            if landed.bucket == where.buckets.landing:
                written += landed.bytes
                lines += landed.lines
            advance(1, f"of {landed.total:,}: {landed.key}")
    s3.put(storage, where.buckets.truth, _NOTE, json.dumps(_world(where, seed)).encode())
    out.print(f"simulate: {lines:,} lines landed, {written / 1e6:,.1f} MB as they lie there")


class _Pace:
    """Lets simulated time pass: the first instant waited for is now."""

    def __init__(self, begin: np.datetime64, speed: float) -> None:
        self._begin = begin
        self._speed = speed
        self._began: tuple[float, float] | None = None

    def wait_for(self, key: str) -> None:
        """Wait until an object of that name is due; those before the beginning are at once."""
        from lakehouse.landing import lines

        arrived_at = lines.arrived_at(key)
        if arrived_at is None:
            return
        since_s = arrived_at.timestamp() - self._begin.astype("datetime64[ms]").astype(int) / 1000
        if since_s <= 0:
            return
        now = time.monotonic()
        if self._began is None:
            self._began = (now, since_s)
        began, first_s = self._began
        time.sleep(max(0.0, began + (since_s - first_s) / self._speed - now))


def is_there(where: Settings, endpoint: str, seed: int) -> bool:
    """Whether just this world has landed.

    Raises BadSetting where it is another one: two worlds in one lake make no sense.
    """
    there = _noted(s3.client(where, endpoint), where)
    if there is not None and there != _world(where, seed):
        raise BadSetting(
            f"another world has landed (seed {there['seed']}, "
            f"{there['simulation']['receipt_days']} days); `make clean` takes it away, and "
            "LAKEHOUSE_HOME=… keeps a second one beside it"
        )
    return there is not None


def _world(where: Settings, seed: int) -> dict[str, Any]:
    from lakehouse.simulator import VERSION

    return {"version": VERSION, "seed": seed, "simulation": where.simulation.model_dump()}


def _noted(storage: Any, where: Settings) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(s3.get(storage, where.buckets.truth, _NOTE))
    except ClientError as fault:
        if fault.response["Error"]["Code"] not in ("NoSuchKey", "NoSuchBucket", "404"):
            raise
        return None
    return found


COMMANDS = (simulate,)
