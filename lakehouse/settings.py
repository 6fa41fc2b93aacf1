"""Where things are and how big they may be: conf/<name>.yml, checked before any work starts.

Settings never say *what* is done (that is declared in feeds.py and tables/) and never hold a
secret (those come from the environment or from the keys file, see keys.py).
"""

import os
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import available_timezones

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from lakehouse.errors import BadSetting

PROJECT = Path(__file__).resolve().parent.parent


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class S3(_Section):
    """An S3-compatible storage; without an endpoint it is the project's own server on loopback."""

    endpoint: str | None = None
    region: str = "us-east-1"
    path_style: bool = True

    @property
    def is_ours(self) -> bool:
        """Whether it is the project's own server."""
        return self.endpoint is None


class Buckets(_Section):
    """Rights, retention and erasure hang on buckets; the landing zone is outside the lake."""

    landing: str = "landing"
    truth: str = "truth"
    lake: str = "lake"
    gold: str = "gold"
    ops: str = "ops"
    models: str = "models"
    sandbox: str = "sandbox"

    @classmethod
    def named(cls, prefix: str) -> "Buckets":
        """Buckets of one lakehouse among several on a server."""
        return cls(**{name: f"{prefix}-{name}" for name in cls.model_fields})


class Spark(_Section):
    """The engine; `conf` is handed to Spark as it is."""

    master: str | None = "local[2]"
    driver_memory: str = "6g"
    shuffle_partitions: int = Field(default=4, ge=1)
    conf: dict[str, str] = {}


class Ingest(_Section):
    """How much one batch of ingest takes, in bytes as the objects lie in the landing zone."""

    batch_bytes: int = Field(default=64 << 20, ge=1)
    batch_objects: int = Field(default=4000, ge=1)
    line_bytes: int = Field(default=1 << 20, ge=1024)


class Refine(_Section):
    """How many messages one batch of refine takes, one commit of ingest at least; and up to how many
    are read by one task and settled by the driver alone.
    """

    batch_messages: int = Field(default=2_000_000, ge=1)
    few_messages: int = Field(default=100_000, ge=0)


class Maintain(_Section):
    """How large files should be, and how long what is no longer current is kept: versions for less
    than the 30 days after which a table forgets which files it no longer has.
    """

    file_bytes: int = Field(default=64 << 20, ge=1 << 10)
    time_travel_hours: float = Field(default=168.0, ge=0, lt=720)
    landing_days: float = Field(default=30.0, ge=0)


