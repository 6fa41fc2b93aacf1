"""What of Spark Connect's protocol passes the door."""

import pytest
from pyspark.sql.connect.proto import base_pb2 as base
from pyspark.sql.connect.proto import catalog_pb2 as catalog
from pyspark.sql.connect.proto import commands_pb2 as commands
from pyspark.sql.connect.proto import expressions_pb2 as expressions
from pyspark.sql.connect.proto import relations_pb2 as relations
from pyspark.sql.connect.proto import types_pb2 as types

from lakehouse.serving import front


def asked(relation):
    return base.ExecutePlanRequest(plan=base.Plan(root=relation))


def ordered(**command):
    return base.ExecutePlanRequest(plan=base.Plan(command=commands.Command(**command)))


def config(**operation):
    return base.ConfigRequest(operation=base.ConfigRequest.Operation(**operation))


def within(expression):
    """An expression deep within a question."""
    named = relations.Read(named_table=relations.Read.NamedTable(unparsed_identifier="gold.shops"))
    inner = expressions.Expression(
        unresolved_function=expressions.Expression.UnresolvedFunction(
            function_name="abs", arguments=[expression]
        )
    )
    return asked(
        relations.Relation(
            limit=relations.Limit(
                limit=3,
                input=relations.Relation(
                    project=relations.Project(
                        input=relations.Relation(read=named), expressions=[inner]
                    )
                ),
            )
        )
    )


def test_a_question_passes():
    literal = expressions.Expression(literal=expressions.Expression.Literal(integer=1))
    assert front.fault(within(literal)) is None
    assert front.fault(asked(relations.Relation(sql=relations.SQL(query="SELECT 1")))) is None
    said = {"sql_command": commands.SqlCommand(sql="SELECT 1")}
    assert front.fault(ordered(**said)) is None


PYTHON = expressions.CommonInlineUserDefinedFunction(
    function_name="f", python_udf=expressions.PythonUDF(command=b"x")
)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (
            asked(
                relations.Relation(
                    read=relations.Read(
                        data_source=relations.Read.DataSource(format="csv", paths=["/etc/passwd"])
                    )
                )
            ),
            "data source",
        ),
        (
            within(expressions.Expression(common_inline_user_defined_function=PYTHON)),
            "common inline user defined function",
        ),
        (
            asked(relations.Relation(map_partitions=relations.MapPartitions(func=PYTHON))),
            "map partitions",
        ),
        (ordered(register_function=PYTHON), "register function"),
        (
            ordered(register_data_source=relations.CommonInlineUserDefinedDataSource(name="evil")),
            "register data source",
        ),
        (
            ordered(execute_external_command=commands.ExecuteExternalCommand(runner="x")),
            "execute external command",
        ),
        (
            ordered(write_stream_operation_start={"format": "console"}),
            "write stream operation start",
        ),
        (ordered(extension={"type_url": "x"}), "extension"),
        (base.ExecutePlanRequest(plan={"compressed_operation": {"data": b"x"}}), "compressed"),
        (config(set={"pairs": [{"key": "spark.sql.runSQLOnFiles", "value": "true"}]}), "setting"),
        (config(get_all={}), "get all"),
        (config(unset={"keys": ["spark.sql.ansi.enabled"]}), "unset"),
        (config(get={"keys": ["spark.hadoop.fs.s3a.secret.key"]}), "the setting spark.hadoop"),
        (config(get={"keys": ["spark.connect.authenticate.token"]}), "the setting spark.connect"),
        (base.AnalyzePlanRequest(input_files={}), "input files"),
        (base.AddArtifactsRequest(batch={"artifacts": [{"name": "jars/x.jar"}]}), "files"),
        (base.AddArtifactsRequest(begin_chunk={"name": "pyfiles/x.py"}), "files"),
        (base.AddArtifactsRequest(batch={"artifacts": [{"name": "cache/../jars/x.jar"}]}), "files"),
        (
            within(expressions.Expression(cast={"type": {"udt": {"jvm_class": "Evil"}}})),
            "udt",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_could_do_more_is_refused(request_, said):
    assert said in front.fault(request_)


def test_a_plan_of_many_steps_is_read():
    plan = relations.Relation(sql=relations.SQL(query="SELECT 1"))
    for _ in range(300):
        plan = relations.Relation(limit=relations.Limit(limit=3, input=plan))
    again = base.ExecutePlanRequest.FromString(asked(plan).SerializeToString())
    assert front.fault(again) is None


def test_rows_that_a_client_made_pass_and_so_do_harmless_settings():
    assert (
        front.fault(base.AddArtifactsRequest(batch={"artifacts": [{"name": "cache/0ab"}]})) is None
    )
    assert front.fault(config(get={"keys": ["spark.sql.session.timeZone"]})) is None
    pair = {"key": "spark.sql.session.timeZone", "value": "UTC"}
    assert front.fault(config(set={"pairs": [pair]})) is None


def test_every_kind_that_is_named_is_one_of_the_protocol():
    for name, allowed in front.CHOICES.items():
        kind = next(
            one.DESCRIPTOR.message_types_by_name.get(name.split(".")[2])
            for one in (base, catalog, commands, expressions, relations, types)
            if name.split(".")[2] in one.DESCRIPTOR.message_types_by_name
        )
        if name.endswith(".Operation"):
            kind = kind.nested_types_by_name["Operation"]
        fields = {field.name for field in kind.oneofs_by_name[front.ONEOFS[name]].fields}
        assert allowed <= fields
