"""The report: all pictures in one HTML file that needs no server and nothing from the net."""

from datetime import UTC, datetime
from pathlib import Path

from markupsafe import Markup

from lakehouse.boards import pages
from lakehouse.boards.asking import Asking
from lakehouse.boards.pages import Drawn, Part
from lakehouse.flow import status
from lakehouse.lake import Lake
from lakehouse.settings import home


def write(lake: Lake, now: datetime | None = None) -> Path:
    """Write the report of a lakehouse as it is; give the file, in the home folder."""
    path = home() / "report" / "index.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(lake, now or datetime.now(UTC)), encoding="utf-8")
    return path


def page(lake: Lake, now: datetime) -> str:
    """The report as HTML."""
    asking = Asking(lake)
    parts = [
        Part(one.name, one.title, one.says, [Drawn(asking.answer(each)) for each in one.pictures])
        for one in asking.pages()
    ]
    # What is a file of ours or of plotly's is no value, and stays as it is.
    inline = {
        "css": Markup(pages.file("board.css")),
        "js": Markup(pages.file("board.js")),
        "plotly": Markup(pages.plotly()),
    }
    return (
        pages.environment()
        .get_template("page.html")
        .render(
            title="Report",
            says=f"Made {now:%Y-%m-%d %H:%M} UTC; instants are UTC.",
            links=[(part.title, part.name, f"#{part.name}") for part in parts],
            held_up=status.held_up(lake),
            parts=parts,
            inline=inline,
            foot="`lakehouse dashboard` shows the same with filters and the rows behind it.",
        )
    )
