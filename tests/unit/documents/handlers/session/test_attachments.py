"""The file names of slides, the progress of reading them, and the links to them."""

from __future__ import annotations

import asyncio

import pytest
from support.conference import targets
from support.handler_harness import Recorder

from secretary_common.models import JobProgress, name_fault
from secretary_devstack.deadline import wait_until
from secretary_documents.handlers.contract import JobReport
from secretary_documents.handlers.session.attachment_reader import free_stem
from secretary_documents.handlers.session.markdown import markdown_link
from secretary_documents.handlers.session.progress import slides_progress
from secretary_documents.handlers.session.talk import Attachment


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("slides.pdf", "slides-3"),
        ("SLIDES.PDF", "SLIDES-3"),
        ("../../etc/passwd", "passwd"),
        ("a b\n\0<x>.pdf", "a-b-x"),
        ("Folien über Größe.pdf", "Folien-über-Größe"),
        ("...", "slides-3"),
        ("🙂.pdf", "slides-3"),
        ("x" * 300 + ".pdf", "x" * 80),
    ],
)
def test_slides_with_any_name_get_a_unique_file_name(name: str, stem: str) -> None:
    taken = [Attachment("u", "t", "slides.pdf"), Attachment("u", "t", "Slides-2.pptx")]
    found = free_stem(name, taken)
    assert found == stem
    assert name_fault(f"{found}-0001.jpg") is None


@pytest.mark.parametrize("text", ["Slides", "a] (b) [c", "a\\", "two\n\nlines", "<b>&amp;"])
@pytest.mark.parametrize("target", ["a.pdf", "https://h/a(b).pdf?x=1", "https://h/a>b c", "ü.pdf"])
def test_a_link_leads_to_its_target_with_any_characters(text: str, target: str) -> None:
    before, after = markdown_link(text, target), markdown_link("next", "end")
    first, last = targets(f"{before} {after}")
    plain = target.replace("(", "%28").replace(")", "%29").replace(">", "%3E").replace(" ", "%20")
    assert first in (plain, plain.replace("ü", "%C3%BC"))
    assert last == "end"


def test_progress_grows_with_all_slides_and_never_shrinks() -> None:
    reports = [
        slides_progress("S", index, 3, JobProgress(step="any", percent=percent, message="m"))
        for index in range(3)
        for percent in (10, 25, 30, 60, 75)
    ]
    percents = [report.percent for report in reports]
    assert percents == sorted(percents)
    assert (percents[0], percents[-1]) == (70, 75)
    assert {report.step for report in reports} == {"processing_attachments"}
    assert reports[0].message == "S: m"


async def test_the_progress_of_a_part_is_a_step_of_the_job_and_is_repeated() -> None:
    recorder = Recorder()
    whole = JobReport("job-1", recorder, repeat_sec=0.01)
    part = whole.part(lambda one: one.model_copy(update={"step": "whole"}))
    async with whole.repeating_progress():
        part.progress(JobProgress(step="part", percent=70, message="m"))
        await asyncio.to_thread(
            wait_until, lambda: len(recorder.progress) > 1, timeout_sec=10, what="a beat"
        )
    assert [(one.step, one.message) for one in recorder.progress[:2]] == [
        ("whole", "m"),
        ("whole", "m (0 s)"),
    ]