class Alerts(_Section):
    """Who hears of it where a table does not pass the gate, a feed is silent, a device has gone bad:
    a webhook, or without `url` a log line alone.

    silent_hours   from-to, such as 22:00-06:00 in `time_zone`: what is still true is sent after them
    repeat_hours   the same alert is not sent twice within them
    tries          of one message, with longer and longer pauses, each `answer_s` at the longest
    device_health  a device has gone bad whose health in gold.device_health is below it
    """

    url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    silent_hours: str | None = Field(
        default=None, pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$"
    )
    time_zone: str = "UTC"
    repeat_hours: float = Field(default=24.0, gt=0)
    tries: int = Field(default=4, ge=1, le=10)
    answer_s: float = Field(default=5.0, gt=0, le=60)
    device_health: float = Field(default=0.5, ge=0, le=1)

    @field_validator("time_zone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError("not an IANA time zone, such as UTC or Europe/Berlin")
        return name


class Mlflow(_Section):
    """Where runs and models are noted: any database URL; without one a file in the home folder.

    What belongs to them lies in the bucket `models`.
    """

    store: str | None = None


class Postgres(_Section):
    """Where `lakehouse publish` puts gold: postgresql://user@host:port/database; without one the
    project's own server on loopback.
    """

    url: str | None = None


def _is_a_split(shares: dict[str, float]) -> dict[str, float]:
    if len(shares) < 2 or min(shares.values()) <= 0 or abs(sum(shares.values()) - 1) > 1e-9:
        raise ValueError(
            "two forms or more, with shares above 0 that make 1, such as {A: 0.5, B: 0.5}"
        )
    return shares


Split = Annotated[dict[str, float], AfterValidator(_is_a_split)]


class Faults(_Section):
    """What goes wrong in the simulated world: shares of the messages that it can befall (or of
    objects), 0 is off.
    """

    repeat: float = Field(default=0.0, ge=0, le=1)
    receipt_again: float = Field(default=0.0, ge=0, le=1)
    late_object: float = Field(default=0.0, ge=0, le=1)
    broken_line: float = Field(default=0.0, ge=0, le=1)
    wrong_unit: float = Field(default=0.0, ge=0, le=1)
    unknown_product: float = Field(default=0.0, ge=0, le=1)
    return_receipt: float = Field(default=0.0, ge=0, le=1)
    empty_receipt: float = Field(default=0.0, ge=0, le=1)
    burst: float = Field(default=0.0, ge=0, le=1)
    spike: float = Field(default=0.0, ge=0, le=1)
    negative_count: float = Field(default=0.0, ge=0, le=1)
    counter_reset: float = Field(default=0.0, ge=0, le=1)
    lost_acknowledgement: float = Field(default=0.0, ge=0, le=1)
    old_price: float = Field(default=0.0, ge=0, le=1)
    short_delivery: float = Field(default=0.0, ge=0, le=1)
    booked_late: float = Field(default=0.0, ge=0, le=1)
    position_jump: float = Field(default=0.0, ge=0, le=1)
    swapped_coordinates: float = Field(default=0.0, ge=0, le=1)
    tunnel: float = Field(default=0.0, ge=0, le=1)
    offline_phone: float = Field(default=0.0, ge=0, le=1)
    # Shares of the days of devices on which one begins.
    drift: float = Field(default=0.0, ge=0, le=1)
    offset: float = Field(default=0.0, ge=0, le=1)
    stuck: float = Field(default=0.0, ge=0, le=1)
    gap: float = Field(default=0.0, ge=0, le=1)
    dying_battery: float = Field(default=0.0, ge=0, le=1)
    wrong_clock: float = Field(default=0.0, ge=0, le=1)
    frozen_camera: float = Field(default=0.0, ge=0, le=1)


class Simulation(_Section):
    """How big the simulated world is: receipts of `receipt_days`, sensors for the last `sensor_days`,
    tags or a scale under `watched_goods` of each shop.
    """

    receipt_days: int = Field(default=366, ge=1, le=366)
    receipt_share: float = Field(default=1.0, gt=0, le=1)
    sensor_days: int = Field(default=7, ge=0, le=366)
    watched_goods: int = Field(default=40, ge=0, le=500)
    faults: Faults = Faults()


class Settings(_Section):
    """One settings file, whole.

    experiments  offers that are shown in several forms: offer_id -> form -> share of the customers;
                 the first form is the control
    """

    s3: S3 = S3()
    buckets: Buckets = Buckets()
    spark: Spark = Spark()
    ingest: Ingest = Ingest()
    refine: Refine = Refine()
    maintain: Maintain = Maintain()
    alerts: Alerts = Alerts()
    mlflow: Mlflow = Mlflow()
    postgres: Postgres = Postgres()
    experiments: dict[str, Split] = {}
    simulation: Simulation = Simulation()


def home() -> Path:
    """The folder for what a machine keeps: server data, keys, logs; LAKEHOUSE_HOME moves it."""
    return Path(os.environ.get("LAKEHOUSE_HOME") or PROJECT / ".lakehouse").resolve()


def load(path: str | Path) -> Settings:
    """Read one settings file.

    Raises BadSetting when the file is missing or no YAML, a key is unknown (the message lists the
    known ones of that section) or a value is out of its range.
    """
    path = Path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise BadSetting(
            f"{path}: no such settings file; conf/local.yml is the usual one"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        raise BadSetting(f"{path}: not readable as YAML ({' '.join(str(fault).split())})") from None
    if not isinstance(content, dict):
        raise BadSetting(f"{path}: holds a {type(content).__name__}, not sections with keys")
    try:
        return Settings.model_validate(content)
    except ValidationError as fault:
        raise BadSetting(f"{path}: {_sentence(fault)}") from None


def _sentence(fault: ValidationError) -> str:
    error = fault.errors()[0]
    place = [str(part) for part in error["loc"]]
    if error["type"] != "extra_forbidden":
        return f"{'.'.join(place)} is {error['input']!r}: {error['msg']}"
    section: Any = Settings
    for part in place[:-1]:
        section = section.model_fields[part].annotation
    return f"unknown key '{'.'.join(place)}'; known are {', '.join(section.model_fields)}"
