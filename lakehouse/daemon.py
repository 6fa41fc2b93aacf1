"""Spark's daemon of Python workers, without the archives that Spark puts on its path.

Each task of a Python function lists them anew: 50 ms a task, most of it for Spark's own jar, in which
there is no Python (docs/decisions/batches.md). Its zip of pyspark is the package that is installed.
"""

import importlib.util
import sys


def main() -> None:
    """Serve workers until Spark ends the daemon; each is a fork of this process."""
    before = list(sys.path)
    sys.path[:] = [path for path in before if not path.endswith((".jar", ".zip"))]
    if importlib.util.find_spec("pyspark") is None:  # an executor that has only Spark's own
        sys.path[:] = [path for path in before if not path.endswith(".jar")]
    sys.path_importer_cache.clear()

    from pyspark import daemon  # noqa: PLC0415  from where it is found now

    daemon.manager()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
