"""Captions as they occur in practice, and their transcripts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secretary_documents.web.caption import Cue, parse_captions, transcript_of

VTT = """\
WEBVTT - A talk
Kind: captions

NOTE
00:00 is no cue --> nor is this

STYLE
::cue { color: red }

intro
00:00.500 --> 00:02.000 align:start position:0%
<v.loud Käthe Müller>Good <i>morning</i>,</v> <c.yellow>all</c> &amp; welcome

01:00:00.000 --> 01:00:02.5
- Late.
"""
SRT = """\
1\r
00:00:01,000 --> 00:00:02,500\r
<font color="#fff">One</font>\r
line\r
\r
2\r
00:00:03,000 --> 00:00:04,000 X1:1 X2:2\r
{\\an8}Two\r
3\r
00:00:05,000 --> 00:00:06,000\r
42\r
"""
ROLLING = """\
WEBVTT

00:00:01.000 --> 00:00:03.000
first line

00:00:03.000 --> 00:00:03.010
first line

00:00:03.010 --> 00:00:05.000
first line
second<00:00:04.000><c> line</c>

00:00:05.000 --> 00:00:07.000
second line
third line

00:01:00.000 --> 00:01:01.000
third line
"""


def test_web_vtt_is_read_with_voices_and_without_notes_styles_and_tags() -> None:
    assert parse_captions(VTT) == [
        Cue(0.5, 2, "Käthe Müller: Good morning, all & welcome"),
        Cue(3600, 3602.5, "- Late."),
    ]


def test_sub_rip_is_read_with_its_commas_numbers_and_missing_empty_lines() -> None:
    assert parse_captions("\ufeff" + SRT) == [
        Cue(1, 2.5, "One line"),
        Cue(3, 4, "Two"),
        Cue(5, 6, "42"),
    ]


def test_scrolling_lines_appear_once_until_they_are_spoken_again() -> None:
    texts = [cue.text for cue in parse_captions(ROLLING)]
    assert texts == ["first line", "second line", "third line", "third line"]


def test_cues_are_sorted_by_their_start() -> None:
    mixed = "WEBVTT\n\n00:05.000 --> 00:06.000\nb\n\n00:01.000 --> 00:02.000\na\n"
    assert [cue.text for cue in parse_captions(mixed)] == ["a", "b"]


@pytest.mark.parametrize(
    "content", ["", "WEBVTT", "<html>404</html>", "1\n2\n3", "00:01 --> 00:02\nx", "-->"]
)
def test_content_without_cues_gives_no_cues(content: str) -> None:
    assert parse_captions(content) == []
    assert transcript_of([]) == ""


@given(st.text(st.sampled_from("01:.,->\n <v>{}\\&;ab") | st.characters()))
def test_no_content_is_an_error(content: str) -> None:
    transcript_of(parse_captions(content))
    transcript_of(parse_captions(f"00:00:01,000 --> 00:00:02,000\n{content}"))


def test_each_paragraph_of_a_transcript_begins_with_its_time() -> None:
    spoken = [Cue(second, second + 5, f"Said at {second}.") for second in range(0, 150, 5)]
    later = Cue(3725, 3726, "After a pause")
    paragraphs = transcript_of([*spoken, later]).split("\n\n")
    assert [paragraph[:10] for paragraph in paragraphs] == [
        "[00:00:00]",
        "[00:01:00]",
        "[00:02:00]",
        "[01:02:05]",
    ]
    assert paragraphs[1].startswith("[00:01:00] Said at 60. Said at 65.")


def test_a_paragraph_without_the_end_of_a_sentence_ends_after_two_minutes() -> None:
    spoken = [Cue(second, second + 1, "and") for second in range(300)]
    assert len(transcript_of(spoken).split("\n\n")) == 3
