"""Live play: what is moved when a world is played over and over, and what stays."""

import gzip
import itertools
import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from lakehouse import simulator
from lakehouse.landing.lines import arrived_at
from lakehouse.settings import Faults, Simulation
from lakehouse.simulator import landing, player

SIZE = Simulation(
    receipt_days=1,
    receipt_share=0.1,
    sensor_days=1,
    watched_goods=0,
    faults=Faults(broken_line=0.02, repeat=0.05),
)
NOW = datetime(2031, 5, 1, 12, 0, 0, 250_000, tzinfo=UTC)
TICK = timedelta(seconds=3)
BEGIN = simulator.begin(SIZE).astype("datetime64[us]").item().replace(tzinfo=UTC)


@pytest.fixture(scope="module")
def world():
    return simulator.world(SIZE, seed=1).landing


@pytest.fixture(scope="module")
def played(world):
    """Two passes and one object more; the clock goes on by TICK with each object."""
    once = int(world.objects["receiver"].str.startswith("reference-").sum())
    clock = (NOW + TICK * step for step in itertools.count())
    playing = player.play(world, BEGIN, lambda: next(clock))
    return list(itertools.islice(playing, 2 * len(world.objects) - once + 1))


@pytest.fixture(scope="module")
def before(world):
    """The messages as they lie in the world."""
    return messages(player.Played(key, body, 0) for key, body in landing.bodies(world))


@pytest.fixture(scope="module")
def after(played):
    """The messages of the two passes."""
    return messages(played[:-1])


def messages(played):
    """(object's key, its arrival, message) of every line that is JSON."""
    found = []
    for one in played:
        at = arrived_at(one.key)
        for line in text(one).splitlines():
            try:
                found.append((one.key, at, json.loads(line)))
            except ValueError:
                continue
    return found


def text(one):
    return gzip.decompress(one.body) if one.key.endswith(".gz") else one.body


def is_reference(key):
    return "/reference-" in key


def test_an_object_is_named_by_the_moment_at_which_it_was_asked_for(played):
    stamps = [arrived_at(one.key) for one in played]
    assert stamps == [NOW + TICK * (step + 1) for step in range(len(played))]
    assert all(
        one.key.startswith(f"{at:%Y-%m-%d}/") for one, at in zip(played, stamps, strict=True)
    )


def test_no_two_objects_have_one_name_though_the_clock_stands_still(world):
    keys = [one.key for one in itertools.islice(player.play(world, BEGIN, lambda: NOW), 500)]
    assert len(set(keys)) == 500


def test_a_message_is_as_old_as_it_was(before, after):
    def ages(found):
        return Counter(
            at - datetime.fromisoformat(message["emitted_at"])
            for _, at, message in found
            if message["feed"] == "beacon_sightings"
        )

    once = ages(before)
    assert sum(once.values()) > 100
    assert ages(after) == Counter({age: 2 * count for age, count in once.items()})


def test_instants_in_the_payload_move_with_the_message(before, after):
    def waits(found):
        return Counter(
            datetime.fromisoformat(message["payload"]["paid_at"])
            - datetime.fromisoformat(message["emitted_at"])
            for _, _, message in found
            if message["feed"] == "sales"
        )

    once = waits(before)
    assert sum(once.values()) > 10
    assert waits(after) == Counter({wait: 2 * count for wait, count in once.items()})


def test_each_pass_has_ids_of_its_own_and_the_repeats_of_the_world(before, after):
    once = [message["event_id"] for key, _, message in before if not is_reference(key)]
    twice = [message["event_id"] for key, _, message in after if not is_reference(key)]
    assert len(once) > len(set(once))
    assert len(twice) == 2 * len(once)
    assert len(set(twice)) == 2 * len(set(once))
    baskets = Counter(m["payload"]["basket_id"] for _, _, m in after if m["feed"] == "sales")
    assert max(baskets.values()) <= 2  # a repeat and what it repeats


def test_reference_sets_come_first_once_and_from_before_the_oldest_message(before, played, after):
    names = [is_reference(one.key) for one in played]
    there = {key for key, _, _ in before if is_reference(key)}
    assert sum(names) == len(there) > 5
    assert all(names[: sum(names)])
    effective = [
        datetime.fromisoformat(message["payload"]["effective_at"])
        for _, _, message in after
        if message["feed"] == "devices"
    ]
    assert max(effective) <= NOW - player.REFERENCE_AGE + timedelta(days=SIZE.sensor_days)
    assert all(datetime.fromisoformat(message["emitted_at"]) <= at for _, at, message in after)


def test_what_only_looks_like_an_instant_stays(world):
    broken = b'{"emitted_at":"2031-13-01T00:00:00Z","a":"2017-02-28T23:59:59.5Z"}'
    moved = player._moved(broken, timedelta(days=1))
    assert moved == b'{"emitted_at":"2031-13-01T00:00:00Z","a":"2017-03-01T23:59:59.500Z"}'


def test_every_line_that_lands_is_counted(played):
    for one in played:
        body = text(one)
        assert one.lines == body.count(b"\n") + (not body.endswith(b"\n"))
