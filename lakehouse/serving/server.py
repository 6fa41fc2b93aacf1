"""SQL for many: a Spark driver of one role, with Thrift's door (JDBC, ODBC) and Connect's (notebooks).

Both listen on loopback alone: open Spark's doors know neither users nor TLS that would hold elsewhere.
"""

import contextlib
import json
import logging
import os
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import grpc
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql.connect.proto import base_pb2, base_pb2_grpc

from lakehouse import keys, machine, places, s3, session, settings
from lakehouse.errors import BadMachine
from lakehouse.lake import Lake
from lakehouse.machine import LOOPBACK
from lakehouse.serving import front, guard
from lakehouse.serving.roles import SANDBOX, Role
from lakehouse.settings import Settings

_log = logging.getLogger(__name__)

_SEEN_S = 60.0  # how often it looks for new tables
_ANSWER_S = 20.0  # a health check waits so long

# What Spark's own clients need, and what keeps them to tables by their names.
_CONF = {
    "spark.sql.runSQLOnFiles": "false",
    "spark.sql.variable.substitute": "false",
    "spark.hadoop.hive.variable.substitute": "false",
    "spark.sql.sources.default": "delta",
    "spark.sql.artifact.isolation.enabled": "false",
    "spark.scheduler.mode": "FAIR",
    "spark.hadoop.hive.server2.thrift.bind.host": LOOPBACK,
    "spark.hadoop.hive.server2.transport.mode": "binary",
    "spark.hadoop.hive.server2.authentication": "NONE",
    # One client of the storage for all, not one a user's name.
    "spark.hadoop.hive.server2.enable.doAs": "false",
    # Long answers go to the client part by part, and do not fill the driver.
    "spark.sql.thriftServer.incrementalCollect": "true",
    # The end of a session looks for a metastore of Hive, ten times for a second; there is none.
    "spark.hadoop.hive.hmshandler.retry.attempts": "0",
}


@dataclass(frozen=True)
class Serving:
    """A server that runs: whom it serves, its process (a recycled pid is born at another time), where."""

    role: str
    pid: int
    born: str
    thrift: int
    connect: int

    @property
    def jdbc(self) -> str:
        """The address for JDBC; ODBC takes the same host and port."""
        return f"jdbc:hive2://{LOOPBACK}:{self.thrift}/"

    @property
    def remote(self) -> str:
        """The address for Spark Connect, whose client sends its token only to a host of this name."""
        return f"sc://localhost:{self.connect}/"


@contextlib.contextmanager
def serving(
    lake: Lake, role: Role, thrift: int, connect: int, memory: str = "2g"
) -> Iterator[Serving]:
    """Serve a role at two ports of loopback until the context ends.

    Raises BadMachine where a port is taken, the role is served already, or Spark runs on a cluster.
    """
    if not session.is_local(lake.settings):
        raise BadMachine(
            "spark.master is no local one: executors would have another key than a role's"
        )
    if (other := status(role)) is not None:
        raise BadMachine(f"process {other.pid} serves {role.name}s already, at {other.jdbc}")
    for port in (thrift, connect):
        if not machine.is_free(port):
            raise BadMachine(f"port {port} of {LOOPBACK} is taken; another can be given")
    where, token = lake.settings, keys.token(lake.settings, role.name)
    backend = front.Backend.new(machine.free_port())
    endpoint = lake.endpoint or ""
    own = keys.environment(keys.limited(where, role.key)) | backend.environment
    closing = threading.Event()
    with session.spark(
        _settings(where, backend, thrift, memory), endpoint, f"lakehouse serve {role.name}", own
    ) as spark:
        guard.install(spark, role)
        _catalogue(spark, lake, role)
        _thrift(spark)
        watching = threading.Thread(target=_watch, args=(spark, lake, role, closing), daemon=True)
        watching.start()
        with front.serving(connect, token, backend):
            pid = os.getpid()
            running = Serving(role.name, pid, machine.born(pid) or "", thrift, connect)
            machine.write_private(token_file(role), f"{token}\n")
            _note(role).write_text(json.dumps(asdict(running), indent=2), encoding="utf-8")
            try:
                yield running
            finally:
                closing.set()
                watching.join(_ANSWER_S)
                _note(role).unlink(missing_ok=True)


def token_file(role: Role) -> Path:
    """The file with what a client of Connect has to show, readable by this user alone."""
    return settings.home() / f"serve-{role.name}.token"


