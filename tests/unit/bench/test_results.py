"""The figures of a bench reach the tables unchanged."""

from harness import results

RECORDS = [
    {"system": "a", "cpu": {"api": 1.0}},
    {"system": "b", "cpu": {"api": 5.0}},
    {"system": "a", "cpu": {"api": 3.0, "worker": 2.0}},
]


def test_a_record_without_a_value_does_not_count() -> None:
    assert results.median(RECORDS, "cpu", "api") == 3.0
    assert results.median(RECORDS, "cpu", "worker") == 2.0


def test_records_of_one_system_are_one_group_in_the_order_of_the_run() -> None:
    groups = results.grouped(RECORDS, "system")
    assert [name for (name,) in groups] == ["a", "b"]
    assert results.spread(groups["a",], "cpu", "api", digits=1) == "2.0 (1.0-3.0)"


def test_tables_replace_only_what_is_between_the_marks_of_their_bench() -> None:
    text = "before\n<!-- burst -->\nold\n<!-- end -->\nafter\n<!-- idle -->\nkept\n<!-- end -->\n"
    changed = results.with_tables(text, "burst", r"new \1")
    assert "old" not in changed
    assert changed.startswith("before\n<!-- burst -->\n\nnew \\1\n\n<!-- end -->\nafter\n")
    assert "kept" in changed


def test_the_columns_of_a_table_are_aligned() -> None:
    lines = results.table(("name", "ms"), [("a long name", "1"), ("b", "22")]).splitlines()
    assert len({len(line) for line in lines}) == 1
