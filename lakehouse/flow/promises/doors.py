"""Promises 9 and 10: faults have declared names, and gold opens without Spark."""

from collections.abc import Iterator
from tempfile import TemporaryDirectory

from lakehouse import rules, settings, tables
from lakehouse.bronze import events
from lakehouse.errors import BadSetting
from lakehouse.flow.promises.evidence import Evidence
from lakehouse.landing import lines
from lakehouse.settings import Settings

_INGEST = "bronze.events"
_UNKNOWN = "warehuse"


def undeclared(evidence: Evidence) -> Iterator[str]:
    """Sentences about reasons that nobody declared, and settings that are taken though wrong."""
    declared = {
        _INGEST: {*events.faults(), *lines.FAULTS},
        **{
            table.name: {rule.id for rule in rules.load(table.name).rules}
            for table in tables.SILVER
        },
    }
    found = evidence.ask(
        "SELECT table_name, reason, count(*) FROM (SELECT table_name, unnest(reasons) AS reason "
        "FROM ops.quarantine) GROUP BY ALL ORDER BY ALL"
    )
    for table_name, reason, rows in found:
        if reason not in declared.get(table_name, ()):
            yield f"ops.quarantine: {rows} rows of {table_name} have the unknown reason '{reason}'"
    [(silent,)] = evidence.ask("SELECT count(*) FROM ops.quarantine WHERE len(reasons) = 0")
    if silent:
        yield f"ops.quarantine: {silent} rows have no reason"
    yield from _taken()


def _taken() -> Iterator[str]:
    """Settings with an unknown key are refused by a sentence with the key and the known ones."""
    folder = settings.home() / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder) as inside:
        path = f"{inside}/wrong.yml"
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"{_UNKNOWN}: here\n")
        try:
            settings.load(path)
        except BadSetting as fault:
            missing = [
                name for name in (_UNKNOWN, *Settings.model_fields) if name not in str(fault)
            ]
            if missing:
                yield f"the sentence about an unknown setting does not name {', '.join(missing)}"
        else:
            yield f"settings with the unknown key '{_UNKNOWN}' are taken"


def closed(evidence: Evidence) -> Iterator[str]:
    """Sentences about gold tables that a reader without Spark cannot open or counts otherwise."""
    lake = evidence.place.lake
    for table in (one for one in tables.JUDGED if one.layer == "gold"):
        opened = lake.open(table)
        protocol = opened.protocol()
        if protocol.min_reader_version > 1 and protocol.reader_features:
            yield f"{table.name}: its readers need {', '.join(protocol.reader_features)}"
        logged = lake.rows(table)
        by_duckdb = evidence.sql.sql(f"FROM {table.name}").to_arrow_table().num_rows
        by_delta_rs = lake.read(table).num_rows
        if not logged == by_duckdb == by_delta_rs:
            yield (
                f"{table.name}: {logged} rows by its log, {by_duckdb} by DuckDB, "
                f"{by_delta_rs} by delta-rs"
            )
