"""Chance that can be repeated: streams named by what they decide, and hashes that never change."""

from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Words = npt.NDArray[np.uint64]


def stream(seed: int, *names: str) -> np.random.Generator:
    """A generator for each thing decided, so that one more draw here moves none there."""
    return np.random.Generator(np.random.PCG64(_key(seed, *names)))


def mixed(values: npt.ArrayLike) -> Words:
    """Spread whole numbers over 64 bits; different numbers stay different.

    Source  splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
    """
    word = np.asarray(values).astype(np.uint64)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


def words(seed: int, name: str, count: int) -> Words:
    """`count` different 64-bit words."""
    steps = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return mixed(steps + np.uint64(_key(seed, name)))


def event_ids(seed: int, name: str, count: int) -> pa.Array:
    """`count` opaque ids of 32 hexadecimal digits, unique over all names."""
    pairs = np.stack([words(seed, f"{name}/1", count), words(seed, f"{name}/2", count)], axis=1)
    digits = pairs.astype(">u8").tobytes().hex().encode()
    offsets = np.arange(count + 1, dtype=np.int64) * 32
    return pa.LargeStringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(digits))


def share(values: npt.ArrayLike, name: str) -> npt.NDArray[np.float64]:
    """A number in 0..1 for each whole number, the same in every world."""
    salted = np.asarray(values).astype(np.uint64) ^ np.uint64(_key(0, name))
    return np.asarray(mixed(salted) >> np.uint64(11), dtype=np.float64) / 2.0**53


def _key(seed: int, *names: str) -> int:
    text = "/".join((str(seed), *names))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
