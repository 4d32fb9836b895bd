"""Faults of other template engines, one case each. None of them happens here."""

from typing import Any

import pytest
import yaml

from secretary_documents.templates.rendering import render
from secretary_documents.templates.template import parse_template

FOUND: dict[str, Any] = {
    "personen": "Käthe, Jörg",
    "day": "2026-01-07",
    "ort": "Köln",
    "title": 'X "SECRET" \\ back',
    "summary": "see {{audiofile}} and {{title|…}}",
    "tags": ["a", "b: c"],
}
CONTEXT: dict[str, Any] = {"cache_key": "k-1", "audiofile": "secret.mp3", "track": None}

# the fault: (the line of the front matter, the value that a YAML parser must return)
CASES: dict[str, tuple[str, Any]] = {
    "a key that is not the variable's name lost its value": (
        "Personen: {{personen|Who was there?}}",
        {"Personen": "Käthe, Jörg"},
    ),
    "a renamed date was lost": ("date: {{day|When?}}", {"date": "2026-01-07"}),
    "a renamed context value was lost": ("cacheId: {{cache_key}}", {"cacheId": "k-1"}),
    "a constant was wiped": ("Type: Besprechung", {"Type": "Besprechung"}),
    "an empty constant became a text": ("aliases:", {"aliases": None}),
    "a quote in a value broke the YAML": ("title: {{title|x}}", {"title": FOUND["title"]}),
    "a value was expanded a second time": ("summary: {{summary|x}}", {"summary": FOUND["summary"]}),
    "a list became a text": ("tags: {{tags|Which?}}", {"tags": ["a", "b: c"]}),
    "a list under another key became a text": (
        "topics: {{tags:list|Which?}}",
        {"topics": ["a", "b: c"]},
    ),
    "text around a field was lost": ("place: in {{ort|Where?}}!", {"place": "in Köln!"}),
    "a description with a colon and a question mark broke the YAML": (
        "ort: {{ort|Where: city, or 'online'? # guess}}",
        {"ort": "Köln"},
    ),
    "null in the context became the text None": ("track: {{track}}", {"track": ""}),
}


@pytest.mark.parametrize(("line", "expected"), CASES.values(), ids=CASES)
def test_a_known_fault_does_not_happen(line: str, expected: dict[str, Any]) -> None:
    text = render(parse_template(f"---\n{line}\n---\n"), FOUND, CONTEXT).text
    assert yaml.safe_load(text.removeprefix("---\n").removesuffix("---\n")) == expected


def test_the_second_description_of_a_field_does_not_replace_the_first() -> None:
    fields = parse_template("{{a|first}} {{a|second}} {{a}}").fields
    assert [field.description for field in fields] == ["first"]
    assert render(parse_template("{{a|1}}{{a|2}}{{a}}"), {"a": "x"}, {}).text == "xxx"


def test_braces_that_are_no_placeholder_stay_text() -> None:
    assert render(parse_template("# {Titel}"), {}, {"Titel": "x"}).text == "# {Titel}"
