from secretary_documents.formats.packages.word.numbering import Numbering
from secretary_documents.formats.packages.xml import parse_xml

LETTERS = (
    "<lvl ilvl='0'><start val='1'/><numFmt val='lowerLetter'/><lvlText val='%1)'/></lvl>"
    "<lvl ilvl='1'><numFmt val='bullet'/></lvl>"
)


def numbering(content: str) -> Numbering:
    return Numbering(parse_xml(f"<numbering>{content}</numbering>".encode()))


def test_a_list_of_a_list_style_has_the_numbers_of_the_style() -> None:
    found = numbering(
        "<abstractNum abstractNumId='1'><numStyleLink val='S'/></abstractNum>"
        f"<abstractNum abstractNumId='2'><styleLink val='S'/>{LETTERS}</abstractNum>"
        "<num numId='5'><abstractNumId val='1'/></num>"
    )
    assert [found.marker("5", 0), found.marker("5", 0)] == ["a)", "b)"]


def test_a_list_may_define_a_level_of_its_own() -> None:
    own = "<lvl ilvl='0'><numFmt val='upperRoman'/><lvlText val='%1.'/></lvl>"
    found = numbering(
        f"<abstractNum abstractNumId='1'>{LETTERS}</abstractNum>"
        f"<num numId='5'><abstractNumId val='1'/><lvlOverride ilvl='0'>{own}</lvlOverride></num>"
        "<num numId='6'><abstractNumId val='1'/></num>"
    )
    assert [found.marker("5", 0), found.marker("6", 0), found.marker("5", 1)] == ["I.", "b)", "•"]
