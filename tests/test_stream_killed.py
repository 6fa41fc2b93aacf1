"""lakehouse stream, killed while ingest, refine and build are all at work and maintenance beside them."""

import json
import random
import time

import pytest

from bench import processes
from bench.chaos import lakes
from lakehouse import tables
from lakehouse.flow import maintain, place
from lakehouse.settings import Buckets
from tests import worlds
from tests.test_stream import SETTINGS
from tests.worlds import lakehouse_in

EVENTS = tables.by_name("bronze.events")


@pytest.mark.timeout(1500)  # two starts of Spark, and two lakehouses that catch up
@pytest.mark.slow
def test_killed_while_all_stages_run_and_maintenance_beside_them_it_ends_as_if_it_had_not_been(
    server, where, spark, landed, tmp_path
):
    chance = random.Random(1)
    calm, rough = (lakehouse_in(name, where, server, spark) for name in ("unkilled", "killed"))
    buckets = {"buckets": Buckets.named("killed").model_dump()}
    file = tmp_path / "killed.yml"
    file.write_text(json.dumps(SETTINGS | buckets))
    reference = [key for key in landed if "reference" in key]
    others = chance.sample(sorted(landed.keys() - set(reference)), 60)
    for turn, keys in enumerate(([*reference, *others[:30]], others[30:])):
        log = tmp_path / f"{turn}.log"
        words = ("--settings", str(file), "stream", "--every", "500ms")
        with processes.lakehouse(*words, log=log) as process:
            processes.until(lambda: "caught up" in log.read_text(), [process], 400)  # noqa: B023
            before = rough.lake.version(EVENTS)
            for at in (calm, rough):
                worlds.land(at, {key: landed[key] for key in keys})
            processes.until(lambda: rough.lake.version(EVENTS) > before, [process], 100)  # noqa: B023
            tended = place.at(rough.settings, server, spark)
            for table in chance.sample(tables.WRITTEN, 8):  # beside the stages
                maintain.table(tended, table)
            time.sleep(chance.uniform(0, 5))
            processes.kill(process)
    worlds.run(calm)
    worlds.run(place.at(rough.settings, server, spark))
    assert lakes.differences(calm.lake, rough.lake) == []
    assert calm.lake.rows(tables.by_name("gold.shop_hours")) > 0
