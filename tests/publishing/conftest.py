"""A real PostgreSQL for the whole run, and two tables of gold in a lakehouse of their own."""

import os
from contextlib import suppress

import pytest
from pg8000.exceptions import InterfaceError

from lakehouse import s3, settings, tables
from lakehouse.lake import Lake
from lakehouse.publishing import connect, server
from lakehouse.publishing import tables as publishing
from lakehouse.settings import Buckets, Settings
from tests.boards.worlds import ROWS, SUNDAY, append

_SOMETHING = {"string": "b", "bigint": 1, "int": 1, "double": 0.5, "date": SUNDAY}


def whole(name, row):
    """The row, with something in each column that is never null."""
    never = [column for column in tables.by_name(name).columns if column.is_never_null]
    return {
        column.name: _SOMETHING[column.type] for column in never if column.name not in row
    } | row


@pytest.fixture(scope="session")
def postgres(home):
    """The address of this run's own server."""
    running = server.start(settings.home())
    before = os.environ.get(connect.PASSWORD)
    os.environ[connect.PASSWORD] = server.password(settings.home())
    yield running.url
    server.remove(settings.home())
    if before is None:
        del os.environ[connect.PASSWORD]
    else:
        os.environ[connect.PASSWORD] = before


@pytest.fixture
def owner(postgres):
    """A connection of the owner to an empty database."""
    connection = connect.connected(postgres)
    connection.run("DROP SCHEMA IF EXISTS gold, lakehouse CASCADE")
    yield connection
    with suppress(InterfaceError):  # the server was stopped under it
        connection.close()


@pytest.fixture(scope="module")
def lake(server, request):
    """Some tables of gold: plain ones, and one with arrays and an odd text."""
    prefix = request.module.__name__.rpartition("_")[2]
    where = Settings(buckets=Buckets.named(f"pub-{prefix}"))
    s3.ensure_buckets(s3.client(where, server), where.buckets.model_dump().values())
    lake = Lake(where, server)
    names = ("gold.shops", "gold.shop_hours", "gold.customer_features", "gold.product_affinities")
    append(lake, {name: [whole(name, row) for row in ROWS[name]] for name in names})
    return lake


@pytest.fixture
def publish(owner, lake):
    """Publish tables by name."""
    sql = lake.duckdb("httpfs", "delta")

    def of(*names, **more):
        publishing.prepare(owner)
        done = [
            publishing.publish(owner, lake, sql, tables.by_name(name), **more) for name in names
        ]
        return done[0] if len(done) == 1 else done

    return of
