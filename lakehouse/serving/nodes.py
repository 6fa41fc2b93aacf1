"""The nodes of Spark's analysed plans that the guard knows, by the names of their classes."""


def _names(prefix: str, short: str) -> frozenset[str]:
    return frozenset(f"{prefix}{name}" for name in short.split())


_LOGICAL = "org.apache.spark.sql.catalyst.plans.logical."
_COMMAND = "org.apache.spark.sql.execution.command."
_DELTA = "org.apache.spark.sql.delta.commands."

# Those of a question, which hold no rows of their own; and views of a session's own making.
QUESTIONS = _names(
    _LOGICAL,
    "Aggregate AsOfJoin CTERelationDef CTERelationRef CollectMetrics DataFrameDropColumns Deduplicate "
    "Distinct EmptyRelation Except Expand Filter Generate GlobalLimit Intersect Join LateralJoin "
    "LimitAll LocalLimit LocalRelation Offset OneRowRelation Pivot Project Range RebalancePartitions "
    "Repartition RepartitionByExpression ResolvedHint Sample Sort Subquery SubqueryAlias Tail "
    "Transpose Union UnionLoop UnionLoopRef Unpivot UnresolvedHint View Window WithCTE",
)
# Commands that look at names and columns, and what they look at.
LOOKS = (
    _names(
        _LOGICAL,
        "DescribeColumn DescribeFunction DescribeNamespace DescribeRelation NoopCommand "
        "SetCatalogAndNamespace ShowColumns ShowFunctions ShowTables ShowTablesExtended ShowViews",
    )
    | _names(
        _COMMAND,
        "DescribeColumnCommand DescribeDatabaseCommand DescribeFunctionCommand DescribeQueryCommand "
        "DescribeRelationJsonCommand DescribeTableCommand ExplainCommand SetNamespaceCommand "
        "ShowCatalogsCommand ShowColumnsCommand ShowCurrentNamespaceCommand ShowFunctionsCommand "
        "ShowNamespacesCommand ShowTablesCommand ShowViewsCommand",
    )
    | _names(
        "org.apache.spark.sql.catalyst.analysis.",
        "CurrentNamespace$ ResolvedIdentifier ResolvedNamespace ResolvedNonPersistentFunc "
        "ResolvedTable ResolvedTempView UnresolvedNamespace",
    )
    | _names(_DELTA, "ShowDeltaTableColumnsCommand")
)
TABLE = "org.apache.spark.sql.execution.datasources.LogicalRelation"
HISTORY = f"{_DELTA}DescribeDeltaHistoryCommand"

# Delta reads a table's log with plans of its own, over an index that no statement names.
FILES = "org.apache.spark.sql.execution.datasources.HadoopFsRelation"
LOG_INDEX = "org.apache.spark.sql.delta.DeltaLogFileIndex"
OWN = _names("org.apache.spark.sql.execution.", "LogicalRDD") | _names(
    _LOGICAL,
    "AppendColumns DeserializeToObject MapElements MapGroups MapPartitions SerializeFromObject "
    "TypedFilter",
)
VIEW = f"{_COMMAND}CreateViewCommand"
LOCAL_VIEW = "org.apache.spark.sql.catalyst.analysis.LocalTempView$"

# Commands that write, by how they name the table.
MAKE = _names(_LOGICAL, "CreateTable CreateTableAsSelect ReplaceTable ReplaceTableAsSelect")
FILL = _names(_LOGICAL, "AppendData OverwriteByExpression OverwritePartitionsDynamic")
MERGE = f"{_DELTA}MergeIntoCommand"
CHANGE = _names(_DELTA, "DeleteCommand UpdateCommand") | {MERGE}
DROP = f"{_LOGICAL}DropTable"
OPEN_SPEC = f"{_LOGICAL}UnresolvedTableSpec"

# Commands that keep the plan of a question aside once it is analysed.
KEEP = MAKE | {VIEW}
