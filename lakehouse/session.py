"""The Spark session: Delta, S3 and nothing written outside the home folder."""

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from pyspark import SparkConf, SparkContext
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from lakehouse import jars, keys, machine, settings
from lakehouse.settings import PROJECT, Settings

LOG4J = PROJECT / "conf" / "log4j2.properties"

# Spark puts its jar and a zip of pyspark's sources on the path of its workers: each start compiles the
# sources, each task lists both anew (docs/decisions/batches.md). The package is installed here.
_WORKER = """\
#!/bin/sh
IFS=:
kept=
for part in $PYTHONPATH; do
    case $part in *.jar | *.zip) ;; *) kept=$kept:$part ;; esac
done
export PYTHONPATH="${{kept#:}}"
exec {python} "$@"
"""


# What of the environment a session gets that does not work for the owner, beside what is its own.
_NEEDED = {"PATH", "HOME", "JAVA_HOME", "LANG", "LC_ALL", "TZ"}


@contextmanager
def spark(
    where: Settings, endpoint: str | None, app: str, own: Mapping[str, str] | None = None
) -> Iterator[SparkSession]:
    """A session on the storage at `endpoint`, or on none, stopped at the end.

    Takes   own  the secrets in its environment, where it does not work for the owner: keys.environment
    Raises BadMachine where the JDK, the jars or room on the disk are missing, MissingKey where
    there are no keys, both before anything is started.
    """
    home = settings.home()
    machine.java()
    machine.need_space(home)
    if endpoint is None:
        own = {}
    secrets = keys.environment(keys.s3(where)) if own is None else own
    options = _options(where, endpoint, home)
    for folder in ("tmp", "logs"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    conf = SparkConf().setAppName(app).setAll(list(options.items()))
    if where.spark.master is not None:
        conf.setMaster(where.spark.master)
    worker = _worker(where, home)
    with _environment(where, secrets, worker, is_owners=own is None):
        _start_jvm(conf, home / "logs" / "jvm.log")
        session = SparkSession.builder.config(conf=conf).getOrCreate()
    try:
        yield session
    finally:
        session.stop()


def interpreting(spark: SparkSession) -> SparkSession:
    """A session beside `spark` that runs plans without generating code for them.

    A batch of up to some hundred thousand rows is over before the JVM has compiled what was
    generated for it (docs/decisions/batches.md).
    """
    beside = spark.newSession()
    for key, value in INTERPRETED.items():
        beside.conf.set(key, value)
    return beside


def end_at_once(status: int) -> NoReturn:
    """End the JVM and this process here and now, for who is cut off from the storage: all that is
    under way in them waits for it, one request after the other, and another process may hold what is
    still written here.
    """
    if SparkContext._gateway is not None:
        SparkContext._gateway.proc.kill()
    os._exit(status)


def _options(where: Settings, endpoint: str | None, home: Path) -> dict[str, str]:
    tmp = home / "tmp"
    java = [
        f"-Djava.io.tmpdir={tmp}",
        f"-Dderby.system.home={tmp}",
        f"-Dlakehouse.logs={home / 'logs'}",
        f"-Dlakehouse.pid={os.getpid()}",
        f"-Dlog4j2.configurationFile={LOG4J.as_uri()}",
        "-XX:-UsePerfData",
        # FPGrowth walks its trees by recursion: a receipt of 1,108 items overflowed 1 MB.
        "-Xss8m",
        "-XX:+UseParallelGC",
        # Whole at once: each growth of heap or class space is a full collection.
        f"-Xms{where.spark.driver_memory}",
        "-XX:MetaspaceSize=512m",
        # The second compiler only for what is hot for long: on two cores it takes one.
        "-XX:Tier4InvocationThreshold=30000",
        "-XX:Tier4MinInvocationThreshold=5000",
        "-XX:Tier4CompileThreshold=60000",
        "-XX:Tier4BackEdgeThreshold=200000",
    ]
    options = {
        "spark.driver.memory": where.spark.driver_memory,
        "spark.driver.extraClassPath": jars.class_path(),
        "spark.local.dir": str(tmp),
        "spark.sql.warehouse.dir": (tmp / "warehouse").as_uri(),
        "spark.sql.shuffle.partitions": str(where.spark.shuffle_partitions),
        **_ENGINE,
        **_DELTA,
        **({} if endpoint is None else _s3a(where, endpoint, home)),
        **where.spark.conf,
    }
    # Each option in quotes: the home folder may have a blank in its path.
    own = where.spark.conf.get("spark.driver.extraJavaOptions", "")
    options["spark.driver.extraJavaOptions"] = " ".join([*(f'"{one}"' for one in java), own])
    if not is_local(where):
        del options["spark.local.dir"]  # the cluster's own
    else:
        options["spark.driver.host"] = options["spark.driver.bindAddress"] = machine.LOOPBACK
    return options


def is_local(where: Settings) -> bool:
    """Whether driver and workers are one process; not on a cluster."""
    return where.spark.master is not None and where.spark.master.startswith("local")


INTERPRETED = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
_ENGINE = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # Pseudonym keys stand in plans as literals.
    "spark.sql.redaction.string.regex": "0x[0-9A-Fa-f]{64,}",
    # Listings by a job of 10,000 tasks take 27 s for a tiny table.
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
    # Sets of the products of a basket and the like are hashed, not sorted, from 128 groups on too.
    "spark.sql.objectHashAggregate.sortBased.fallbackThreshold": "1000000",
    # Generated methods above this many bytes of code: the JVM compiles them for seconds, again and
    # again (docs/decisions/cold-start.md). Their operators are run one by one then.
    "spark.sql.codegen.hugeMethodLimit": "2000",
    # A page for each hash table, that of every small frame which is sent to a join too: by default
    # 64 MB of a heap of 6 GB, whatever it holds (docs/decisions/batches.md).
    "spark.buffer.pageSize": "1m",
    # Classes generated for plans: a batch of all tables has some hundred, and the default keeps 100.
    "spark.sql.codegen.cache.maxEntries": "2000",
    # Frames are kept for the length of a batch: to look for the best encoding takes longer.
    "spark.sql.inMemoryColumnarStorage.compressed": "false",
}
_DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.delta.logStore.s3a.impl": jars.LOG_STORE,
    # A commit whose answer was lost must not be committed twice.
    "spark.databricks.delta.commit.idempotencyCheck.enabled": "true",
    # What a VACUUM keeps and which versions may be read: maintain asks the ledger. By default Delta
    # takes no notice of the hours that VACUUM is given, and refuses versions older than a week.
    "spark.databricks.delta.vacuum.retentionWindowIgnore.enabled": "false",
    "spark.databricks.delta.vacuum.enforceTimeTravelWithinDeletedFileRetentionDuration": "false",
    "spark.databricks.delta.retentionDurationCheck.enabled": "false",
    "spark.databricks.delta.snapshotPartitions": "2",  # of the log; its default is 50
    "spark.sql.streaming.checkpointFileManagerClass": (
        "org.apache.spark.internal.io.cloud.AbortableStreamBasedCheckpointFileManager"
    ),
}


