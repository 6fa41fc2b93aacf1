"""The machine: what is missing is said in one sentence, with the cure."""

import os
import subprocess
import sys

import pytest

from lakehouse import machine
from lakehouse.errors import BadMachine


@pytest.fixture
def jdk(tmp_path, monkeypatch):
    """A JAVA_HOME whose java says what the test wants it to say."""

    def says(version):
        program = tmp_path / "bin" / "java"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\necho '{version}' >&2\n")
        program.chmod(0o755)
        monkeypatch.setenv("JAVA_HOME", str(tmp_path))
        return program

    return says


def test_a_missing_java_is_said(tmp_path, monkeypatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadMachine, match="no java in PATH; install a JDK 17 or later"):
        machine.java()


def test_a_java_home_without_java_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(BadMachine, match=r"no javac in .*bin \(JAVA_HOME\); install"):
        machine.java("javac")


@pytest.mark.parametrize("version", ['openjdk version "11.0.2"', 'java version "1.8.0_392"', ""])
def test_a_java_too_old_or_unknown_is_said(jdk, version):
    jdk(version)
    with pytest.raises(BadMachine, match="install a JDK 17 or later"):
        machine.java()


@pytest.mark.parametrize("version", ['openjdk version "17.0.15" 2025-04-15', "javac 21"])
def test_a_java_that_will_do_is_found(jdk, version):
    program = jdk(version)
    assert machine.java() == program


def test_a_full_disk_is_said(tmp_path):
    with pytest.raises(BadMachine, match=r"GB left on its disk, .* needed; make room"):
        machine.need_space(tmp_path / "not made yet", 1 << 60)
    machine.need_space(tmp_path, 1)


def test_a_process_is_told_from_a_later_one_of_its_number():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert machine.born(os.getpid()) == machine.born(os.getpid())
    assert machine.born(child.pid) not in (None, machine.born(os.getpid()))
    child.communicate(b"\n")
    assert machine.born(child.pid) is None
