"""The place of a span in a trace, as headers and stored documents name it."""

import pytest

from secretary_common.observing.trace_context import attempt_context, context_of

HEADER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "nonsense",
        HEADER.upper(),
        HEADER.replace("4bf9", "4bg9"),
        HEADER[:-3],
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01",
    ],
)
def test_a_header_that_is_no_traceparent_is_ignored(header: str | None) -> None:
    assert context_of(header) is None


def test_a_header_of_a_later_version_is_read() -> None:
    context = context_of(f"cc{HEADER[2:]}-more")
    assert context is not None
    assert context.header() == HEADER


def test_the_place_of_an_attempt_is_known_without_its_span() -> None:
    first, again = (attempt_context(HEADER, "job-1", 1) for _ in range(2))
    assert first == again
    assert first is not None
    assert first.trace == context_of(HEADER).trace  # type: ignore[union-attr] # HEADER is valid
    places = {attempt_context(HEADER, job, n) for job in ("job-1", "job-2") for n in (1, 2)}
    assert len(places) == 4
    assert attempt_context(HEADER, "job-1", 0) == context_of(HEADER)
    assert attempt_context(None, "job-1", 1) is None
