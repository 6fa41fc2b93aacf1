"""Messages before they are landed: one frame for all feeds, one row a message."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from lakehouse.simulator import draws, places, text

# event_id .. payload are the envelope's; `receiver` and `window_at` name the object that a message
# lands in, which is not closed before `due_at`; lines stand in it by `queued_at`. `basket_id` and
# the fault, with the right value where the message holds a wrong one, are for the truth only.
COLUMNS = (
    "event_id",
    "feed",
    "device_id",
    "shop_id",
    "subject",
    "emitted_at",
    "payload",
    "receiver",
    "window_at",
    "due_at",
    "queued_at",
    "basket_id",
    "fault",
    "how",
    "true_value",
)
_INSTANTS = ("emitted_at", "window_at", "due_at", "queued_at")

# How long the receiver of a feed gathers before it closes an object, in which a gateway's other
# feeds lie too; reference sets come as one.
WINDOWS = {
    "sales": np.timedelta64(24, "h"),
    "readings": np.timedelta64(1, "h"),
    "beacon_sightings": np.timedelta64(1, "h"),
    "rfid_reads": np.timedelta64(1, "h"),
    "footfall": np.timedelta64(1, "h"),
    "detections": np.timedelta64(1, "h"),
    "positions": np.timedelta64(1, "h"),
    "app_events": np.timedelta64(1, "h"),
    "shelf_labels": np.timedelta64(6, "h"),
    "deliveries": np.timedelta64(24, "h"),
}


def frame(feed: str, count: int, **columns: object) -> pd.DataFrame:
    """Messages of one feed; a column not given is null, `queued_at` is `emitted_at`."""
    columns = {"queued_at": columns["emitted_at"], **columns, "feed": feed}
    series = {name: _column(name, columns.get(name), count) for name in COLUMNS}
    return pd.DataFrame(series)


def handed_in(
    feed: str,
    what: "str | pa.Array",
    shop: npt.ArrayLike,
    at: npt.ArrayLike,
    payload: Mapping[str, object],
    *,
    seed: int,
    **columns: object,
) -> pd.DataFrame:
    """Messages that a gateway of each shop hands in on time.

    Takes   what     which of the shop's gateways; one for all or one a message
            shop     index of places.SHOPS, one a message
            at       emitted_at
            payload  as text.objects takes it
            columns  others of COLUMNS; `queued_at` is when the gateway had it, if not at `at`
    """
    shop_id = text.pick(places.SHOP_IDS, shop)
    given = {
        "event_id": draws.event_ids(seed, feed, len(shop_id)),
        "shop_id": shop_id,
        "emitted_at": at,
        "payload": text.objects(payload),
        "receiver": text.joined(shop_id, "-", what),
        **on_time(feed, np.asarray(columns.get("queued_at", at))),
    }
    return frame(feed, len(shop_id), **(given | columns))


def window_of(feed: str, stamps: npt.ArrayLike) -> npt.NDArray[np.datetime64]:
    """The window of its receiver that each instant falls into."""
    step = WINDOWS[feed].astype("timedelta64[ms]").astype(np.int64)
    since = np.asarray(stamps).astype("datetime64[ms]").astype(np.int64)
    return np.asarray(((since // step) * step).astype("datetime64[ms]"))


def on_time(feed: str, stamps: npt.ArrayLike) -> dict[str, npt.NDArray[np.datetime64]]:
    """The window of each message and its end, for receivers that close on time."""
    window_at = window_of(feed, stamps)
    return {"window_at": window_at, "due_at": window_at + WINDOWS[feed]}


def lines(messages: pd.DataFrame) -> pa.Array:
    """Each message as its line of JSON, with the line's end."""
    envelope = {
        "event_id": text.quoted_ids(messages["event_id"]),
        "feed": text.quoted_ids(messages["feed"]),
        "schema_version": "1",
        "device_id": text.quoted_ids(messages["device_id"]),
        "shop_id": text.quoted_ids(messages["shop_id"]),
        "subject": text.quoted_ids(messages["subject"]),
        "emitted_at": text.quoted_ids(text.instants(messages["emitted_at"])),
        "payload": text.strings(messages["payload"]),
    }
    return text.joined(text.objects(envelope), "\n")


def _column(name: str, values: object, count: int) -> pd.Series:
    if name in _INSTANTS:
        stamps = np.broadcast_to(np.asarray(values).astype("datetime64[ms]"), (count,))
        return pd.Series(stamps.copy())
    if values is None or isinstance(values, str):
        values = pa.repeat(pa.scalar(values, text.STRING), count)
    return pd.Series(pd.arrays.ArrowExtensionArray(text.strings(values)))