def _s3a(where: Settings, endpoint: str, home: Path) -> dict[str, str]:
    is_secure = endpoint.startswith("https://")
    options = {
        "endpoint": endpoint,
        "endpoint.region": where.s3.region,
        "path.style.access": str(where.s3.path_style).lower(),
        "connection.ssl.enabled": str(is_secure).lower(),
        "aws.credentials.provider": (
            "software.amazon.awssdk.auth.credentials.EnvironmentVariableCredentialsProvider"
        ),
        "bucket.probe": "0",
        "fast.upload.buffer": "bytebuffer",
        # A buffer of this size for each file that is being written; by default 64 MB.
        "multipart.size": "16M",
        # Each pause is twice as long as the one before, from half a second on: two minutes in all,
        # as seven tries (its default) may be over within an outage of one.
        "retry.limit": "8",
    }
    if where.s3.is_ours:
        # Our own server on this machine, where requests and not bytes cost: one of them reads a
        # small file whole, and none asks whether a file with a new name is there.
        options |= {"prefetch.enabled": "true", "performance.flags": "create"}
        options["buffer.dir"] = str(home / "tmp")
    return {f"spark.hadoop.fs.s3a.{key}": value for key, value in options.items()}


def _start_jvm(conf: SparkConf, log: Path) -> None:
    """Start the JVM as pyspark does, but with what it prints in a file.

    Java prints a warning about Spark's incubator module, and Delta what a VACUUM deleted.
    """
    if SparkContext._gateway is None:
        with log.open("ab") as said:
            gateway = launch_gateway(  # type: ignore[no-untyped-call]
                conf, {"stdout": said, "stderr": said}
            )
        SparkContext._ensure_initialized(gateway=gateway, conf=conf)


def _worker(where: Settings, home: Path) -> str:
    """The Python of workers; where the driver is all there is, it looks through no archive."""
    if not is_local(where):
        return sys.executable
    script, new = home / "tmp" / "python", home / "tmp" / f"python-{os.getpid()}"
    new.write_text(_WORKER.format(python=shlex.quote(sys.executable)))
    new.chmod(0o700)
    new.replace(script)  # at once: a session beside this one may be starting it
    return str(script)


@contextmanager
def _environment(
    where: Settings, secrets: Mapping[str, str], worker: str, *, is_owners: bool
) -> Iterator[None]:
    """What the JVM takes over when it is started; afterwards the process is as before."""
    before = dict(os.environ)
    if not is_owners:
        for key in before.keys() - _NEEDED:
            del os.environ[key]
    os.environ.update(secrets)
    if where.s3.is_ours:
        os.environ.pop("AWS_SESSION_TOKEN", None)  # it belongs to the keys we replaced
    os.environ.setdefault("PYSPARK_PYTHON", worker)
    os.environ.setdefault("SPARK_LAUNCHER_OPTS", "-XX:-UsePerfData")
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
