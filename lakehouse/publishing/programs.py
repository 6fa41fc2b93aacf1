"""PostgreSQL's programs: those of the machine, or Debian's packages unpacked into a folder."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from lakehouse.errors import BadMachine

INSTALLED = Path("/usr/lib/postgresql")
_MISSING = (
    "no PostgreSQL on this machine: `apt-get install postgresql`, or give --url of another one"
)
_PACKAGES = ("postgresql-{0}", "postgresql-client-{0}", "libpq5")


def found(name: str, unpacked: Path) -> Path | None:
    """A program of the newest version that is installed, on the path, or unpacked; None without."""
    for folder in (INSTALLED, None, unpacked / "usr" / "lib" / "postgresql"):
        if folder is None:
            if on_path := shutil.which(name):
                return Path(on_path)
        elif versions := sorted(folder.glob(f"*/bin/{name}"), key=lambda one: int(one.parts[-3])):
            return versions[-1]
    return None


def environment(unpacked: Path) -> dict[str, str]:
    """What a program needs that finds its libraries where they were unpacked."""
    libraries = sorted({str(one.parent) for one in unpacked.glob("**/lib*.so.*")})
    return {"LD_LIBRARY_PATH": os.pathsep.join(libraries)} if libraries else {}


def unpack(into: Path) -> None:
    """Unpack Debian's packages into a folder, without installing anything; they lie there at once.

    Raises BadMachine where this is no Debian, or its registry does not answer.
    """
    known = _said("apt-cache", "depends", "postgresql")
    newest = re.search(r"Depends: postgresql-(\d+)$", known, re.MULTILINE)
    if newest is None:
        raise BadMachine(_MISSING)
    wanted = [one.format(newest[1]) for one in _PACKAGES]
    would = _said("apt-get", "--simulate", "--no-install-recommends", "install", wanted[0])
    wanted += re.findall(r"^Inst (\S+) ", would, re.MULTILINE)
    draft = into.with_name(f"{into.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    (draft / "packages").mkdir(parents=True)
    _said("apt-get", "--quiet", "download", *dict.fromkeys(wanted), within=draft / "packages")
    for package in sorted((draft / "packages").glob("*.deb")):
        _said("dpkg", "--extract", str(package), str(draft))
    shutil.rmtree(draft / "packages")
    draft.chmod(0o755)
    draft.replace(into)


def _said(*command: str, within: Path | None = None) -> str:
    if shutil.which(command[0]) is None:
        raise BadMachine(_MISSING)
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=within)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["it said nothing"]
        raise BadMachine(f"{_MISSING} ({command[0]}: {lines[-1]})")
    return done.stdout
