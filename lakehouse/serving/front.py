"""The door of notebooks: Spark Connect, of which only questions and tables of one's own pass.

Connect's protocol can do all that a driver can: load files and classes, run Python of the client in the
server, ask other databases, set any setting. So Spark listens behind this door, with a token that only
the door knows, and what is not named here is refused before Spark sees it. Rows go through untouched.
"""

import hmac
import re
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google._upb._message import SetAllowOversizeProtos
from google.protobuf.message import Message
from pyspark.sql.connect.proto import base_pb2

from lakehouse.machine import LOOPBACK
from lakehouse.serving.guard import SETTABLE

# A plan is two messages deep for each step; by default 100 are read.
SetAllowOversizeProtos(True)

_SERVICE = base_pb2.DESCRIPTOR.services_by_name["SparkConnectService"]
_MOST_BYTES = 128 << 20  # of a message, as Spark's own
_CALLS = 64  # at once; each holds a thread while its rows come

# Of each kind of message that chooses between many things, those that pass.
_PASSES = {
    "spark.connect.Plan": "root command",
    "spark.connect.Relation": (
        "aggregate approx_quantile as_of_join cached_local_relation cached_remote_relation catalog "
        "chunked_cached_local_relation collect_metrics corr cov crosstab deduplicate describe drop "
        "drop_na fill_na filter freq_items hint html_string join lateral_join limit local_relation "
        "offset project range read repartition repartition_by_expression replace sample sample_by "
        "set_op show_string sort sql subquery_alias summary tail to_df to_schema transpose unpivot "
        "unresolved_table_valued_function with_columns with_columns_renamed with_relations"
    ),
    "spark.connect.Read": "named_table",
    "spark.connect.Catalog": (
        "current_catalog current_database database_exists function_exists get_database get_function "
        "get_table is_cached list_catalogs list_columns list_databases list_functions list_tables "
        "set_current_database table_exists"
    ),
    "spark.connect.Expression": (
        "alias call_function cast expression_string lambda_function literal "
        "named_argument_expression sort_order subquery_expression unresolved_attribute "
        "unresolved_extract_value unresolved_function unresolved_named_lambda_variable "
        "unresolved_regex unresolved_star update_fields window"
    ),
    # (A type of one's own names a class.)
    "spark.connect.DataType": (
        "array binary boolean byte calendar_interval char date day_time_interval decimal double float "
        "integer long map null short string struct time timestamp timestamp_ntz unparsed var_char "
        "variant year_month_interval"
    ),
    "spark.connect.Command": (
        "checkpoint_command create_dataframe_view remove_cached_remote_relation_command sql_command "
        "write_operation write_operation_v2"
    ),
    "spark.connect.ConfigRequest.Operation": "get get_option get_with_default is_modifiable set",
    "spark.connect.AnalyzePlanRequest": (
        "ddl_parse explain is_local is_streaming json_to_ddl same_semantics schema semantic_hash "
        "spark_version tree_string"
    ),
}
CHOICES = {name: frozenset(allowed.split()) for name, allowed in _PASSES.items()}
ONEOFS = {
    "spark.connect.Plan": "op_type",
    "spark.connect.Relation": "rel_type",
    "spark.connect.Read": "read_type",
    "spark.connect.Catalog": "cat_type",
    "spark.connect.Expression": "expr_type",
    "spark.connect.Command": "command_type",
    "spark.connect.DataType": "kind",
    "spark.connect.ConfigRequest.Operation": "op_type",
    "spark.connect.AnalyzePlanRequest": "analyze",
}
# What a session reads are settings of SQL.
_READABLE = ("spark.sql.", "spark.connect.session.")
# Rows that a client made, by their hash; other artifacts are code. (Spark works out `..` in a name.)
_CACHED = re.compile(r"cache/[0-9a-f]+")


@dataclass(frozen=True)
class Backend:
    """Spark's own door, behind this one; its token is in the environment, as a command line is not
    secret.
    """

    port: int
    token: str

    @classmethod
    def new(cls, port: int) -> "Backend":
        """One with a token that nobody knows."""
        return cls(port, secrets.token_urlsafe(32))

    @property
    def environment(self) -> dict[str, str]:
        """What tells Spark the token."""
        return {"SPARK_CONNECT_AUTHENTICATE_TOKEN": self.token}

    @property
    def conf(self) -> dict[str, str]:
        """What lets Spark open it. A plan that a client packed could not be looked into."""
        return {
            "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
            "spark.connect.grpc.binding.address": LOOPBACK,
            "spark.connect.grpc.binding.port": str(self.port),
            "spark.connect.session.planCompression.threshold": "-1",
        }


