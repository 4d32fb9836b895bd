"""What strangers may send a worker takes time in proportion to its length, and no more."""

from typing import Any

import pytest
from support.cpu_time import cpu_time_below

from secretary_common.errors import ErrorCode, PermanentError
from secretary_common.runtime.clock import SystemClock
from secretary_documents.media.media_format import describe
from secretary_documents.providers.completion_response import parse_completion
from secretary_documents.providers.mistral_response import read_ocr_response
from secretary_documents.providers.response import ProviderRefused, read_response
from secretary_documents.providers.structure import read_object
from secretary_documents.templates.front_matter import MAX_FRONT_MATTER_BYTES
from secretary_documents.templates.rendering import MAX_RENDERED, render
from secretary_documents.templates.template import MAX_TEMPLATE_BYTES, parse_template
from secretary_documents.web.caption import parse_captions, transcript_of
from secretary_documents.web.charset import decode
from secretary_documents.web.visible_metadata import visible_metadata

MOST_SEC = 3.0
"""Far more than any of this takes, 0.01 to 0.3 s; what was quadratic took minutes."""
TIMING = "00:00:01.000 --> 00:00:02.000\n"


def fits(unit: str, size: int = MAX_TEMPLATE_BYTES, *, around: str = "") -> str:
    return unit * ((size - len(around)) // len(unit))


def front(yaml: str) -> str:
    return f"---\n{yaml}\n---\ntext"


@pytest.mark.parametrize("size", [60_000, MAX_TEMPLATE_BYTES])
@pytest.mark.parametrize(
    ("before", "unit", "after"),
    [
        ("{{a", " ", "!}}"),
        ("{{a:b", " ", "!}}"),
        ("{{a:b", " <", "!}}"),
        ("", "}}", ""),
        ("", "{{", ""),
        ("---\n---x", " ", ""),
        ("---", "\t", ""),
    ],
)
def test_a_template_of_repeats_is_text_and_read_at_once(
    size: int, before: str, unit: str, after: str
) -> None:
    content = before + fits(unit, size, around=before + after) + after
    with cpu_time_below(MOST_SEC):
        template = parse_template(content)
    assert template.body == (content,)


@pytest.mark.parametrize("size", [60_000, MAX_TEMPLATE_BYTES])
def test_a_long_type_is_refused_at_once(size: int) -> None:
    content = "{{a:list<" + fits("a,", size, around="{{a:list<>|}}") + ">|}}"
    with cpu_time_below(MOST_SEC), pytest.raises(PermanentError) as caught:
        parse_template(content)
    assert caught.value.code == ErrorCode.TEMPLATE_INVALID


@pytest.mark.parametrize("unit", ["1:", "x,", "[[]],", "- "])
def test_front_matter_has_at_most_16_kib_and_says_so(unit: str) -> None:
    content = front("a: " + fits(unit, MAX_TEMPLATE_BYTES, around="---\na: \n---\ntext"))
    with cpu_time_below(MOST_SEC), pytest.raises(PermanentError) as caught:
        parse_template(content)
    assert caught.value.code == ErrorCode.TEMPLATE_INVALID
    assert str(MAX_FRONT_MATTER_BYTES) in caught.value.message


def test_front_matter_of_just_16_kib_is_read() -> None:
    line = "# a comment in two-byte letters: äöü\n"
    comment = line * (MAX_FRONT_MATTER_BYTES // len(line.encode()))
    yaml = comment + "#" * (MAX_FRONT_MATTER_BYTES - len(comment.encode()) - 1)
    assert parse_template(front(yaml)).body == ("text",)
    with pytest.raises(PermanentError, match=str(MAX_FRONT_MATTER_BYTES)):
        parse_template(front(yaml + "#"))


@pytest.mark.parametrize(
    ("before", "unit", "after"),
    [
        ("a: [", "x,", "]"),
        ("a: [", "?,", "]"),
        ("a: [", "{a: b},", "]"),
        ("a: [", "[[]],", "]"),
        ("a:\n", "- x\n", ""),
        ("a: ", "1:", "1"),
        ("a: 0b", "1", ""),
        ('a: "', "\\x41", '"'),
    ],
)
def test_the_most_front_matter_takes_a_fraction_of_a_second(
    before: str, unit: str, after: str
) -> None:
    yaml = before + fits(unit, MAX_FRONT_MATTER_BYTES - 2, around=before + after) + after
    with cpu_time_below(MOST_SEC):
        assert parse_template(front(yaml)).front_matter


@pytest.mark.parametrize(
    "yaml",
    [
        "a: " + "9" * 10_000,
        "a: " + "1:" * 5_000 + "1.5",
        "a: 2026-13-01",
        "a: " + "[" * 10_000,
        "a: " + "{a: " * 4_000,
    ],
)
def test_yaml_that_no_reader_can_build_is_refused_with_the_code_of_templates(yaml: str) -> None:
    with cpu_time_below(MOST_SEC), pytest.raises(PermanentError) as caught:
        parse_template(front(yaml))
    assert caught.value.code == ErrorCode.TEMPLATE_INVALID


@pytest.mark.parametrize("value", ["ü" * 2**20, ["ü"] * 100_000, [""] * 100_000])
def test_a_value_named_thousands_of_times_is_written_once(value: Any) -> None:
    template = parse_template(front("a: {{text}}") + "{{text}}" * 30_000)
    with cpu_time_below(MOST_SEC), pytest.raises(PermanentError, match=str(MAX_RENDERED)):
        render(template, {}, {"text": value})


@pytest.mark.parametrize(
    ("attack", "text"),
    [
        ("<v." * 87_000, "<v." * 87_000),
        ("<v" + " " * 250_000, "<v"),
        ("<v" + ".a" * 100_000 + " Ann>Hello", "Ann: Hello"),
        ("&#" + "9" * 250_000 + ";", "\ufffd"),
        ("<" * 250_000, "<" * 250_000),
        ("{\\" * 120_000, "{\\" * 120_000),
    ],
)
def test_captions_of_an_attacker_are_read_at_once(attack: str, text: str) -> None:
    with cpu_time_below(MOST_SEC):
        cues = parse_captions(TIMING + attack)
        transcript = transcript_of(cues)
    assert transcript == f"[00:00:01] {text}"


def test_a_character_by_its_number_is_read_whatever_zeros_come_first() -> None:
    assert parse_captions(TIMING + "&#0000000065;&#x41;")[0].text == "AA"


@pytest.mark.parametrize(
    "answer",
    [
        "```" + "\n" * 250_000,
        "```\n" * 80_000,
        "```" + " " * 250_000,
        "`" * 250_000,
        "{" * 250_000,
        '{"a":' * 50_000,
    ],
)
def test_what_a_model_says_in_fences_is_searched_once(answer: str) -> None:
    with cpu_time_below(MOST_SEC):
        assert read_object(answer, {"type": "object"}).data is None


@pytest.mark.parametrize("unit", [" ", "<think>", "<thinking>\n"])
def test_thoughts_without_an_end_are_searched_once(unit: str) -> None:
    content = unit * (250_000 // len(unit))
    body = {"choices": [{"message": {"content": content}}]}
    with cpu_time_below(MOST_SEC):
        assert parse_completion("llm", body, "m").text == content


def test_the_first_thought_of_an_answer_is_left_out() -> None:
    body = {
        "choices": [{"message": {"content": " \n<think>a <think> b</think>\n\n Answer </think>"}}]
    }
    assert parse_completion("llm", body, "m").text == "Answer </think>"


@pytest.mark.parametrize("shape", ["[", '{"error":'])
def test_an_error_that_nests_deeply_is_the_provider_s_refusal(shape: str) -> None:
    depth = 600
    body = shape * depth + '"x"' + ("]" if shape == "[" else "}") * depth
    with pytest.raises(ProviderRefused):
        read_response("llm", 400, {}, body.encode(), secret="", clock=SystemClock())


@pytest.mark.parametrize("unit", ["[", "[](", "[a", "|"])
def test_a_line_of_brackets_on_a_page_is_searched_once(unit: str) -> None:
    with cpu_time_below(MOST_SEC):
        assert visible_metadata(unit * (100_000 // len(unit)), [], []).speakers == ()


def test_a_page_that_names_its_encoding_behind_much_space_is_read() -> None:
    content = b"<meta charset=" + b" " * 4000
    with cpu_time_below(MOST_SEC):
        assert decode(content, "charset=" + " " * 64_000) == content.decode()


def test_a_playlist_behind_white_space_is_still_told() -> None:
    assert describe(b" " * 4000) == "a text"
    assert describe(b"\xef\xbb\xbf \r\n#EXTM3U") == "a playlist"
    assert describe(b"\n<!DOCTYPE html>") == "a web page"


@pytest.mark.parametrize("unit", ["![", "![a](", "![a](a)", "!" + "[a" * 100])
def test_a_page_of_pictures_in_an_ocr_answer_is_read_once(unit: str) -> None:
    images = [{"id": f"{number}.jpeg"} for number in range(20_000)]
    markdown = unit * (250_000 // len(unit))
    body = {"pages": [{"index": 0, "markdown": markdown, "images": images}]}
    with cpu_time_below(MOST_SEC):
        assert read_ocr_response(body, [1]).pages[0].text == markdown


def test_a_picture_that_stays_with_the_provider_is_no_link() -> None:
    markdown = "a ![i-0.jpeg](i-0.jpeg) ![x](y) ![other](other) ![](i-0.jpeg)"
    body = {"pages": [{"index": 0, "markdown": markdown, "images": [{"id": "i-0.jpeg"}]}]}
    assert read_ocr_response(body, [1]).pages[0].text == "a  ![x](y) ![other](other) ![](i-0.jpeg)"
