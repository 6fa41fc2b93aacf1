"""What this machine has: a JDK, room on the disk, processes and ports."""

import os
import re
import shutil
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

from lakehouse.errors import BadMachine

JAVA = 17  # Spark 4 runs on it and on later ones
FREE_BYTES = 2 << 30  # a guess: what the year with its tables takes is not measured yet
LOOPBACK = "127.0.0.1"


def java(program: str = "java") -> Path:
    """The path of a JDK's program: JAVA_HOME's where that is set, as Spark does, else PATH's.

    Raises BadMachine where there is none, or one older than Spark 4 needs.
    """
    home = os.environ.get("JAVA_HOME")
    found = shutil.which(program, path=f"{home}/bin" if home else None)
    if found is None:
        place = f"{home}/bin (JAVA_HOME)" if home else "PATH"
        raise BadMachine(f"no {program} in {place}; install a JDK {JAVA} or later")
    asked = subprocess.run([found, "-version"], check=False, capture_output=True, text=True)
    # `openjdk version "17.0.15"`, `javac 17.0.15`; Java 8 called itself 1.8.
    version = re.search(r'(?:version "|javac )(\d+)', asked.stderr + asked.stdout)
    if version is None or int(version[1]) < JAVA:
        said = (asked.stderr + asked.stdout).strip().partition("\n")[0] or "nothing"
        raise BadMachine(f"{found} says '{said}'; install a JDK {JAVA} or later")
    return Path(found)


def need_space(folder: Path, size: int = FREE_BYTES) -> None:
    """Raises BadMachine where the disk of `folder` has less than `size` bytes left."""
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < size:
        raise BadMachine(
            f"{folder}: {free / 1e9:.1f} GB left on its disk, {size / 1e9:.1f} GB needed; "
            "make room, or set LAKEHOUSE_HOME to a folder on another disk"
        )


def is_free(port: int) -> bool:
    """Whether nobody listens on this port of loopback."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def write_private(path: Path, content: str) -> None:
    """Write a file anew that nobody but this user can read, at no time."""
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with open(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(content)


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def born(pid: int) -> str | None:
    """When process `pid` was started, in the system's own words; None where there is none."""
    with suppress(ChildProcessError):  # a dead child stays in the table until it is asked for
        os.waitpid(pid, os.WNOHANG)
    if Path("/proc/self/stat").exists():
        try:
            # The name, in brackets, may hold blanks; state and start time are fields 3 and 22.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if fields[0] == "Z" else fields[19]
    command = ["ps", "-o", "lstart=", "-p", str(pid)]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout or None