def status(role: Role) -> Serving | None:
    """The server of a role, if one runs."""
    try:
        noted = Serving(**json.loads(_note(role).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return noted if machine.born(noted.pid) == noted.born else None


def faults(running: Serving, role: Role) -> list[str]:
    """What does not answer of a server, as sentences."""
    found = []
    try:
        socket.create_connection((LOOPBACK, running.thrift), timeout=_ANSWER_S).close()
    except OSError as fault:
        found.append(f"Thrift at port {running.thrift}: {fault}")
    try:
        token = token_file(role).read_text(encoding="utf-8").strip()
    except OSError:
        return [*found, f"{token_file(role)} is gone: start the server again"]
    asked = base_pb2.AnalyzePlanRequest(
        session_id="00000000-0000-0000-0000-000000000001",
        spark_version=base_pb2.AnalyzePlanRequest.SparkVersion(),
    )
    with grpc.insecure_channel(f"{LOOPBACK}:{running.connect}") as channel:
        stub: Any = base_pb2_grpc.SparkConnectServiceStub(channel)  # type: ignore[no-untyped-call]
        shows = (("authorization", f"Bearer {token}"),)
        try:
            stub.AnalyzePlan(asked, timeout=_ANSWER_S, metadata=shows)
        except grpc.RpcError as fault:
            found.append(f"Connect at port {running.connect}: {fault.details()}")
    return found


def _note(role: Role) -> Path:
    return settings.home() / f"serve-{role.name}.json"


def _settings(where: Settings, backend: front.Backend, thrift: int, memory: str) -> Settings:
    own = {"spark.hadoop.hive.server2.thrift.port": str(thrift)}
    conf = {**where.spark.conf, **_CONF, **backend.conf, **own}
    engine = where.spark.model_copy(update={"conf": conf, "driver_memory": memory})
    return where.model_copy(update={"spark": engine})


def _thrift(spark: SparkSession) -> None:
    jvm: Any = spark.sparkContext._jvm
    door = jvm.org.apache.spark.sql.hive.thriftserver.HiveThriftServer2
    server = door.startWithSparkSession(spark._jsparkSession, False)
    # Of a session's first settings these alone are taken, before a plan is there to be checked.
    taken = "|".join(map(re.escape, sorted(guard.SETTABLE | guard.BY_THRIFT)))
    server.getHiveConf().setModifiableWhiteListRegex(taken)


def _catalogue(spark: SparkSession, lake: Lake, role: Role) -> None:
    """Give the tables that are there the names that the role knows them by."""
    known = {row.namespace for row in spark.sql("SHOW SCHEMAS").collect()}
    for schema in role.schemas:
        if schema not in known:
            bucket = lake.settings.buckets.sandbox
            lies = f" LOCATION 's3a://{bucket}/tables'" if schema == SANDBOX else ""
            spark.sql(f"CREATE SCHEMA {schema}{lies}")
    there = {
        table.name: places.uri(lake.settings, table)
        for table in lake.existing()
        if table.layer in role.reads
    }
    for name, uri in there.items():
        _register(spark, name, uri)
    if role.writes:
        bucket = lake.settings.buckets.sandbox
        for folder in s3.folders(lake.storage, bucket, "tables/"):
            name = folder.removeprefix("tables/").rstrip("/")
            if name.isidentifier():
                _register(spark, f"{SANDBOX}.{name}", f"s3a://{bucket}/tables/{name}", is_own=True)


def _register(spark: SparkSession, name: str, uri: str, *, is_own: bool = False) -> None:
    """Give a table its name; one that has no version yet is left for the next time.

    Takes   is_own  its files go when it is dropped
    """
    if spark.catalog.tableExists(name):
        return
    try:
        spark.sql(f"CREATE TABLE {name} USING delta LOCATION '{uri}'")
    except PySparkException:
        return
    if is_own:
        jvm: Any = spark.sparkContext._jvm
        catalyst = jvm.org.apache.spark.sql.catalyst
        known: Any = spark._jsparkSession.sessionState().catalog()
        schema, short = name.split(".")
        found = known.getTableMetadata(
            catalyst.TableIdentifier(short, jvm.scala.Option.apply(schema))
        )
        parts = [getattr(found, f"copy$default${one + 1}")() for one in range(found.productArity())]
        parts[1] = catalyst.catalog.CatalogTableType.MANAGED()
        known.alterTable(found.copy(*parts))


def _watch(spark: SparkSession, lake: Lake, role: Role, closing: threading.Event) -> None:
    """Look for new tables until the server is closed; where the storage does not answer, next time."""
    while not closing.wait(_SEEN_S):
        try:
            _catalogue(spark, lake, role)
        except Exception as fault:  # the thread is to outlive whatever it was
            _log.warning("new tables were not looked for: %s", fault)
