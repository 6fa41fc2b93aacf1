"""The S3 server: started when needed, stopped by the last who used it, found again with its data."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lakehouse import machine, s3, s3_server
from lakehouse.errors import BadMachine, ServerFault
from lakehouse.settings import PROJECT, Settings

# A command that says where its server is and then waits until it is told to end.
COMMAND = """
import sys
from lakehouse import s3_server, settings
with s3_server.running(settings.Settings()) as endpoint:
    print(endpoint, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def own_home(tmp_path, monkeypatch):
    folder = tmp_path / "a home"
    monkeypatch.setenv("LAKEHOUSE_HOME", str(folder))
    yield folder
    s3_server.stop(folder)


@pytest.fixture
def command():
    """Start a command that uses the server; Ctrl-C and SIGTERM reach only it."""
    started = []

    def start():
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            process_group=0,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_objects_outlive_the_server_even_on_other_ports(own_home, monkeypatch):
    where = Settings()
    with s3_server.running(where) as first:
        storage = s3.client(where, first)
        s3.ensure_buckets(storage, ["lake", "gold"])
        s3.ensure_buckets(storage, ["lake", "gold"])
        s3.put(storage, "lake", "a/b", b"content")
    taken = int(first.rpartition(":")[2])
    is_free = machine.is_free
    monkeypatch.setattr(machine, "is_free", lambda port: port != taken and is_free(port))
    with s3_server.running(where) as second:
        storage = s3.client(where, second)
        assert second != first
        assert [found["Key"] for found in s3.objects(storage, "lake")] == ["a/b"]
        assert s3.get(storage, "lake", "a/b") == b"content"
    assert s3_server.status(own_home) is None


def test_a_server_started_by_name_stays_until_it_is_stopped_by_name(own_home):
    server = s3_server.start(own_home)
    with s3_server.running(Settings()) as endpoint:
        assert endpoint == server.endpoint
    assert s3_server.status(own_home) == server == s3_server.start(own_home)
    assert s3_server.stop(own_home)
    assert machine.born(server.pid) is None
    assert not s3_server.stop(own_home)


def test_commands_at_the_same_time_share_one_server_and_the_last_stops_it(own_home, command):
    commands = [command(), command()]
    first, second = (process.stdout.readline() for process in commands)
    assert first == second != ""
    commands[0].communicate("end\n")
    assert s3_server.status(own_home)
    commands[1].communicate("end\n")
    assert s3_server.status(own_home) is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_interrupted_stops_its_server(own_home, command, number):
    process = command()
    assert process.stdout.readline()
    server = s3_server.status(own_home)
    assert os.getsid(server.pid) == server.pid  # Ctrl-C does not reach it before we are done
    os.killpg(process.pid, number)
    process.wait()
    assert machine.born(server.pid) is None
    assert not list(Path("/tmp").glob(f"seaweedfs-*-{server.ports['s3'] + 10_000}.sock"))


def test_a_server_left_by_a_killed_command_is_used_and_stopped_by_the_next(own_home, command):
    process = command()
    endpoint = process.stdout.readline().strip()
    process.kill()
    process.wait()
    with s3_server.running(Settings()) as found:
        assert found == endpoint
    assert s3_server.status(own_home) is None


def test_a_stale_pid_file_is_no_obstacle(own_home):
    own_home.mkdir()
    stale = {"pid": os.getpid(), "born": "long ago", "ports": {"s3": 1}, "is_kept": True}
    (own_home / "s3.json").write_text(json.dumps(stale))
    assert s3_server.status(own_home) is None
    assert not s3_server.stop(own_home)  # and this process still lives
    (own_home / "s3.json").write_text("half a fi")
    with s3_server.running(Settings()) as endpoint:
        assert endpoint == s3_server.status(own_home).endpoint


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's table of sockets")
def test_it_listens_on_loopback_only(own_home):
    server = s3_server.start(own_home)
    ours = {port + offset for port in server.ports.values() for offset in (0, 10_000)}
    listening = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            address, _, port = local.partition(":")
            if state == "0A" and int(port, 16) in ours:
                listening.add(address)
    assert listening == {"0100007F"}  # 127.0.0.1, its bytes in the order of the processor


def test_a_server_that_does_not_start_is_said_with_its_last_word(own_home, monkeypatch):
    monkeypatch.setattr(s3_server, "_arguments", lambda *_: ["no-such-command"])
    with pytest.raises(ServerFault, match=r"the S3 server ended: \S.*s3\.log"):
        s3_server.start(own_home)
    assert not (own_home / "s3.json").exists()


def test_no_free_port_is_said(own_home, monkeypatch):
    monkeypatch.setattr(machine, "is_free", lambda _: False)
    with pytest.raises(BadMachine, match="no free ports between 10000 and 30000"):
        s3_server.start(own_home)


def test_a_storage_of_your_own_starts_nothing(own_home):
    where = Settings.model_validate({"s3": {"endpoint": "https://s3.example.org"}})
    with s3_server.running(where) as endpoint:
        assert endpoint == "https://s3.example.org"
    assert not own_home.exists()


def test_a_storage_that_is_not_there_is_said(own_home, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "and secret")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    endpoint = "http://127.0.0.1:9"
    where = Settings.model_validate({"s3": {"endpoint": endpoint}})
    with pytest.raises(ServerFault, match=r"127\.0\.0\.1:9.*check s3.endpoint and the keys"):
        s3.ensure_buckets(s3.client(where, endpoint), ["lake"])


def test_keys_that_are_refused_are_said(server, where, monkeypatch):
    elsewhere = Settings.model_validate({"s3": {"endpoint": server}})
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "not")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "known")
    with pytest.raises(ServerFault, match=r"check s3\.endpoint and the keys"):
        s3.ensure_buckets(s3.client(elsewhere, server), ["lake"])
