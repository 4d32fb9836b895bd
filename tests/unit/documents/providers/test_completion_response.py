"""The text of a model's answer."""

from secretary_documents.providers.completion_response import parse_completion


def test_a_part_without_text_adds_nothing() -> None:
    parts = [{"type": "text", "text": None}, {"type": "text", "text": "The page"}]
    body = {"choices": [{"message": {"content": parts}}]}
    assert parse_completion("llm", body, "model-1").text == "The page"


def test_only_thoughts_before_the_answer_are_left_out() -> None:
    written = "The marks <think> and </think> enclose thoughts."
    for content in (written, f"\n<think>Hm.</think>\n{written}"):
        body = {"choices": [{"message": {"content": content}}]}
        assert parse_completion("llm", body, "model-1").text == written
