"""The plan of ``make upgrade-test`` has every mix of versions."""

from __future__ import annotations

from upgrade.scenario import mixes


def test_each_of_the_eight_mixes_occurs_and_the_last_one_is_all_new() -> None:
    found = mixes()
    assert len(set(found)) == len(found) == 8
    assert found[0].count("old") == 3
    assert found[-1].count("new") == 3
