"""Damaged copies of files."""

from __future__ import annotations

import io
import zipfile
from random import Random

from corpus.mutation import mutated, mutated_inside
from support.office_samples import zipped

CONTENT = bytes(range(256)) * 40


def test_the_same_seed_does_the_same_damage() -> None:
    assert mutated(CONTENT, Random(1)) == mutated(CONTENT, Random(1))


def test_files_are_damaged_in_every_way_and_keep_a_reasonable_size() -> None:
    damaged = [mutated(CONTENT, Random(seed)) for seed in range(60)]
    assert all(one != CONTENT for one in damaged)
    assert len({len(one) for one in damaged}) > 20
    assert max(map(len, damaged)) < 2 * len(CONTENT)
    assert mutated(b"", Random(1)) == b""


def test_a_zip_file_is_mostly_damaged_inside_so_that_its_sums_are_right() -> None:
    content = zipped({"a.txt": "text" * 50, "b.txt": "more" * 50})
    damaged = [mutated_inside(content, Random(seed)) for seed in range(40)]
    whole = 0
    for one in damaged:
        try:
            with zipfile.ZipFile(io.BytesIO(one)) as archive:
                whole += archive.testzip() is None
        except zipfile.BadZipFile:
            continue
    assert whole > 20
    assert len(set(damaged)) > 30
