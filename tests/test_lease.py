"""Who holds a stage: one at a time, and a holder that is gone holds nothing."""

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

import pytest

from lakehouse import lease, s3
from lakehouse.errors import BatchFailed, ServerFault
from lakehouse.flow import place
from lakehouse.settings import S3
from tests import fault_proxy, small_s3


@pytest.fixture
def storage(server, where):
    return s3.client(where, server)


def hold(storage, name, lost=print, **options):
    return lease.held(storage, "ops", name, lost, **options)


def test_who_comes_second_is_told_who_holds_it_since_when(storage):
    with hold(storage, "first") as holder:
        said = re.escape(f"first is being run by process {os.getpid()} on {holder.host} since ")
        with (
            pytest.raises(BatchFailed, match=said + r"[-\d]{10} [:\d]{8} UTC; wait for it or stop"),
            hold(storage, "first"),
        ):
            pytest.fail("held twice")
        with hold(storage, "another"):
            pass
    with hold(storage, "first"):
        pass


def test_of_many_at_once_one_holds_it(storage):
    with ExitStack() as stack, ThreadPoolExecutor(8) as pool:

        def take(_):
            try:
                return stack.enter_context(hold(storage, "raced"))
            except BatchFailed:
                return None

        assert len([one for one in pool.map(take, range(8)) if one]) == 1


def test_a_process_that_was_killed_holds_nothing(storage, server, where):
    script = (
        "import os, sys\n"
        "from lakehouse import lease, s3\n"
        "from lakehouse.settings import Settings\n"
        "where = Settings.model_validate_json(sys.argv[1])\n"
        "with lease.held(s3.client(where, sys.argv[2]), 'ops', 'killed', print):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, where.model_dump_json(), server],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=dict(os.environ),
    ) as process:
        assert process.stdout.readline() == b"held\n"
        said = f"process {process.pid} on "
        with pytest.raises(BatchFailed, match=said), hold(storage, "killed"):
            pytest.fail("held twice")
        process.kill()
        process.wait()
    with hold(storage, "killed"):
        pass


def elsewhere(storage, name, number):
    """Let the lease look as if a process of another machine had taken it."""
    with hold(storage, f"{name}-of-us") as holder:
        there = lease._Lease(storage, "ops", name)
        there.number = number
        there.write(replace(holder, host="elsewhere"))


def test_a_holder_on_another_machine_holds_it_until_it_does_not_renew(storage, monkeypatch):
    elsewhere(storage, "far", 1)
    with pytest.raises(BatchFailed, match="on elsewhere since"), hold(storage, "far"):
        pass
    monkeypatch.setattr(lease, "EXPIRY_SECONDS", -1.0)
    with hold(storage, "far"):
        pass


def test_who_was_taken_over_is_told(storage, monkeypatch):
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.05)
    told = []
    with hold(storage, "taken", told.append):
        elsewhere(storage, "taken", 2)
        until = time.monotonic() + 10
        while not told and time.monotonic() < until:
            time.sleep(0.05)
    assert "taken is being run by process" in str(told[0])


def test_who_cannot_reach_the_storage_gives_up_before_another_may_take_it(
    server, where, monkeypatch
):
    tries = 4 * lease.ANSWER_SECONDS + 10  # with botocore's pauses
    assert lease.CUT_OFF_SECONDS + lease.RENEW_SECONDS + tries < lease.EXPIRY_SECONDS
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(lease, "CUT_OFF_SECONDS", 1.0)
    said = []
    with (
        fault_proxy.running(server) as proxy,
        hold(s3.client(where, proxy.endpoint), "away", said.append),
    ):
        time.sleep(2)
        assert said == []
        proxy.plan = lambda method, path: fault_proxy.Fault(fault_proxy.Kind.CUT)
        until = time.monotonic() + 30
        while not said and time.monotonic() < until:
            time.sleep(0.1)
    assert re.fullmatch(
        r"away could not reach http://127.0.0.1:\d+ for \d+ s; nothing is lost, .*", str(said[0])
    )


def test_who_looked_long_ago_does_not_win_by_a_number_that_was_given_up(storage, monkeypatch):
    with hold(storage, "slow"):
        pass  # number 1 is over
    looked = lease._Lease._newest
    answers = iter([1])

    def long_ago(self):
        return next(answers, None) or looked(self)

    with hold(storage, "slow"):
        pass  # number 2 is over
    with hold(storage, "slow"):  # number 3; the objects before it are gone
        monkeypatch.setattr(lease._Lease, "_newest", long_ago)
        with pytest.raises(BatchFailed, match="slow is being run by"), hold(storage, "slow"):
            pytest.fail("held twice")


def test_one_process_at_a_time_opens_a_lakehouse_on_an_unsafe_storage(server, where):
    with place._only_writer(where, server, "it cheats", print):
        said = r"it cheats; the lakehouse is being run by process \d+ on .* since .*; wait for it"
        twice = place._only_writer(where, server, "it cheats", print)
        with pytest.raises(ServerFault, match=said), twice:
            pytest.fail("held twice")


@pytest.mark.parametrize("way", [small_s3.IGNORES, small_s3.LOOKS_FIRST])
def test_on_a_storage_that_cheats_one_still_holds_it(where, monkeypatch, way):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "access")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with small_s3.running(way) as endpoint, ExitStack() as stack:
        settings = where.model_copy(update={"s3": S3(endpoint=endpoint)})

        def take(_):
            storage = s3.client(settings, endpoint)
            try:
                return stack.enter_context(hold(storage, "raced", settle_s=0.5))
            except BatchFailed:
                return None

        with ThreadPoolExecutor(8) as pool:
            assert len([one for one in pool.map(take, range(8)) if one]) == 1
