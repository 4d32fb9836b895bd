"""What the command shows on a terminal: bars, speeds and tables."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from secretary_client.cli.terminal.output import print_table, short
from secretary_client.cli.terminal.progress import Speed, bars_on
from secretary_client.event import Event
from secretary_client.models import JobError


class Now:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def event(name: str, percent: int, message: str, error: str = "") -> Event:
    failure: JobError | None = {"code": "C", "message": error, "details": None} if error else None
    progress = {"step": "", "percent": percent, "message": message}
    return Event(
        1,
        name,
        {"seq": 1, "job_id": "j", "status": name, "progress": progress, "error": failure},  # type: ignore[typeddict-item]
    )


def console() -> Console:
    return Console(file=io.StringIO(), width=120, force_terminal=True, color_system=None)


def shown(made: Console) -> str:
    assert isinstance(made.file, io.StringIO)
    return made.file.getvalue()


def test_a_bar_shows_the_upload_then_the_pages_with_their_speed() -> None:
    now, made = Now(), console()
    with bars_on(made, now) as bars:
        bar = bars.bar("[b]a.pdf")
        bar.uploading(0, 8_000_000)
        now.now = 2
        bar.uploading(4_000_000, 8_000_000)
    assert "[b]a.pdf" in shown(made)
    assert "50% uploading 4.0 of 8.0 MB, 2.0 MB/s" in shown(made)
    made = console()
    with bars_on(made, now) as bars:
        bar = bars.bar("a.pdf")
        bar.show(event("progress", 10, "page 3 of 30"))
        now.now = 6
        bar.show(event("progress", 40, "page 11 of 30"))
    assert "40% running page 11 of 30, 2.0 pages/s" in shown(made)


@pytest.mark.parametrize(
    ("one", "note", "text"),
    [
        (event("failed", 40, "page 1 of 2", "no PDF"), "", "40% failed no PDF"),
        (event("completed", 90, "done"), "", "100% completed done"),
        (event("pending", 0, ""), "the type pdf is paused", "0% pending the type pdf is paused"),
    ],
)
def test_a_bar_says_how_a_job_ended_or_why_it_waits(one: Event, note: str, text: str) -> None:
    made = console()
    with bars_on(made) as bars:
        bars.bar("a").show(one, note)
    assert text in shown(made)


def test_a_speed_begins_again_with_a_new_attempt() -> None:
    now = Now()
    speed = Speed(now)
    assert speed.at(5) is None
    now.now = 2
    assert speed.at(9) == 2
    assert speed.at(1) is None


def test_a_table_never_cuts_ids_and_shows_short_times() -> None:
    made = Console(file=io.StringIO(), width=50)
    job_id = "job-01a22677-4cd2-77f3-9dbb-035ff1670a8a"
    rows = [(job_id, "2026-01-31T08:00:00.123Z", "completed", "x" * 40)]
    print_table(made, ("JOB", "CREATED", "STATUS", "TEXT"), rows)
    assert job_id in shown(made)
    assert len(short("2026-01-31T08:00:00.123Z")) == len("2026-01-31 08:00:00")


@pytest.mark.parametrize("width", [20, 80, 200])
def test_a_table_has_all_columns_on_a_narrow_terminal(width: int) -> None:
    made = Console(file=io.StringIO(), width=width)
    rows = [("job-1" * 8, 1, 100, "2026-01-31T08:00:00.123Z", "failed", "https://x.org/" * 9, "no")]
    print_table(made, ("JOB", "PID", "%", "CREATED", "STATUS", "URL", "WHY"), rows)
    [head, row, *_] = shown(made).splitlines()
    assert head.split() == ["JOB", "PID", "%", "CREATED", "STATUS", "URL", "WHY"]
    assert row.split()[1:3] == ["1", "100"]
    assert row.split()[5:6] + row.split()[-1:] == ["failed", "no"]


def test_a_table_without_rows_is_its_head() -> None:
    made = Console(file=io.StringIO(), width=80)
    print_table(made, ("JOB", "STATUS"), [])
    assert shown(made).split() == ["JOB", "STATUS"]
