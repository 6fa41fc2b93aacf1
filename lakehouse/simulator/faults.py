"""What goes wrong, at the rates of the settings; each fault leaves its mark in the truth.

A message has at most one fault, so that what must become of it can be worked out. Reference sets
stay whole; the others' objects may come days late.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.settings import Faults
from lakehouse.simulator import draws, messages, sensors, text

# What may befall a message of any feed, and of some besides; what else goes wrong with a feed is
# decided where it is made.
EVERYWHERE = ("repeat", "broken_line")
BESIDES = {
    "sales": ("unknown_product", "receipt_again"),
    "readings": ("wrong_unit", "spike"),
    "beacon_sightings": ("burst",),
}
COPIES = ("receipt_again", "repeat", "burst")
# How a line breaks: cut short, its start overwritten, a byte that is no UTF-8 inside its event_id,
# garbage after its end, NaN for a number.
BREAKS = ("cut", "garbled", "not_utf8", "trailing", "nan")
NUMBERS = tuple(
    f'"{name}":'.encode()
    for name in (
        "amount_cents",
        "value",
        "rssi_dbm",
        "entries",
        "count",
        "latitude",
        "price_cents",
        "quantity",
    )
)
WITHOUT_NUMBERS = ("app_events",)

# A broken unit setting: the value goes out in Fahrenheit under the old label, or under none known.
UNIT_FAULTS = ("mislabelled", "unknown_label")
UNKNOWN_LABEL = "DEG"

# A spike is so many spreads of what the device measures away (assumed); these metrics have none.
SPIKE_SPREADS = (6.0, 15.0)
SPIKE_MOST_K = 15.0
NO_SPIKES = ("battery", "motion")
# Copies of one advertisement in a burst (assumed).
BURST = (2, 6)

# Numbers of products that nobody ever listed; the package's end at 18,316,298.
UNKNOWN_PRODUCTS_FROM = 90_000_000

Kinds = npt.NDArray[np.object_]


def planned(feed: str, count: int, rates: Faults, seed: int) -> Kinds:
    """The kind of fault of each message of a feed; None for most."""
    kinds = (*BESIDES.get(feed, ()), *EVERYWHERE)
    edges = np.cumsum([getattr(rates, kind) for kind in kinds])
    chosen = np.searchsorted(edges, draws.stream(seed, "faults", feed).random(count), "right")
    return np.array([*kinds, None], dtype=object)[chosen]


def with_unknown_products(
    lines: pd.DataFrame, sizes: pd.Series, plan: Kinds, seed: int
) -> tuple[pd.DataFrame, pd.Series]:
    """One line of each chosen receipt sells a product that is in no snapshot.

    Takes   lines  in the receipts' order, `sizes` of them a receipt
    Gives   the lines, and for each receipt the product that was really bought, or null
    """
    product_id = lines["product_id"].to_numpy(copy=True)
    chosen = np.flatnonzero(plan == "unknown_product")
    chance = draws.stream(seed, "unknown products")
    starts = (sizes.cumsum() - sizes).to_numpy()[chosen]
    rows = starts + (chance.random(len(chosen)) * sizes.to_numpy()[chosen]).astype(np.int64)
    right = np.zeros(len(sizes), dtype=np.int64)
    right[chosen] = product_id[rows]
    product_id[rows] = UNKNOWN_PRODUCTS_FROM + chance.integers(0, 1_000_000, len(chosen))
    return lines.assign(product_id=product_id), text.only(right, plan == "unknown_product")


def with_values(readings: pd.DataFrame, plan: Kinds, seed: int) -> pd.DataFrame:
    """Each reading's value and unit as sent: right, a spike, or of a thermometer of a fridge whose
    unit is set wrong. Devices that something befell for hours have no fault besides.

    Takes   readings  as of series.sent
    Gives   the readings with value, unit, fault, how and true_value (canonical unit, as text)
    """
    chance = draws.stream(seed, "values")
    is_free = ~readings["is_faulty"].to_numpy(dtype=bool)
    is_fridge = readings["device_id"].str.contains("-fridge-", regex=False).to_numpy(dtype=bool)
    is_celsius = (readings["unit"] == "C").to_numpy()
    is_wrong = (plan == "wrong_unit") & is_free & is_fridge & is_celsius
    is_spike = (plan == "spike") & is_free & ~text.is_one_of(readings["metric"], *NO_SPIKES)
    low, high = SPIKE_SPREADS
    height = chance.uniform(low, high, len(readings)) * readings["spread"].to_numpy(dtype=float)
    is_temperature = text.is_one_of(readings["metric"], "temperature")
    height = np.where(is_temperature, np.minimum(height, SPIKE_MOST_K), height)
    height = height * chance.choice([-1, 1], len(readings))
    read = readings["read"].to_numpy(dtype=float) + height * is_spike
    is_share = text.is_one_of(readings["metric"], "humidity", "battery")
    read = pd.Series(np.where(is_share, np.clip(read, 0, 100), read))
    how = chance.choice(np.array(UNIT_FAULTS, dtype=object), len(readings))
    label = np.where(how == "mislabelled", "C", UNKNOWN_LABEL)
    unit = readings["unit"].mask(is_wrong, "F")
    fault = np.where(is_spike, "spike", "wrong_unit")
    return readings.assign(
        value=sensors.native(read, unit, readings["digits"]),
        unit=readings["unit"].mask(is_wrong, pd.Series(label, index=readings.index)),
        fault=text.only(fault, is_wrong | is_spike),
        how=text.only(how, is_wrong),
        true_value=text.only(readings["true"].to_numpy(dtype=float), is_wrong | is_spike),
    )


def befallen(sent: pd.DataFrame, rates: Faults, seed: int) -> pd.DataFrame:
    """The messages of one feed with the faults that were planned for them marked, where they have
    none yet, and behind them the copies that repeat some.
    """
    feed = str(sent["feed"].iloc[0])
    plan = planned(feed, len(sent), rates, seed)
    plan[sent["fault"].notna().to_numpy()] = None
    here = text.only(plan, np.isin(plan.astype(str), ("unknown_product", "broken_line")))
    fault = sent["fault"].where(sent["fault"].notna(), here)
    chance = draws.stream(seed, "copies", feed)
    again = _sent_again(sent[plan == "receipt_again"], seed, chance)
    repeated = _repeated(feed, sent[plan == "repeat"], chance)
    bursts = _bursts(sent[plan == "burst"], chance)
    copies = [one for one in (again, repeated, bursts) if len(one)]
    return pd.concat([sent.assign(fault=fault), *copies], ignore_index=True)


def _bursts(sent: pd.DataFrame, chance: np.random.Generator) -> pd.DataFrame:
    """The very same messages several times within two seconds."""
    times = chance.integers(BURST[0], BURST[1] + 1, len(sent))
    copies = sent.iloc[np.repeat(np.arange(len(sent)), times)]
    wait = chance.integers(1, 2000, len(copies)).astype("timedelta64[ms]")
    queued_at = copies["queued_at"] + wait
    return copies.assign(queued_at=queued_at, fault="burst").astype(sent.dtypes)


def _sent_again(receipts: pd.DataFrame, seed: int, chance: np.random.Generator) -> pd.DataFrame:
    """The same baskets under new event_ids, 10 minutes to 36 hours later."""
    later = chance.integers(600_000, 129_600_000, len(receipts)).astype("timedelta64[ms]")
    emitted_at = receipts["emitted_at"] + later
    return receipts.assign(
        event_id=text.to_series(draws.event_ids(seed, "sales again", len(receipts))).to_numpy(),
        emitted_at=emitted_at,
        window_at=messages.window_of("sales", emitted_at),
        due_at=emitted_at,
        queued_at=emitted_at,
        fault="receipt_again",
    ).astype(receipts.dtypes)


def _repeated(feed: str, sent: pd.DataFrame, chance: np.random.Generator) -> pd.DataFrame:
    """The very same messages, up to 10 minutes later or in the receiver's next object."""
    is_next = chance.random(len(sent)) < 0.5
    step = is_next * messages.WINDOWS[feed].astype("timedelta64[ms]")
    wait = chance.integers(1, 600_000, len(sent)).astype("timedelta64[ms]")
    return sent.assign(
        window_at=sent["window_at"] + step,
        due_at=sent["due_at"] + step,
        queued_at=sent["queued_at"] + wait,
        fault="repeat",
        how=np.where(is_next, "next_object", "same_object"),
    ).astype(sent.dtypes)


