"""Ingest what has landed, then stop: `lakehouse ingest` for spark-submit.

    spark-submit jobs/ingest.py --settings conf/cluster.yml

Exit status 0 when it was done, 1 when data, settings or machine were refused (one sentence on
stderr), 2 on wrong usage.
"""

import sys

from lakehouse import cli

if __name__ == "__main__":
    cli.main([*sys.argv[1:], "ingest"])
