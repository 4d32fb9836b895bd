"""Parses XML that declares nothing, and gives short names.

Names lose their namespace: ``w:p`` and its variant in strict files both become ``p``. Only
attributes of the namespace of relationships keep the prefix ``r:``.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError, XMLParser, fromstring
from xml.parsers import expat

from secretary_documents.formats.limits import damaged

_RELATIONSHIPS = "relationships}"


class _BodyReached(Exception):
    """Raised at the first element, because document types stand before it."""


def parse_xml(content: bytes) -> Element:
    """Return the root element of *content*.

    Raises:
        PermanentError: DOCUMENT_INVALID, it is no XML or has declarations.
    """
    refuse_declarations(content)
    try:
        # The prolog declares nothing, so no entity could grow, and document types are not fetched.
        root = fromstring(content, XMLParser())  # noqa: S314 - see above
    except (ParseError, LookupError, ValueError) as error:
        raise damaged("a part of the file is no valid XML") from error
    for element in root.iter():
        _shorten(element)
    return root


def refuse_declarations(content: bytes) -> None:
    """Check that *content* has no declarations in its document type.

    A document type that only has a name and an address, such as those of OpenOffice's formulas and
    of old books, is nothing but a note: the parser does not fetch it.

    Raises:
        PermanentError: DOCUMENT_INVALID.
    """
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse
    parser.StartElementHandler = _stop
    try:
        parser.Parse(content[: 2**20], False)  # noqa: FBT003 - its signature
    except _BodyReached:
        return
    except expat.ExpatError as error:
        raise damaged("a part of the file is no valid XML") from error
    raise damaged("a part of the file is no valid XML")


def _refuse(name: str, system: str | None, public: str | None, has_declarations: int) -> None:
    del name, system, public
    if has_declarations:
        raise damaged("a part of the file has declarations in its document type")


def _stop(*_: object) -> None:
    raise _BodyReached


def _shorten(element: Element) -> None:
    tag = element.tag
    if isinstance(tag, str) and tag.startswith("{"):
        element.tag = tag.rpartition("}")[2]
    if any(name.startswith("{") for name in element.attrib):
        attributes = {_short(name): value for name, value in element.attrib.items()}
        element.attrib.clear()
        element.attrib.update(attributes)


def _short(name: str) -> str:
    if _RELATIONSHIPS in name:
        return f"r:{name.rpartition('}')[2]}"
    return name.rpartition("}")[2]
