"""The jars and the log store: made once, and no commit lost between two writers."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from py4j.protocol import Py4JJavaError

from lakehouse import jars, s3
from lakehouse.errors import BadMachine
from tests import fault_proxy
from tests.fault_proxy import Fault, Kind


def test_missing_jars_are_said(tmp_path, monkeypatch):
    monkeypatch.setattr(jars, "FOLDER", tmp_path)
    with pytest.raises(
        BadMachine, match="the jars of this version are not there; run `make setup`"
    ):
        jars.class_path()


def test_a_changed_log_store_is_said(tmp_path, monkeypatch):
    changed = tmp_path / "ConditionalPutLogStore.java"
    changed.write_text(jars.SOURCE.read_text() + "\n")
    monkeypatch.setattr(jars, "SOURCE", changed)
    with pytest.raises(BadMachine, match="the log-store of this version are not there"):
        jars.class_path()


def test_set_up_again_does_nothing(monkeypatch):
    monkeypatch.setattr(jars, "_run", lambda *_: pytest.fail("ran something"))
    jars.set_up()


def test_a_log_store_that_does_not_compile_leaves_the_old_one(tmp_path, monkeypatch):
    broken = tmp_path / "ConditionalPutLogStore.java"
    broken.write_text("no java")
    old = (jars.FOLDER / "log-store" / "stamp").read_text()
    monkeypatch.setattr(jars, "SOURCE", broken)
    with pytest.raises(BadMachine, match=r"the log store was not compiled: .*error"):
        jars.set_up()
    assert (jars.FOLDER / "log-store" / "stamp").read_text() == old


@pytest.fixture
def write(spark):
    """Write lines by the log store, as Delta does."""
    jvm = spark._jvm
    conf = jvm.org.apache.hadoop.conf.Configuration(spark._jsc.hadoopConfiguration())
    conf.set("fs.s3a.multipart.size", "5M")  # the least that S3 allows
    conf.set("fs.s3a.multipart.threshold", "5M")
    conf.set("fs.s3a.impl.disable.cache", "true")  # else the first conf's file system
    store = getattr(jvm, "lakehouse.delta.ConditionalPutLogStore")(conf)

    def write_lines(path, *lines, overwrite=False):
        actions = jvm.java.util.Arrays.asList(spark._jvm.PythonUtils.toArray(list(lines)))
        store.write(jvm.org.apache.hadoop.fs.Path(path), actions.iterator(), overwrite, conf)

    write_lines.conf = conf
    return write_lines


def test_a_version_that_is_there_is_refused_and_stays(write, server, where):
    write("s3a://lake/log/0.json", "first", "and second")
    with pytest.raises(Py4JJavaError, match="FileAlreadyExistsException"):
        write("s3a://lake/log/0.json", "other")
    storage = s3.client(where, server)
    assert s3.get(storage, "lake", "log/0.json") == b"first\nand second\n"
    write("s3a://lake/log/0.json", "other", overwrite=True)
    assert s3.get(storage, "lake", "log/0.json") == b"other\n"


def test_of_writers_at_the_same_time_one_wins(write):
    def try_once(name):
        try:
            write("s3a://lake/log/1.json", name)
        except Py4JJavaError as fault:
            assert "FileAlreadyExistsException" in str(fault)
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(try_once, "abcdefgh")) == 1


def test_a_commit_whose_answer_was_lost_is_a_success(write, server, where):
    s3.ensure_buckets(s3.client(where, server), ["lost"])
    with fault_proxy.running(server) as proxy:
        write.conf.set("fs.s3a.bucket.lost.endpoint", proxy.endpoint)
        proxy.plan = fault_proxy.first(1, Fault(Kind.DROP_ANSWER), "PUT", lambda path: True)
        write("s3a://lost/log/0.json", "ours")
        proxy.plan = fault_proxy.first(1, Fault(Kind.ERROR, status=500), "PUT", lambda path: True)
        write("s3a://lost/log/1.json", "ours too")
        assert len(proxy.seen) == 2
        with pytest.raises(Py4JJavaError, match="FileAlreadyExistsException"):
            write("s3a://lost/log/0.json", "another's")
    assert s3.get(s3.client(where, server), "lost", "log/0.json") == b"ours\n"


def test_a_commit_of_several_parts_is_guarded_too(write, server, where):
    line = "x" * (11 << 20)
    write("s3a://lake/log/2.json", line)
    with pytest.raises(Py4JJavaError, match="FileAlreadyExistsException"):
        write("s3a://lake/log/2.json", line + "y")
    [found] = s3.objects(s3.client(where, server), "lake", "log/2.json")
    assert found["Size"] == len(line) + 1


def test_delta_commits_by_it(spark):
    spark.range(3).write.format("delta").save("s3a://lake/numbers")
    spark.range(4).write.format("delta").mode("append").save("s3a://lake/numbers")
    assert spark.read.format("delta").load("s3a://lake/numbers").count() == 7
    path = spark._jvm.org.apache.hadoop.fs.Path(
        "s3a://lake/numbers/_delta_log/00000000000000000001.json"
    )
    system = path.getFileSystem(spark._jsc.hadoopConfiguration())
    assert "header.commit-token" in system.getXAttrs(path)
