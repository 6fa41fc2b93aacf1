"""The first commit of a table: what it is, who may read it, and how its rows lie."""

import json
import time
import uuid
from datetime import timedelta
from typing import Any

from lakehouse.tables import Table

TOMBSTONES_KEPT = timedelta(days=30)

# Tables that readers without Spark and streams of changes can follow: see docs/decisions/.
_PROPERTIES = {
    "delta.enableChangeDataFeed": "true",
    "delta.enableDeletionVectors": "false",
    "delta.logRetentionDuration": "interval 365 days",
    # How long a snapshot knows the files that were taken out of it: see flow/maintain.py.
    "delta.deletedFileRetentionDuration": f"interval {TOMBSTONES_KEPT.days} days",
}
# Delta's table features: what the versions up to 4 imply is named from version 7 on.
_OF_WRITER_4 = (
    "appendOnly",
    "invariants",
    "checkConstraints",
    "changeDataFeed",
    "generatedColumns",
)
_OF_CLUSTERING = ("domainMetadata", "clustering")


def actions(table: Table, schema: str) -> list[dict[str, Any]]:
    """The actions that make a table, as Delta's protocol has them (PROTOCOL.md, "Actions")."""
    now = time.time_ns() // 1_000_000
    # Delta takes a condition that is null for a broken one; SQL does not.
    checks = {
        f"delta.constraints.{column.name}_check": f"`{column.name}` IS NULL OR {column.check}"
        for column in table.columns
        if column.check
    }
    named = ",".join(table.skipping)
    statistics = {"delta.dataSkippingStatsColumns": named} if named else {}
    metadata = {
        "id": str(uuid.uuid4()),
        "name": table.short_name,
        "description": table.grain,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": schema,
        "partitionColumns": list(table.partitioned),
        "configuration": {**_PROPERTIES, **checks, **statistics},
        "createdTime": now,
    }
    protocol: dict[str, Any] = {"minReaderVersion": 1, "minWriterVersion": 4}
    actions: list[dict[str, Any]] = [
        {"commitInfo": {"timestamp": now, "operation": "CREATE TABLE", "operationParameters": {}}},
        {"protocol": protocol},
        {"metaData": metadata},
    ]
    if table.clustered:
        protocol |= {"minWriterVersion": 7, "writerFeatures": [*_OF_WRITER_4, *_OF_CLUSTERING]}
        clustering = {
            "clusteringColumns": [[name] for name in table.clustered],
            "domainName": "delta.clustering",
        }
        domain = {
            "domain": "delta.clustering",
            "configuration": json.dumps(clustering),
            "removed": False,
        }
        actions.append({"domainMetadata": domain})
    return actions
