"""Reads a page of HTML. Untrusted bytes, native code: only ever in a child with limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from secretary_documents.web.link import absolute, classify, first_of, is_same_page
from secretary_documents.web.linked_data import facts_of, objects_of, open_graph_facts
from secretary_documents.web.page import Facts, Link, LinkKind, WebPage
from secretary_documents.web.reduction import is_navigation, own_text, readable_text
from secretary_documents.web.visible import visible_facts

MAX_LINKS = 5000
MAX_NAME = 300

# Where an address stands: (selector, attribute).
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
    """The page *html*, found at *url*."""
    tree = LexborHTMLParser(html)
    root = tree.body or tree.root
    base = _base(tree, url)
    if root is None:
        return WebPage(url, None, "")
    text = readable_text(root, base) or readable_text(root, base, with_navigation=True)
    links = tuple(_links(tree, base))
    documents = [node.text() for node in tree.css('script[type="application/ld+json"]')]
    times = [node.attributes.get("datetime") or "" for node in tree.css("time[datetime]")]
    facts = merged(
        facts_of(objects_of(documents), base),
        Facts(title=_heading(tree)),
        visible_facts(text, links, times),
        open_graph_facts(_properties(tree), base),
        Facts(title=_title(tree), language=_language(tree)),
    )
    return WebPage(url, facts.title, text, facts, links)


def merged(*sources: Facts) -> Facts:
    """What the first of *sources* says that says anything, fact by fact."""
    found: dict[str, Any] = {}
    for one in fields(Facts):
        values = (getattr(source, one.name) for source in sources)
        found[one.name] = next((value for value in values if value), one.default)
    return Facts(**found)


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
