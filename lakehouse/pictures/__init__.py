"""The pictures of the report and the dashboard: each question is asked in one place, here.

Plain data, a page a file: name, title, SQL, how the answer is drawn. Importing it loads no engine.
"""

from lakehouse.pictures import flow, models, shops
from lakehouse.pictures.schema import Chosen, Page, Picture
from lakehouse.tables import Table

__all__ = ["NAMES", "Chosen", "Page", "Picture", "pages"]

NAMES = ("flow", "shops", "models")


def pages(there: list[Table]) -> tuple[Page, ...]:
    """All pages, of a lakehouse with these tables."""
    return flow.page(there), shops.PAGE, models.PAGE
