"""Damaged copies of files."""

from __future__ import annotations

from random import Random

from corpus.mutation import mutated

CONTENT = bytes(range(256)) * 40


def test_the_same_seed_does_the_same_damage() -> None:
    assert mutated(CONTENT, Random(1)) == mutated(CONTENT, Random(1))


def test_files_are_damaged_in_every_way_and_keep_a_reasonable_size() -> None:
    damaged = [mutated(CONTENT, Random(seed)) for seed in range(60)]
    assert all(one != CONTENT for one in damaged)
    assert len({len(one) for one in damaged}) > 20
    assert max(map(len, damaged)) < 2 * len(CONTENT)
    assert mutated(b"", Random(1)) == b""
