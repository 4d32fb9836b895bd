"""Captions of a transcript: readable, in order, and valid WebVTT and SubRip."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from secretary_documents.media.captions import (
    CAPTION_CHARACTERS,
    CAPTION_SEC,
    LINE_CHARACTERS,
    Caption,
    as_srt,
    as_vtt,
    captions_of,
)
from secretary_documents.providers.transcript import Segment, Word
from secretary_documents.web.caption import parse_captions

TEXT = "Good morning. Welcome to the talk about leases, which end by themselves after a while."


def spoken(text: str, *, start: float = 0.0, each: float = 0.5) -> list[Word]:
    """The words as models give them: without punctuation, in lower case."""
    words = [word.strip(".,").lower() for word in text.split()]
    return [Word(start + n * each, start + (n + 1) * each, word) for n, word in enumerate(words)]


def test_a_caption_has_the_words_of_the_segment_and_the_times_of_the_words() -> None:
    captions = captions_of([Segment(0, 8, TEXT)], spoken(TEXT))
    assert captions[0] == Caption(0, 1, "Good morning.")
    assert " ".join(caption.text for caption in captions) == TEXT
    assert all(len(caption.text) <= CAPTION_CHARACTERS for caption in captions)
    assert all(caption.end_sec - caption.start_sec <= CAPTION_SEC for caption in captions)


def test_a_pause_ends_a_caption() -> None:
    words = [*spoken("one two"), *spoken("three", start=9)]
    captions = captions_of([Segment(0, 10, "One two three")], words)
    assert [(one.start_sec, one.text) for one in captions] == [(0, "One two"), (9, "three")]


def test_without_words_the_times_inside_of_a_long_segment_are_estimated() -> None:
    text = " ".join([TEXT] * 4)
    captions = captions_of([Segment(100, 140, text, "A")], [])
    assert " ".join(caption.text for caption in captions) == text
    assert (captions[0].start_sec, captions[-1].end_sec) == (100, 140)
    assert {caption.speaker for caption in captions} == {"A"}
    assert all(len(caption.text) <= CAPTION_CHARACTERS for caption in captions)


def test_more_or_fewer_words_than_in_the_text_lose_no_text() -> None:
    for count in (1, 5, 40):
        words = [Word(n / 10, n / 10 + 0.1, "x") for n in range(count)]
        captions = captions_of([Segment(0, 8, TEXT)], words)
        assert " ".join(caption.text for caption in captions) == TEXT


def test_the_last_words_of_a_segment_end_with_the_last_word_that_was_heard() -> None:
    words = [Word(0, 1, "new"), Word(1, 2, "york"), Word(2, 3, "ro"), Word(3, 5, "cks")]
    [caption] = captions_of([Segment(0, 5, "New York rocks")], words)
    assert (caption.start_sec, caption.end_sec) == (0, 5)


SENTENCE = "今日はとても天気がいいですね。"


def test_a_text_without_blanks_is_divided_at_its_sentences_and_lasts_to_its_end() -> None:
    text = SENTENCE * 10
    heard = [Word(n, n + 1.0, "x") for n in range(30)]
    for words in (heard, []):
        captions = captions_of([Segment(0, 30, text)], words)
        assert [one.text for one in captions] == [SENTENCE] * 10
        assert (captions[0].start_sec, captions[-1].end_sec) == (0, 30)


def test_a_long_text_without_blanks_and_sentences_is_divided() -> None:
    captions = captions_of([Segment(0, 30, "ก" * 500)], [])
    assert "".join(one.text for one in captions) == "ก" * 500
    assert all(len(one.text) <= CAPTION_CHARACTERS for one in captions)


def test_webvtt_escapes_its_marks_and_names_the_speaker() -> None:
    vtt = as_vtt([Caption(3661.5, 3662, "a < b --> c & d", "Ann <x>")])
    assert vtt == (
        "WEBVTT\n\n01:01:01.500 --> 01:01:02.000\n<v Ann &lt;x&gt;>a &lt; b --&gt; c &amp; d\n"
    )


def test_subrip_numbers_its_captions() -> None:
    srt = as_srt([Caption(0, 1.25, "One."), Caption(1.25, 2, "Two <i>.", "Ann")])
    assert srt.split("\n\n") == [
        "1\n00:00:00,000 --> 00:00:01,250\nOne.",
        "2\n00:00:01,250 --> 00:00:02,000\nAnn: Two [i].\n",
    ]


def test_no_captions_are_still_a_valid_file() -> None:
    assert (as_vtt([]), as_srt([])) == ("WEBVTT\n", "")


texts = st.lists(st.text("abc.,<>& é", min_size=1, max_size=30), min_size=1, max_size=20).map(
    lambda parts: " ".join(" ".join(parts).split())
)


@given(st.lists(texts.filter(bool), max_size=5))
def test_what_is_written_is_read_again(parts: list[str]) -> None:
    segments = [Segment(n * 20.0, n * 20.0 + 19, text) for n, text in enumerate(parts)]
    captions = captions_of(segments, [])
    for written in (as_vtt(captions), as_srt(captions)):
        starts = [cue.start for cue in parse_captions(written)]
        assert starts == sorted(starts)
    assert all(len(line) <= LINE_CHARACTERS for line in as_srt(captions).splitlines())
    assert "".join(one.text for one in captions).replace(" ", "") == "".join(parts).replace(" ", "")
