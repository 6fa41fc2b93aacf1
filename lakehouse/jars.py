"""The jars: resolved once by Spark's own resolver, then only a class path.

`make setup` runs `python -m lakehouse.jars`; where nothing changed it does nothing.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyspark

from lakehouse import machine
from lakehouse.errors import BadMachine, LakehouseError
from lakehouse.settings import PROJECT

FOLDER = PROJECT / ".jars"
SOURCE = PROJECT / "java" / "src" / "lakehouse" / "delta" / "ConditionalPutLogStore.java"
LOG_STORE = "lakehouse.delta.ConditionalPutLogStore"

PACKAGES = (
    "io.delta:delta-spark_4.1_2.13:4.4.0",
    "org.apache.hadoop:hadoop-aws:3.4.2",  # the Hadoop that pyspark 4.1 ships
    "org.apache.spark:spark-hadoop-cloud_2.13:4.1.2",  # AbortableStreamBasedCheckpointFileManager
    # What S3A uses of the AWS SDK, instead of its bundle of 640 MB.
    "software.amazon.awssdk:s3:2.29.52",
    "software.amazon.awssdk:s3-transfer-manager:2.29.52",
    "software.amazon.awssdk:sts:2.29.52",
    "software.amazon.awssdk:apache-client:2.29.52",
    "software.amazon.awssdk:netty-nio-client:2.29.52",
)
EXCLUDED = (
    "software.amazon.awssdk:bundle",
    # Other clouds.
    "com.google.cloud.bigdataoss:*",
    "com.huaweicloud:*",
    "com.microsoft.azure:*",
    "org.apache.hadoop:hadoop-azure",
    "org.apache.hadoop:hadoop-cloud-storage",
    "org.apache.hadoop:hadoop-huaweicloud",
    # pyspark has these, some of them newer; ours would come first on the class path.
    "com.fasterxml.jackson.core:*",
    "com.fasterxml.jackson.dataformat:*",
    "commons-codec:*",
    "io.netty:*",
    "joda-time:*",
    "org.apache.hadoop:hadoop-client-api",
    "org.apache.hadoop:hadoop-client-runtime",
    "org.apache.httpcomponents:*",
    "org.apache.logging.log4j:*",
    "org.apache.parquet:*",
    "org.eclipse.jetty:*",
    "org.roaringbitmap:*",
    "org.slf4j:*",
)


def class_path() -> str:
    """Every jar that Spark needs beside its own.

    Raises BadMachine where they are missing, or are those of another version of the project.
    """
    for part, stamp in (("jars", _wanted()), ("log-store", _source_hash())):
        if not _is_fresh(part, stamp):
            raise BadMachine(
                f"{FOLDER}: the {part} of this version are not there; run `make setup`"
            )
    return f"{FOLDER / 'jars'}/*{os.pathsep}{FOLDER / 'log-store'}/*"


def set_up() -> None:
    """Resolve the jars and compile the log store, each only where something changed."""
    _once("jars", _wanted(), _resolve)
    _once("log-store", _source_hash(), _compile)


def _wanted() -> str:
    return "\n".join([*PACKAGES, *(f"not {name}" for name in EXCLUDED)])


def _source_hash() -> str:
    return hashlib.sha256(SOURCE.read_bytes() + _wanted().encode()).hexdigest()


def _is_fresh(part: str, stamp: str) -> bool:
    file = FOLDER / part / "stamp"
    return file.exists() and file.read_text(encoding="utf-8") == stamp


def _once(part: str, stamp: str, make: Callable[[Path], None]) -> None:
    """Let `make` fill a new folder that replaces the old one only when it is complete."""
    if _is_fresh(part, stamp):
        return
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as draft:
        made = Path(draft) / part
        made.mkdir()
        make(made)
        (made / "stamp").write_text(stamp, encoding="utf-8")
        shutil.rmtree(FOLDER / part, ignore_errors=True)
        made.rename(FOLDER / part)


def _resolve(folder: Path) -> None:
    machine.java()
    cache = PROJECT / ".cache" / "ivy"
    shutil.rmtree(cache / "jars", ignore_errors=True)  # only what this run names
    nothing = folder.parent / "nothing.py"  # spark-submit resolves for a program, here an empty one
    nothing.touch()
    options = {
        "spark.jars.packages": ",".join(PACKAGES),
        "spark.jars.excludes": ",".join(EXCLUDED),
        "spark.jars.ivy": str(cache),
        # The resolver prefers what it finds in ~/.m2, and fails on a half-filled one.
        "spark.driver.extraJavaOptions": (
            f'"-Duser.home={cache}" "-Djava.io.tmpdir={folder.parent}" -XX:-UsePerfData'
        ),
        "spark.local.dir": str(folder.parent),
    }
    home = Path(pyspark.__file__).parent
    command = [str(home / "bin" / "spark-submit"), "--master", "local[1]"]
    for key, value in options.items():
        command += ["--conf", f"{key}={value}"]
    extra = {
        "SPARK_HOME": str(home),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LAUNCHER_OPTS": "-XX:-UsePerfData",
    }
    _run([*command, str(nothing)], "the jars were not resolved", extra)
    for jar in (cache / "jars").glob("*.jar"):
        jar.rename(folder / jar.name)


def _compile(folder: Path) -> None:
    spark = Path(pyspark.__file__).parent / "jars"
    classes = folder.parent / "classes"
    options = ["-J-XX:-UsePerfData", "--release", str(machine.JAVA), "-d", str(classes)]
    path = f"{spark}/*{os.pathsep}{FOLDER / 'jars'}/*"
    command = [str(machine.java("javac")), *options, "-cp", path, str(SOURCE)]
    _run(command, "the log store was not compiled")
    with zipfile.ZipFile(folder / "lakehouse-log-store.jar", "w") as jar:
        for file in sorted(classes.rglob("*.class")):
            jar.write(file, str(file.relative_to(classes)))


def _run(command: list[str], failure: str, extra: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env={**os.environ, **(extra or {})}
    )
    if done.returncode != 0:
        log = PROJECT / ".cache" / "setup.log"
        log.parent.mkdir(exist_ok=True)
        log.write_text(done.stdout + done.stderr, encoding="utf-8")
        lines = [line for line in done.stderr.splitlines() if "rror" in line or "xception" in line]
        raise BadMachine(
            f"{failure}: {(lines or ['no reason given'])[0].strip()} (all of it: {log})"
        )


if __name__ == "__main__":
    try:
        set_up()
    except LakehouseError as fault:
        sys.exit(f"setup: {fault}")
