"""Two real servers, an analyst's and a scientist's, over a few rows of gold and silver."""

import pytest

from lakehouse import s3, settings
from lakehouse.lake import Lake
from lakehouse.serving import roles, server
from lakehouse.settings import Settings
from tests.boards.worlds import ROWS, append
from tests.publishing.conftest import whole
from tests.serving.processes import start, stop


@pytest.fixture(scope="session")
def lake(server):
    """In the buckets that the keys of the roles open."""
    where = Settings()
    s3.ensure_buckets(s3.client(where, server), where.buckets.model_dump().values())
    lake = Lake(where, server)
    gold = {name: rows for name, rows in ROWS.items() if name.startswith("gold.")}
    append(lake, {name: [whole(name, row) for row in rows] for name, rows in gold.items()})
    append(lake, {"bronze.events": ROWS["bronze.events"]})
    append(lake, {"silver.readings": [{"event_id": "e1", "device_id": "d1", "value": 4.5}]})
    return lake


@pytest.fixture(scope="session")
def served(lake, tmp_path_factory):
    """What is noted of each server by its role's name; both are stopped at the end, and cleanly."""
    folder = tmp_path_factory.mktemp("served")
    started = {}
    try:
        for role in roles.ROLES:
            started[role.name] = start(role.name, folder)
        yield {role.name: server.status(role) for role in roles.ROLES}
    finally:
        stop(started, folder)
    assert not list(settings.home().glob("serve-*.json"))
