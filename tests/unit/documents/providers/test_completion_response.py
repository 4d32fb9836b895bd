"""The text of a model's answer."""

from secretary_documents.providers.completion_response import parse_completion


def test_a_part_without_text_adds_nothing() -> None:
    parts = [{"type": "text", "text": None}, {"type": "text", "text": "The page"}]
    body = {"choices": [{"message": {"content": parts}}]}
    assert parse_completion("llm", body, "model-1").text == "The page"
