"""Cuts in recordings: nothing is lost, no piece is too long, and silence is preferred."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from secretary_documents.media.converted_audio import (
    FRAME_BYTES,
    FRAME_SEC,
    ConvertedAudio,
    Span,
    decide_spans,
)
from secretary_documents.media.silence import Silence

seconds = st.floats(min_value=0.05, max_value=20_000)
silences = st.lists(st.tuples(st.floats(0, 20_000), st.floats(0.4, 60)), max_size=30).map(
    lambda found: [Silence(start, start + length) for start, length in sorted(found)]
)


@given(seconds, silences, st.floats(min_value=10, max_value=2000))
def test_pieces_cover_the_recording_and_none_is_too_long(
    duration: float, found: list[Silence], longest: float
) -> None:
    spans = decide_spans(duration, found, longest_sec=longest)
    assert spans[0].start == 0
    assert spans[-1].end == duration
    for one, following in pairwise(spans):
        assert one.end == following.start
    assert all(0 < span.end - span.start <= longest * (1 + 1e-9) for span in spans)
    assert len(spans) <= 4 * duration / longest + 1


@given(st.integers(1, 10**7), silences, st.integers(2 * FRAME_BYTES, 10**6), st.floats(0.1, 2000))
async def test_pieces_of_speech_are_whole_frames_and_none_has_too_many_bytes(
    frames: int, found: list[Silence], piece_bytes: int, piece_sec: float
) -> None:
    piece_bytes = max(piece_bytes, frames * FRAME_BYTES // 500)
    piece_sec = max(piece_sec, frames * FRAME_SEC / 500)
    audio = ConvertedAudio(fd=-1, size=frames * FRAME_BYTES, silences=found)
    spans = audio.spans(piece_bytes=piece_bytes, piece_sec=piece_sec)
    bounds = [(round(span.start / FRAME_SEC), round(span.end / FRAME_SEC)) for span in spans]
    assert sum(last - first for first, last in bounds) == frames
    assert max(last - first for first, last in bounds) * FRAME_BYTES <= piece_bytes


def test_a_short_recording_is_one_piece() -> None:
    assert decide_spans(60, [Silence(20, 30)], longest_sec=60) == [Span(0, 60)]
    assert decide_spans(0, [], longest_sec=60) == []


def test_a_cut_lies_in_the_middle_of_the_longest_silence_near_its_even_place() -> None:
    found = [Silence(3, 9), Silence(44, 45), Silence(55, 58), Silence(70, 70.5)]
    assert decide_spans(100, found, longest_sec=60) == [Span(0, 56.5), Span(56.5, 100)]


def test_among_equal_silences_the_nearest_to_the_even_place_is_cut() -> None:
    found = [Silence(40, 41), Silence(48, 49), Silence(56, 57)]
    assert decide_spans(100, found, longest_sec=60)[0] == Span(0, 48.5)


def test_without_a_silence_pieces_are_even() -> None:
    expected = [Span(0, 50), Span(50, 100)]
    assert decide_spans(100, [Silence(1, 2)], longest_sec=60) == expected


def test_a_silence_that_reaches_beyond_the_longest_piece_is_cut_within_it() -> None:
    (first, *_) = decide_spans(119, [Silence(58, 90)], longest_sec=60)
    assert 58 < first.end <= 60
