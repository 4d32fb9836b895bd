"""Long texts in parts: nothing is lost, and no part is too long."""

from hypothesis import given
from hypothesis import strategies as st

from secretary_documents.templates.text_parts import estimate_tokens, split_text


@given(st.text(st.sampled_from("ab .\n漢🙂é") | st.characters(), max_size=400), st.integers(0, 40))
def test_the_parts_together_are_the_text_and_none_is_too_long(text: str, most: int) -> None:
    parts = split_text(text, most)
    assert "".join(parts) == text
    assert all(estimate_tokens(part) <= max(most, 2) for part in parts)
    assert text == "" or all(parts)


def test_a_part_ends_between_paragraphs_or_lines_or_sentences_or_words() -> None:
    assert split_text("aaaa aaaa\n\nbb\nbb. b", 5) == ["aaaa aaaa\n\n", "bb\nbb. b"]
    assert split_text("aaaa aaaa\nbb. bb b", 4) == ["aaaa aaaa\n", "bb. bb b"]
    assert split_text("aaaa aa. bb bb b", 4) == ["aaaa aa. ", "bb bb b"]
    assert split_text("aaaa aaa bbbbbb", 4) == ["aaaa aaa ", "bbbbbb"]
    assert split_text("a" * 13, 4) == ["a" * 12, "a"]
