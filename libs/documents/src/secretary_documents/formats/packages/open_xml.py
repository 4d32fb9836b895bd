"""What Word and PowerPoint files have in common: relationships and properties."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from secretary_documents.formats.builder import Builder
from secretary_documents.formats.packages.archive import Archive, joined
from secretary_documents.formats.packages.xml import parse_xml


@dataclass(frozen=True, slots=True)
class Target:
    """A part or an address to which a part refers."""

    kind: str
    """The last word of the type of the relationship, such as ``image``."""
    name: str
    """The name of the part, or the address."""
    external: bool


def relationships_of(archive: Archive, part: str) -> dict[str, Target]:
    """Return the targets of *part* by their ids. External targets are never opened."""
    folder, _, name = part.rpartition("/")
    content = archive.read_if_there(f"{folder}/_rels/{name}.rels".lstrip("/"))
    if content is None:
        return {}
    found = {}
    for one in parse_xml(content).iter("Relationship"):
        target, external = one.get("Target", ""), one.get("TargetMode") == "External"
        kind = one.get("Type", "").rpartition("/")[2]
        name = target if external else joined(part, target)
        found[one.get("Id", "")] = Target(kind, name, external)
    return found


def main_part(archive: Archive, usual: str) -> str:
    """Return the name of the main part of a file, by default *usual*."""
    targets = relationships_of(archive, "").values()
    return next((one.name for one in targets if one.kind == "officeDocument"), usual)


def add_properties(archive: Archive, builder: Builder) -> None:
    """Add the title and the author to *builder*."""
    content = archive.read_if_there("docProps/core.xml")
    if content is None:
        return
    root = parse_xml(content)
    builder.title = text_of(root.find("title"))
    builder.author = text_of(root.find("creator"))


def text_of(element: Element | None) -> str | None:
    """Return the text of *element* without blanks around it; None if there is none."""
    return ((element.text or "").strip() or None) if element is not None else None


def is_on(element: Element | None, name: str = "val") -> bool:
    """Return whether a switch such as ``w:vanish`` is on."""
    return element is not None and element.get(name, "true") not in ("0", "false", "off", "none")
