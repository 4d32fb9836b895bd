"""Reads a page of HTML. Runs only in a child, because native code parses untrusted bytes here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from secretary_documents.web.link import absolute, classify, first_of, is_same_page
from secretary_documents.web.metadata import json_ld_metadata, json_ld_objects, open_graph_metadata
from secretary_documents.web.page import Link, LinkKind, PageMetadata, WebPage
from secretary_documents.web.readable_text import is_navigation, own_text, readable_text
from secretary_documents.web.visible_metadata import visible_metadata

MAX_LINKS = 5000
MAX_NAME = 300

# The selectors and attributes of the addresses in a page.
_PLACES = (
    ("a[href]", "href"),
    ("area[href]", "href"),
    ("video[src]", "src"),
    ("audio[src]", "src"),
    ("source[src]", "src"),
    ("track[src]", "src"),
    ("iframe[src]", "src"),
    ("embed[src]", "src"),
    ("object[data]", "data"),
)


def read_html(html: str, url: str) -> WebPage:
    """Return the web page with the source *html* and the address *url*."""
    tree = LexborHTMLParser(html)
    root = tree.body or tree.root
    base = _base(tree, url)
    if root is None:
        return WebPage(url, None, "")
    text = readable_text(root, base) or readable_text(root, base, with_navigation=True)
    links = tuple(_links(tree, base))
    documents = [node.text() for node in tree.css('script[type="application/ld+json"]')]
    times = [node.attributes.get("datetime") or "" for node in tree.css("time[datetime]")]
    metadata = merged(
        json_ld_metadata(json_ld_objects(documents), base),
        PageMetadata(title=_heading(tree)),
        visible_metadata(text, links, times),
        open_graph_metadata(_properties(tree), base),
        PageMetadata(title=_title(tree), language=_language(tree)),
    )
    return WebPage(url, metadata.title, text, metadata, links)


def merged(*sources: PageMetadata) -> PageMetadata:
    """Return metadata with, for each field, the value of the first source that has this field."""
    found: dict[str, Any] = {}
    for field in fields(PageMetadata):
        values = (getattr(source, field.name) for source in sources)
        found[field.name] = next((value for value in values if value), field.default)
    return PageMetadata(**found)


def _base(tree: LexborHTMLParser, url: str) -> str:
    node = tree.css_first("base[href]")
    return (absolute(node.attributes.get("href") or "", url) if node else None) or url


def _links(tree: LexborHTMLParser, base: str) -> Iterator[Link]:
    seen: set[str] = set()
    for selector, attribute in _PLACES:
        for node in tree.css(selector):
            link = _link(node, attribute, base)
            if link is not None and link.url not in seen:
                seen.add(link.url)
                yield link
            if len(seen) >= MAX_LINKS:
                return


def _link(node: LexborNode, attribute: str, base: str) -> Link | None:
    attributes = node.attributes
    url = absolute(attributes.get(attribute) or "", base)
    if url is None or is_same_page(url, base):
        return None
    kind = classify(url, attributes.get("type") or "")
    if node.tag == "track" and attributes.get("kind") in ("captions", "subtitles", None):
        kind = LinkKind.CAPTIONS
    elif node.tag in ("video", "audio") and kind is LinkKind.PAGE:
        kind = LinkKind.MEDIA
    if kind is LinkKind.PAGE and (node.tag != "a" or is_navigation(node)):
        return None
    name = first_of((own_text(node), attributes.get("title"), attributes.get("label")))
    language = attributes.get("srclang") or attributes.get("hreflang")
    return Link(url, (name or "")[:MAX_NAME], kind, language and language[:2].lower())


def _properties(tree: LexborHTMLParser) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in tree.css("meta[content]"):
        name = node.attributes.get("property") or node.attributes.get("name")
        content = node.attributes.get("content")
        if name and content:
            found.setdefault(name.lower(), content)
    return found


def _heading(tree: LexborHTMLParser) -> str | None:
    headings = tree.css("main h1") + tree.css("article h1") + tree.css("h1")
    texts = (own_text(node) for node in headings if not is_navigation(node))
    return first_of(texts)


def _title(tree: LexborHTMLParser) -> str | None:
    node = tree.css_first("head title")
    return (own_text(node) or None) if node else None


def _language(tree: LexborHTMLParser) -> str | None:
    node = tree.css_first("html[lang]")
    language = (node.attributes.get("lang") or "") if node else ""
    return language[:2].lower() or None
