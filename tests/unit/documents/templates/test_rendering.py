"""Filling in templates: the YAML is valid, values stay as they are, nothing is filled in twice."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.templates.rendering import Rendered, render, render_system, yaml_value
from secretary_documents.templates.template import parse_template

HOSTILE = [
    "{{text}}",
    "{{title|again}}",
    'She said "yes": \\n',
    "it's",
    "a: b",
    "- x",
    "@handle",
    "`code`",
    "# no comment",
    "%TAG",
    "no",
    "null",
    "1.10",
    "2026-01-01",
    "line one\nline two\n\n---\nline five\n",
    "\ttab\r\n",
    "🙂 ünïcode 漢字",
    "NUL\0 and \x07 and \x85 and \u2028",
    "\ufeffmark",
    "",
    " ",
    "long " * 20_000,
    "\ue0000\ue001",
    "${x} $1 \\1 \\g<0>",
    "{slides}",
]

# Lone surrogates are not text. MongoDB refuses them before a handler gets them.
texts = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=12,
)
template_texts = st.text(st.sampled_from("{}|:<>abtext \n-#'\"é") | st.characters()) | st.lists(
    st.sampled_from(
        ["{{", "}}", "{{a}}", "{{a|b}}", "{{a:list|b}}", "---\n", "--- systemprompt\n", "k: ", "\n"]
    )
).map("".join)


def filled(template: str, context: dict[str, Any] | None = None, **found: Any) -> Rendered:
    return render(parse_template(template), found, context or {})


def split(text: str) -> tuple[dict[str, Any], str]:
    """Return the parsed front matter, and the text after it."""
    _, front, body = text.split("---\n", 2)
    return yaml.safe_load(front), body


def front_matter(text: str) -> Any:
    """Return the parsed front matter. Values may contain ``---``, because each is on one line."""
    lines = text.splitlines(keepends=True)
    end = lines.index("---\n", 1)
    return yaml.safe_load("".join(lines[1:end]))


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_values_come_back_from_the_front_matter_as_they_were(value: str) -> None:
    template = "---\ntitle: {{title|A title}}\nsource: {{source}}\n---\n{{title}}|{{source}}"
    rendered = filled(template, {"source": value}, title=value)
    front = front_matter(rendered.text)
    assert front == {"title": value, "source": value}
    assert rendered.text.endswith(f"---\n{value}|{value}")


@given(json_values)
def test_every_json_value_is_written_as_yaml_that_reads_back_the_same(value: Any) -> None:
    written = yaml_value(value)
    assert "\n" not in written
    assert yaml.safe_load(f"key: {written}\n") == {"key": value}
    assert yaml.safe_load(f"[{written}, 1]") == [value, 1]


@given(texts, texts, json_values)
def test_any_value_in_any_place_leaves_valid_yaml(one: str, two: str, three: Any) -> None:
    template = (
        "---\n# about {{one}}\nplain: {{one}}\nmixed: on {{one}} at {{two}}\n"
        'quoted: "{{two}}"\nflow: [{{one}}, x, {a: {{two}}}]\nnested:\n  - {{three}} # why\n'
        "block: |\n  {{one}}\nlast: 1.10\n---\n"
    )
    front = front_matter(filled(template, {"one": one, "two": two, "three": three}).text)
    assert front["plain"] == one
    assert front["mixed"] == f"on {one} at {two}"
    assert front["quoted"] == two
    assert front["flow"] == [one, "x", {"a": two}]
    assert front["nested"] == ["" if three is None else three]
    assert front["block"] == f"{one}\n"
    assert front["last"] == 1.10


@given(texts)
def test_placeholders_in_values_are_never_filled(value: str) -> None:
    loaded = f"{value}{{{{secret}}}}{{{{title|x}}}}{{slides}}"
    rendered = filled("{{title|T}} {{given}}", {"secret": "s3cret", "given": loaded}, title=loaded)
    assert rendered.text == f"{loaded} {loaded}"


@given(template_texts, texts)
def test_every_template_that_parses_can_be_rendered(template: str, value: str) -> None:
    try:
        parsed = parse_template(template)
    except PermanentError as error:
        if error.code != ErrorCode.TEMPLATE_INVALID:
            raise
        return
    rendered = render(parsed, {"a": value}, {"text": value})
    render_system(parsed, {"a": value})
    if parsed.front_matter:
        front_matter(rendered.text)


def test_constants_stay_as_they_are_written() -> None:
    template = "---\nversion: 1.10 # kept\nanswer: yes\n'key: odd': [a, b]\nid: 0123\n---\nBody\n"
    assert filled(template).text == template


def test_an_unknown_name_is_empty_and_causes_one_warning() -> None:
    rendered = filled("---\na: {{lost}}\n---\n[{{lost}}] {{known}}", {"known": "x"})
    assert rendered.text == '---\na: ""\n---\n[] x'
    assert rendered.warnings == ("'lost' has no value",)


def test_a_field_without_a_value_is_empty_by_its_type_without_a_warning() -> None:
    rendered = filled(
        "---\na: {{a|x}}\nb: {{b:list|x}}\nc: {{c:int|x}}\n---\n", a=None, b=[], c=None
    )
    assert front_matter(rendered.text) == {"a": "", "b": [], "c": None}
    assert rendered.warnings == ()


def test_a_value_the_model_did_not_find_is_taken_from_the_context() -> None:
    assert filled("{{title|x}}", {"title": "given"}, title=None).text == "given"
    assert filled("{{title|x}}", {"title": "given"}, title="found").text == "found"


def test_a_list_alone_on_its_line_has_a_line_for_each_item() -> None:
    template = "Tags: {{tags:list|x}}\n{{tags}}\n{{tree}}\n"
    rendered = filled(template, {"tree": {"a": ["ü"]}}, tags=["a", "b"])
    assert rendered.text == 'Tags: a, b\n- a\n- b\n{"a": ["ü"]}\n'


def test_rows_alone_on_their_line_become_a_table_with_any_text_in_its_cells() -> None:
    rows = [{"a": "1|2", "b": None}, {"b": "x\n| y |"}]
    rendered = filled("\n{{rows}}\n\nin line: {{rows}}", {"rows": rows})
    table = "| a | b |\n| --- | --- |\n| 1\\|2 |  |\n|  | x \\| y \\| |"
    line = '[{"a": "1|2", "b": null}, {"b": "x\\n| y |"}]'
    assert rendered.text == f"\n{table}\n\nin line: {line}"


def test_single_braces_are_filled_only_for_the_names_of_a_session() -> None:
    context = {"slides": "| table |", "other": "x"}
    template = "{slides} {videoplayer} {other} {Titel} {{slides}} {"
    assert filled(template, context).text == "| table | {videoplayer} {other} {Titel} | table | {"


def test_the_system_prompt_is_the_text_after_its_mark_with_values_of_the_context() -> None:
    template = parse_template("{{a|b}}\n--- systemprompt\nWrite {target_language}. {{who}}{{no}}\n")
    assert render_system(template, {"target_language": "de", "who": "{{no}}"}) == "Write de. {{no}}"
    assert render(template, {"a": "x"}, {}).text == "x\n"
    assert render_system(parse_template("{{a|b}}"), {}) is None


def test_a_template_that_multiplies_its_text_is_refused() -> None:
    with pytest.raises(PermanentError, match="more than"):
        filled("{{text}}" * 10_000, {"text": "x" * 10_000})
