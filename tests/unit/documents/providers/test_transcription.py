"""Reading the transcripts of pieces, and merging them."""

from hypothesis import given
from hypothesis import strategies as st

from secretary_documents.providers.transcript import (
    AudioPiece,
    Segment,
    Transcript,
    Word,
    merge_transcripts,
)
from secretary_documents.providers.transcription_response import read_transcript

times = st.floats(min_value=0, max_value=1e5)
segments = st.builds(
    lambda start, length: Segment(start, start + length, "word"), times, st.floats(0, 100)
)
transcripts = st.builds(
    lambda found: Transcript(tuple(found), None), st.lists(segments, max_size=8)
)


def test_words_without_times_are_left_out_and_speakers_may_be_numbers() -> None:
    words = [{"word": "in", "start": 0, "end": 1}, {"word": "2026"}]
    segment = {"start": 0, "end": 2, "text": "in 2026", "speaker": 0, "words": words}
    piece = AudioPiece("a.mp3", b"", "audio/mpeg", offset_sec=10, duration_sec=5)
    found = read_transcript("stt", {"text": "in 2026", "segments": [segment]}, piece)
    assert found.segments == (Segment(10, 12, "in 2026", "0"),)
    assert found.words == (Word(10, 11, "in"),)


def test_transcripts_are_merged_by_time_with_the_language_of_most_text() -> None:
    merged = merge_transcripts(
        [
            Transcript((Segment(10, 20, "three"), Segment(20, 30, "four, the last")), "german"),
            Transcript((Segment(0, 5, "one"), Segment(5, 10.4, "two")), "english"),
        ]
    )
    assert merged.text == "one two three four, the last"
    assert merged.segments[2] == Segment(10.4, 20, "three")
    assert merged.language == "german"


def test_no_transcripts_merge_to_an_empty_one() -> None:
    assert merge_transcripts([]) == Transcript((), None)


@given(st.lists(transcripts, max_size=5))
def test_no_segment_is_lost_and_times_never_go_back(parts: list[Transcript]) -> None:
    merged = merge_transcripts(parts).segments
    assert len(merged) == sum(len(part.segments) for part in parts)
    ends = [0.0]
    for segment in merged:
        assert ends[-1] <= segment.start_sec <= segment.end_sec
        ends.append(segment.end_sec)
