"""The charts of Open XML files, as they stand in a Word document."""

import re

import pytest
from support.file_reader import read_file
from support.office_samples import add_word_chart, chart_xml, with_member, word

DOCUMENT = word(lambda document: add_word_chart(document.add_paragraph("before")))
CHART = chart_xml()


def points(*values: tuple[int, str]) -> str:
    return "".join(f'<c:pt idx="{place}"><c:v>{text}</c:v></c:pt>' for place, text in values)


def with_values(*values: tuple[int, str]) -> str:
    cached = rf"\g<1>{points(*values)}"
    return re.sub(
        r"(<c:val>.*?<c:ptCount[^>]*>).*?(?=</c:numCache>)", cached, CHART, flags=re.DOTALL
    )


def scattered(*series: tuple[str, str, str]) -> str:
    made = "".join(
        f"<c:ser><c:tx><c:v>{name}</c:v></c:tx><c:xVal>{points((0, x))}</c:xVal>"
        f"<c:yVal>{points((0, y))}</c:yVal></c:ser>"
        for name, x, y in series
    )
    return re.sub(r"<c:ser>.*</c:ser>", made, CHART, flags=re.DOTALL)


def grouped() -> str:
    levels = (points((0, "Q1"), (1, "Q2"), (2, "Q1")), points((0, "2025"), (2, "2026")))
    shown = "".join(f"<c:lvl>{level}</c:lvl>" for level in levels)
    return re.sub(r"<c:cat>.*?</c:cat>", f"<c:cat>{shown}</c:cat>", CHART, flags=re.DOTALL)


TITLE = (
    "<c:chart><c:title><c:tx><c:strRef><c:f>A1</c:f><c:strCache><c:pt><c:v>Year</c:v></c:pt>"
    "</c:strCache></c:strRef></c:tx></c:title>"
)
SHAPES = {
    "a value for each category": (CHART, "|  | Sales |\n| --- | --- |\n| Q1 | 1.5 |\n| Q2 | 2 |"),
    "an empty cell before a value": (
        with_values((1, "2")),
        "|  | Sales |\n| --- | --- |\n| Q1 |  |\n| Q2 | 2 |",
    ),
    "an empty cell at the end": (
        with_values((0, "1")),
        "|  | Sales |\n| --- | --- |\n| Q1 | 1 |\n| Q2 |  |",
    ),
    "groups of categories": (
        grouped(),
        "|  | Sales |\n| --- | --- |\n| 2025 Q1 | 1.5 |\n| 2025 Q2 | 2 |\n| 2026 Q1 |  |",
    ),
    "points with the same first coordinates": (
        scattered(("A", "1", "7"), ("B", "1", "8")),
        "|  | A | B |\n| --- | --- | --- |\n| 1 | 7 | 8 |",
    ),
    "points with other first coordinates": (
        scattered(("A", "1", "7"), ("B", "2", "8")),
        "|  | A |\n| --- | --- |\n| 1 | 7 |\n\n|  | B |\n| --- | --- |\n| 2 | 8 |",
    ),
    "a title from a cell": (
        CHART.replace("<c:chart>", TITLE),
        "Year\n\n|  | Sales |\n| --- | --- |\n| Q1 | 1.5 |\n| Q2 | 2 |",
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_values_of_a_chart_become_a_table(shape: str) -> None:
    chart, expected = SHAPES[shape]
    found = read_file(with_member(DOCUMENT, "word/charts/chart1.xml", chart))
    assert found.markdown == f"before\n\n{expected}"