@contextmanager
def serving(port: int, token: str, backend: Backend) -> Iterator[None]:
    """Serve at `port` of loopback who shows `token`."""
    options = [(f"grpc.max_{way}_message_length", _MOST_BYTES) for way in ("send", "receive")]
    with (
        grpc.insecure_channel(f"{LOOPBACK}:{backend.port}", options) as channel,
        ThreadPoolExecutor(_CALLS) as threads,
    ):
        server = grpc.server(threads, options=options)
        server.add_generic_rpc_handlers((_Door(channel, token, backend),))
        server.add_insecure_port(f"{LOOPBACK}:{port}")
        server.start()
        try:
            yield
        finally:
            server.stop(grace=None).wait()


def fault(request: Message) -> str | None:
    """What is wrong with a request, in words; None where it may pass."""
    for message in _messages(request):
        name = message.DESCRIPTOR.full_name
        if name == "google.protobuf.Any":
            return "extensions"
        if name in CHOICES:
            chosen = message.WhichOneof(ONEOFS[name])
            if chosen is not None and chosen not in CHOICES[name]:
                return str(chosen).replace("_", " ")
    if isinstance(request, base_pb2.ConfigRequest):
        return _setting(request)
    if isinstance(request, base_pb2.AddArtifactsRequest):
        names = [one.name for one in request.batch.artifacts]
        names += [request.begin_chunk.name] if request.HasField("begin_chunk") else []
        if not all(map(_CACHED.fullmatch, names)):
            return "files of one's own"
    return None


def _setting(request: base_pb2.ConfigRequest) -> str | None:
    asked = request.operation
    for pair in asked.set.pairs:
        if pair.key not in SETTABLE:
            return f"the setting {pair.key}; there are {', '.join(sorted(SETTABLE))}"
    read = [*asked.get.keys, *asked.get_option.keys, *asked.is_modifiable.keys]
    read += [pair.key for pair in asked.get_with_default.pairs]
    hidden = [key for key in read if not key.startswith(_READABLE)]
    return f"the setting {hidden[0]}" if hidden else None


def _messages(message: Message) -> Iterator[Message]:
    """A message and every message in it."""
    waiting = [message]
    while waiting:
        message = waiting.pop()
        yield message
        for field, value in message.ListFields():
            if field.message_type is None:
                continue
            if field.message_type.GetOptions().map_entry:
                waiting += [one for one in value.values() if isinstance(one, Message)]
            else:
                waiting += value if field.is_repeated else [value]


class _Door(grpc.GenericRpcHandler):
    """Looks at each request and hands it on."""

    def __init__(self, channel: grpc.Channel, token: str, backend: Backend) -> None:
        self._channel = channel
        self._token = f"Bearer {token}".encode()
        self._behind = (("authorization", f"Bearer {backend.token}"),)

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler | None:
        service, _, name = handler_call_details.method.strip("/").partition("/")
        if service != _SERVICE.full_name or name not in _SERVICE.methods_by_name:
            return None
        method = _SERVICE.methods_by_name[name]
        kind = f"{_way(method.client_streaming)}_{_way(method.server_streaming)}"
        asked: Any = getattr(base_pb2, method.input_type.name)
        ask = getattr(self._channel, kind)(handler_call_details.method, asked.SerializeToString)
        answer = self._stream if method.server_streaming else self._single
        handler = getattr(grpc, f"{kind}_rpc_method_handler")
        made: grpc.RpcMethodHandler = handler(
            lambda request, context: answer(ask, request, context), asked.FromString
        )
        return made

    def _single(self, ask: Any, request: Any, context: grpc.ServicerContext) -> Any:
        call = ask.future(self._let(request, context), metadata=self._behind)
        context.add_callback(call.cancel)
        try:
            return call.result()
        except grpc.RpcError as error:
            return _hand_on(error, context)

    def _stream(self, ask: Any, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        call = ask(self._let(request, context), metadata=self._behind)
        context.add_callback(call.cancel)
        try:
            yield from call
        except grpc.RpcError as error:
            _hand_on(error, context)

    def _let(self, request: Any, context: grpc.ServicerContext) -> Any:
        """The request, if it may pass."""
        shown = dict(context.invocation_metadata()).get("authorization", "")
        if not hmac.compare_digest(str(shown).encode(), self._token):
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "another token than this server's")
        many = [request] if isinstance(request, Message) else list(request)
        for one in many:
            if wrong := fault(one):
                context.abort(grpc.StatusCode.PERMISSION_DENIED, f"refused at this door: {wrong}")
        return request if isinstance(request, Message) else iter(many)


def _way(is_streaming: bool) -> str:
    return "stream" if is_streaming else "unary"


def _hand_on(error: Any, context: grpc.ServicerContext) -> None:
    """Say to the client what Spark said; the trailing metadata has the class of the fault."""
    kept = [pair for pair in error.trailing_metadata() or () if not pair[0].startswith(":")]
    context.set_trailing_metadata(kept)
    context.abort(error.code(), error.details())
