"""The small world as frames of gold."""

import pytest

from tests.models import worlds


@pytest.fixture(scope="session")
def products(spark):
    """gold.products."""
    return worlds.products(spark)


@pytest.fixture(scope="session")
def baskets(spark):
    """gold.baskets."""
    return worlds.baskets(spark)


@pytest.fixture(scope="session")
def known(spark):
    """gold.customer_features."""
    return worlds.known(spark)
