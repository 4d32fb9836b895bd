"""Makes the tables, then reads for the bench which jobs have ended: a line for each question.

A question is a JSON list of job ids. The answer is the list of the ids that have ended.
"""

from __future__ import annotations

import json
import os
import sys

import psycopg
from procrastinate.schema import SchemaManager

RESULTS = """
CREATE TABLE results (
    job_id bigint PRIMARY KEY, progress jsonb, result jsonb, ended_at timestamptz
)
"""
ENDED = "SELECT id FROM procrastinate_jobs WHERE id = ANY(%s) AND status = 'succeeded'"


def main() -> None:
    """Answer until the end of the input."""
    with psycopg.connect(os.environ["BENCH_POSTGRES_URL"], autocommit=True) as connection:
        connection.execute(SchemaManager.get_schema())
        connection.execute(RESULTS)
        print(json.dumps([]), flush=True)
        for line in sys.stdin:
            rows = connection.execute(ENDED, [[int(one) for one in json.loads(line)]])
            print(json.dumps([str(row[0]) for row in rows]), flush=True)


if __name__ == "__main__":
    main()
