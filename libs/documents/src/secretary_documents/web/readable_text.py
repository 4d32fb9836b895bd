"""Reduces a page to the text that people read, as Markdown with the addresses of links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from selectolax.lexbor import LexborNode

from secretary_documents.web.link import absolute

# Elements whose content is not text to read.
# fmt: off
_UNSEEN = frozenset((
    "script", "style", "noscript", "template", "svg", "iframe", "object", "embed",
    "head", "select", "textarea", "button", "input", "-comment",
))
# fmt: on
# Elements for the navigation of the site. Their text does not belong to the subject of the page.
NAVIGATION = frozenset(("nav", "footer"))
_HEADINGS = {f"h{level}": "#" * level + " " for level in range(1, 7)}
# fmt: off
_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "dd", "details", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "form", "header", "hr", "legend", "li", "main", "ol",
    "p", "pre", "section", "summary", "table", "tbody", "thead", "tr", "ul",
))
# fmt: on
_PARAGRAPHS = frozenset(("p", "blockquote", "table", "ul", "ol", "dl", "pre", "section", "article"))
_SPACE = re.compile(r"\s+")
_LINES = re.compile(r"\n{3,}")
_MARK = re.compile(r"#+ |- ")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


@dataclass(slots=True)
class _Writer:
    """Collects Markdown. The blocks decide the white space, not the source of the page."""

    pieces: list[str] = field(default_factory=list)
    wanted: str = ""
    """The white space to write before the next text."""
    prefix: str = ""
    """The characters to write before the next text, such as the mark of a heading."""

    def text(self, text: str) -> None:
        collapsed = _SPACE.sub(" ", text)
        if collapsed.startswith(" "):
            self.space(" ")
        core = collapsed.strip()
        if core:
            self.literal(core)
            if collapsed.endswith(" "):
                self.space(" ")

    def literal(self, text: str) -> None:
        if self.pieces:
            self.pieces.append(self.wanted)
        self.pieces.append(self.prefix + text)
        self.wanted = self.prefix = ""

    def space(self, space: str) -> None:
        """Require at least *space* before the next text.

        From the least to the most: nothing, a blank, a column mark, a line break, an empty line.
        """
        order = ("", " ", " | ", "\n", "\n\n")
        self.wanted = max(self.wanted, space, key=order.index)

    def result(self) -> str:
        return _LINES.sub("\n\n", "".join(self.pieces)).strip()


def readable_text(root: LexborNode, url: str, *, with_navigation: bool = False) -> str:
    """Return the readable text below *root*, a node of the page at *url*, as Markdown."""
    writer = _Writer()
    anchors: list[tuple[int, str | None]] = []
    open_pre = 0
    for node, entering in walk(root, with_navigation=with_navigation):
        tag = node.tag or ""
        if tag == "-text":
            text = node.text(deep=False)
            write = writer.literal if open_pre and text else writer.text
            write(text)
        elif tag == "math":
            writer.text(formula_of(node))
        elif tag == "a":
            if entering:
                anchors.append(
                    (len(writer.pieces), absolute(node.attributes.get("href") or "", url))
                )
            elif anchors:
                _link(writer, *anchors.pop(), node)
        elif entering:
            open_pre += tag == "pre"
            _open(tag, writer)
        else:
            open_pre -= tag == "pre"
            _close(tag, writer)
    return writer.result()


def own_text(node: LexborNode) -> str:
    """Return the visible text of *node* on one line, without markup."""
    pieces = (
        formula_of(piece) if piece.tag == "math" else piece.text(deep=False)
        for piece, entering in walk(node, with_navigation=True)
        if entering and piece.tag in ("-text", "math")
    )
    return _SPACE.sub(" ", " ".join(pieces)).strip()


def is_navigation(node: LexborNode) -> bool:
    """Return whether *node* is inside the navigation of the site."""
    parent: LexborNode | None = node
    while parent is not None:
        if parent.tag in NAVIGATION:
            return True
        parent = parent.parent
    return False


def walk(root: LexborNode, *, with_navigation: bool) -> Iterator[tuple[LexborNode, bool]]:
    """Yield each visible node when the walk enters it, and each element when the walk leaves it.

    A formula (``math``) is one node: ``formula_of`` returns its text. The walk uses no recursion,
    because pages may be nested deeply.
    """
    stack: list[tuple[LexborNode, bool]] = [(root, True)]
    while stack:
        node, entering = stack.pop()
        if not entering:
            yield node, False
            continue
        if _is_unseen(node, with_navigation=with_navigation):
            continue
        yield node, True
        if node.tag not in ("-text", "math"):
            stack.append((node, False))
            stack += [(child, True) for child in reversed(list(node.iter(include_text=True)))]


def formula_of(node: LexborNode) -> str:
    """Return the text of the formula *node* (MathML): in TeX if the page has it, else its signs."""
    notes = node.css("annotation")
    tex = [one.text() for one in notes if one.attributes.get("encoding") == "application/x-tex"]
    written = (*tex, node.attributes.get("alttext") or "", node.text())
    return next((text for one in written if (text := _SPACE.sub(" ", one).strip())), "")


def _is_unseen(node: LexborNode, *, with_navigation: bool) -> bool:
    tag = node.tag or ""
    if tag == "-text":
        return False
    if tag in _UNSEEN or (tag in NAVIGATION and not with_navigation):
        return True
    attributes = node.attributes
    if "hidden" in attributes or attributes.get("aria-hidden") == "true":
        return True
    if not _HIDDEN.search(attributes.get("style") or ""):
        return False
    # The formula behind a picture of it, as in Wikipedia, is hidden and yet to be read.
    return node.child is None or node.child.tag != "math"


def _open(tag: str, writer: _Writer) -> None:
    if tag in _HEADINGS:
        writer.space("\n\n")
        writer.prefix = _HEADINGS[tag]
    elif tag in _BLOCKS:
        writer.space("\n\n" if tag in _PARAGRAPHS else "\n")
        if tag == "li":
            writer.prefix = "- "
    elif tag == "br":
        writer.space("\n")
    elif tag in ("td", "th"):
        writer.space(" | ")


def _close(tag: str, writer: _Writer) -> None:
    if tag in _HEADINGS or tag in _PARAGRAPHS:
        writer.space("\n\n")
    elif tag in _BLOCKS:
        writer.space("\n")
    if tag in _HEADINGS or tag == "li":
        writer.prefix = ""


def _link(writer: _Writer, start: int, url: str | None, node: LexborNode) -> None:
    if url is None:
        return
    text = "".join(writer.pieces[start:])
    name = node.attributes.get("title") or node.attributes.get("aria-label") or url
    shown = _SPACE.sub(" ", text.strip()) or _SPACE.sub(" ", name).strip()
    before = text[: len(text) - len(text.lstrip())]
    mark = ""
    if match := _MARK.match(shown):
        mark, shown = match[0], shown[match.end() :]
    linked = f"{mark}[{shown}]({url})"
    if text:
        writer.pieces[start:] = [before, linked]
    else:
        writer.literal(linked)