def broken(lines: pa.Array, sent: pd.DataFrame, seed: int) -> tuple[pa.Array, pd.DataFrame]:
    """The lines with the chosen ones broken, and the messages with how each was."""
    lines = lines.cast(pa.large_binary())
    is_broken = text.is_one_of(sent["fault"], "broken_line")
    rows = np.flatnonzero(is_broken)
    chance = draws.stream(seed, "broken lines")
    how = np.full(len(sent), None, dtype=object)
    has_none = text.is_one_of(sent["feed"], *WITHOUT_NUMBERS)[rows]
    choices = len(BREAKS) - has_none  # the last is NaN for a number
    chosen = (chance.random(len(rows)) * choices).astype(np.int64)
    how[rows] = np.array(BREAKS, dtype=object)[chosen]
    texts = [
        _break(lines[int(row)].as_py(), how[row], at)
        for row, at in zip(rows, chance.uniform(0.05, 0.95, len(rows)).tolist(), strict=True)
    ]
    lines = pc.replace_with_mask(lines, pa.array(is_broken), pa.array(texts, pa.large_binary()))
    marks = text.to_series(how)
    return lines, sent.assign(how=sent["how"].where(~is_broken, marks))


def _break(line: bytes, how: str, at: float) -> bytes:
    """One line broken; `at` is the place in it, as a share of its length."""
    if how == "cut":
        return line[: max(1, int(at * len(line)))] + b"\n"
    if how == "garbled":
        return b"#\x00\x07\x1b~?" + line[6:]
    if how == "not_utf8":
        return line[:20] + b"\xff\xfe" + line[22:]
    if how == "trailing":
        return line[:-1] + b'}{"\n'
    for name in NUMBERS:
        before, found, rest = line.partition(name)
        if found:
            end = min(place for mark in b",}" if (place := rest.find(mark)) >= 0)
            return before + found + b"NaN" + rest[end:]
    raise AssertionError(f"a line without one of {NUMBERS}")
