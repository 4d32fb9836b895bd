"""Parses XML without document types, and with short names.

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
        PermanentError: DOCUMENT_INVALID, it is no XML or has a document type.
    """
    refuse_document_type(content)
    try:
        # The prolog has no document type, so no entity is declared that could grow or be fetched.
        root = fromstring(content, XMLParser())  # noqa: S314 - see above
    except (ParseError, LookupError, ValueError) as error:
        raise damaged("a part of the file is no valid XML") from error
    for element in root.iter():
        _shorten(element)
    return root


def refuse_document_type(content: bytes) -> None:
    """Check that *content* declares no document type.

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


def _refuse(*_: object) -> None:
    raise damaged("a part of the file declares a document type, which office files have not")


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
