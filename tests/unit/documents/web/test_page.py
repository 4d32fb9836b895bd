"""How web pages are read: text, metadata, links, encodings."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.page_samples import CCC, CCC_URL, FOSDEM, FOSDEM_URL, PRETALX, PRETALX_URL

from secretary_common.errors import ErrorCode, PermanentError
from secretary_documents.web.charset import decode
from secretary_documents.web.html import read_html
from secretary_documents.web.link import absolute, classify
from secretary_documents.web.metadata import json_ld_metadata, json_ld_objects
from secretary_documents.web.page import LinkKind, PageMetadata, WebPage
from secretary_documents.web.page_child import page_of


def links(page: WebPage, kind: LinkKind) -> list[tuple[str, str]]:
    return [(link.url, link.text) for link in page.of_kind(kind)]


def text_of(html: str) -> str:
    return read_html(html, "https://example.org/a/b").text


def test_the_metadata_of_a_page_without_json_ld_comes_from_its_labels() -> None:
    page = read_html(FOSDEM, FOSDEM_URL)
    speaker = "https://conf.example/2026/schedule/speaker"
    assert page.title == "Leases that end"
    assert page.metadata == PageMetadata(
        title="Leases that end",
        track="Databases devroom",
        day="Saturday",
        starttime="09:30",
        endtime="10:15",
        speakers=("Käthe Müller", "Jo O'Neil"),
        speakers_url=(f"{speaker}/kaethe_mueller/", f"{speaker}/jo/"),
        language="en",
    )


@pytest.mark.parametrize(
    "formula",
    [
        "<math><mi>E</mi><annotation encoding='application/x-tex'>E=mc^2</annotation></math>",
        "<span style='display: none'><math alttext='E=mc^2'><mi>E</mi></math></span><img src=x>",
        "<span><math><mi>E</mi><mo>=</mo><msup>mc^2</msup></math><b aria-hidden=true>E</b></span>",
    ],
)
def test_formulas_are_read(formula: str) -> None:
    assert text_of(f"<p>It says {formula}, you know.</p>") == "It says E=mc^2, you know."


def test_references_to_characters_in_json_ld_are_replaced() -> None:
    name = f"Tom &amp; <b>Ada</b>&#{'9' * 5000};"
    objects = json_ld_objects([json.dumps({"@type": "Event", "name": name})])
    assert json_ld_metadata(objects, "https://a.example").title == "Tom & Ada\ufffd"


def test_slides_captions_and_recordings_are_found_anywhere_on_the_page() -> None:
    page = read_html(FOSDEM, FOSDEM_URL)
    video = "https://video.conf.example/2026/h1301/leases"
    slides = "https://conf.example/2026/events/attachments/leases/slides/42/leases.pdf"
    assert links(page, LinkKind.SLIDES)[0] == (slides, "Slides of the talk")
    assert links(page, LinkKind.CAPTIONS) == [
        (f"{video}.vtt", "Video recording subtitle file (VTT)")
    ]
    assert [url for url, _ in links(page, LinkKind.MEDIA)] == [f"{video}.av1.webm", f"{video}.mp4"]


def test_the_text_is_the_visible_text_with_the_addresses_of_links() -> None:
    text = read_html(FOSDEM, FOSDEM_URL).text
    assert text.startswith(
        "# Leases that end\n\n- Track: [Databases devroom](https://conf.example/"
    )
    assert (
        "A lease is a lock that ends.\n\nWhat then? See [the paper](https://example.org/paper)."
        in text
    )
    assert "- [Slides of the talk](https://conf.example/2026/events/attachments/" in text
    for unseen in ("tracking", "color", "Imprint", "Home", "javascript", "mailto"):
        assert unseen not in text


def test_time_elements_and_open_graph_complete_the_labels() -> None:
    page = read_html(PRETALX, PRETALX_URL)
    assert page.metadata == PageMetadata(
        title="Warteschlangen",
        day="2026-05-14",
        starttime="14:00",
        endtime="14:45",
        speakers=("Ümit Ö.",),
        speakers_url=("https://talks.example/conf/speaker/QWERTZ/",),
        image_url="https://talks.example/conf/talk/ABCDEF/og-image",
        abstract="Kurz & gut",
        language="de",
    )
    slides = "https://talks.example/media/conf/submissions/ABCDEF/resources/f.PPTX"
    assert links(page, LinkKind.SLIDES) == [(slides, "Folien")]


def test_json_ld_takes_precedence() -> None:
    page = read_html(CCC, CCC_URL)
    assert page.metadata == PageMetadata(
        title="The outbox",
        event="42C3",
        track="Saal 1",
        day="2025-12-27",
        starttime="21:45",
        endtime="22:45",
        speakers=("ada", "grace"),
        speakers_url=("https://media.example/people/ada",),
        speakers_image_url=("https://media.example/ada.jpg",),
        video_url="https://cdn.example/hd.webm",
        image_url="https://cdn.example/t.jpg",
        abstract="Set by the same write.",
    )


def test_players_give_media_captions_and_pages_of_platforms() -> None:
    page = read_html(CCC, CCC_URL)
    assert [url for url, _ in links(page, LinkKind.MEDIA)] == [
        "https://cdn.example/sd.mp4",
        "https://media.example/download?id=7",
    ]
    (captions,) = page.of_kind(LinkKind.CAPTIONS)
    assert (captions.url, captions.text, captions.language) == (
        "https://media.example/subs/outbox-deu",
        "Deutsch",
        "de",
    )
    assert [url for url, _ in links(page, LinkKind.VIDEO_PAGE)] == [
        "https://media.ccc.de/v/other",
        "https://vimeo.com/123456",
        "https://www.youtube-nocookie.com/embed/abc123",
    ]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("just text", "just text"),
        ("<p>a<p>b<br>c", "a\n\nb\nc"),
        ("<b>a</b> <i>b</i>c", "a bc"),
        ("<h2>A\n <b>B</b></h2>c", "## A B\n\nc"),
        ("<table><tr><th>a<td>b</tr><tr><td><td>c", "a | b\nc"),
        ("<ul><li>a<ul><li>b</ul><li></ul>c", "- a\n\n- b\n\nc"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("x<pre>\n<code><b>if</b> a:\n  <i>b</i>\n\n</code></pre>y", "x\n\nif a:\n  b\n\ny"),
        ("<a href='c'>x</a>", "[x](https://example.org/a/c)"),
        ("<a href='c'><img src=y></a>", "[https://example.org/a/c](https://example.org/a/c)"),
        ("<a href='c' title='T'></a>", "[T](https://example.org/a/c)"),
        ("<a href='#top'>x</a><a>y</a>", "xy"),
        ("<a href='c'><h3>x</h3></a>", "### [x](https://example.org/a/c)"),
        ("<nav>only this</nav>", "only this"),
        ("<p hidden>a</p><p style='display: none'>b</p><p aria-hidden=true>c</p>d", "d"),
        ("<script>a</script><style>b</style><template>c</template><!--d-->e", "e"),
        ("<base href='//cdn.example/x/'><a href=y>z</a>", "[z](https://cdn.example/x/y)"),
    ],
)
def test_markup_becomes_markdown(html: str, text: str) -> None:
    assert text_of(html) == text


@given(st.text(st.sampled_from("<>/=\"' abpilu&;#!-") | st.characters(exclude_categories=["Cs"])))
def test_no_markup_is_an_error_and_the_page_survives_its_way_from_the_child(
    html: str,
) -> None:
    page = read_html(html, "https://example.org/")
    assert WebPage.from_json(json.loads(json.dumps(page.as_json()))) == page


json_ld_keys = st.sampled_from(
    [
        "@type",
        "name",
        "url",
        "performer",
        "startDate",
        "image",
        "inLanguage",
        "superEvent",
        "@graph",
    ]
)
json_ld_values = st.recursive(
    st.sampled_from(
        [None, True, 7, "", "Event", "Person", "VideoObject", "2026-01-01T10:00", "/a"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(json_ld_keys, inner, max_size=4),
    max_leaves=10,
)


@given(json_ld_values)
def test_no_json_ld_is_an_error(value: Any) -> None:
    json_ld_metadata(json_ld_objects([json.dumps(value)]), "https://example.org/")


def test_json_ld_that_is_nested_too_deeply_is_skipped() -> None:
    assert json_ld_objects(["[" * 100_000, '{"a":' * 100_000]) == []
    assert len(json_ld_objects([json.dumps([{}] * 5000)])) == 2000


@pytest.mark.parametrize(
    ("content", "content_type", "text"),
    [
        ("Käse".encode(), "text/html", "Käse"),
        ("Käse".encode("latin-1"), "text/html; charset=ISO-8859-1", "Käse"),
        ("€".encode("cp1252"), "text/html; charset=latin1", "€"),
        ("Käse".encode("latin-1"), "text/html", "Käse"),
        (b'<meta charset="windows-1251">' + "да".encode("cp1251"), "", "да"),
        (b"<meta charset=utf-16>" + "é".encode(), "", "é"),
        ("\ufeffKäse".encode("utf-16-le"), "text/html; charset=utf-8", "Käse"),
        ("Käse".encode(), "text/html; charset=rot13", "Käse"),
        ("Käse".encode(), "text/html; charset=unicode_escape", "Käse"),
        ("Käse".encode(), "text/html; charset=../../etc", "Käse"),
        (b"a\xffb", "text/html; charset=utf-8", "a\ufffdb"),
    ],
)
def test_text_is_decoded_by_its_encoding(content: bytes, content_type: str, text: str) -> None:
    assert decode(content, content_type).endswith(text)


@pytest.mark.parametrize(
    ("content", "content_type", "text"),
    [
        (b"<p>a", "text/html", "a"),
        (b"<p>a", "", "a"),
        (b"<p>a", "text/plain", "<p>a"),
        (b"a", "", "a"),
        (b'{"a": 1}', "application/json; charset=utf-8", '{"a": 1}'),
    ],
)
def test_the_content_type_decides_how_a_page_is_read(
    content: bytes, content_type: str, text: str
) -> None:
    assert page_of(content, "https://example.org/", content_type).text == text


@pytest.mark.parametrize(
    ("content", "content_type"),
    [(b"%PDF-1.7", "application/pdf"), (b"%PDF-1.7", ""), (b"\0\1", ""), (b"x", "image/png")],
)
def test_content_that_is_not_a_page_is_refused_with_its_type(
    content: bytes, content_type: str
) -> None:
    with pytest.raises(PermanentError, match="not a page") as caught:
        page_of(content, "https://example.org/", content_type)
    assert caught.value.code == ErrorCode.PAGE_INVALID


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("x", "https://example.org/a/x"),
        (" /x\n ", "https://example.org/x"),
        ("//h/x", "https://h/x"),
        ("?q", "https://example.org/a/b?q"),
        ("HTTP://h", "HTTP://h"),
        ("", None),
        ("#x", None),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("file:///etc/passwd", None),
        ("http://[", None),
        ("http://h:99999/", None),
        ("x" * 9000, None),
    ],
)
def test_an_absolute_address_is_on_the_web_or_none(url: str, found: str | None) -> None:
    assert absolute(url, "https://example.org/a/b") == found


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://h/a.pdf?x=1#page=2", LinkKind.SLIDES),
        ("https://h/A.PPTX", LinkKind.SLIDES),
        ("https://h/a.srt", LinkKind.CAPTIONS),
        ("https://h/a.m4a", LinkKind.MEDIA),
        ("https://www.youtube.com/watch?v=abc", LinkKind.VIDEO_PAGE),
        ("https://youtu.be/abcdefghijk", LinkKind.VIDEO_PAGE),
        ("https://player.vimeo.com/video/1", LinkKind.VIDEO_PAGE),
        ("https://www.youtube.com/@channel", LinkKind.PAGE),
        ("https://h/youtube.com/watch?v=abc", LinkKind.PAGE),
        ("https://h/a.png", LinkKind.IMAGE),
        ("https://h/pdf", LinkKind.PAGE),
    ],
)
def test_a_link_is_classified_by_its_address(url: str, kind: LinkKind) -> None:
    assert classify(url) is kind


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"url": 1},
        {"metadata": [], "links": [], "url": "u", "title": None, "text": ""},
        {"metadata": {}, "links": [{}], "url": "u", "title": None, "text": ""},
        {"metadata": {"x": 1}, "links": [], "url": "u", "title": None, "text": ""},
    ],
)
def test_a_message_from_the_child_that_is_not_a_page_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="not a page"):
        WebPage.from_json(value)


def test_a_heading_is_its_visible_text() -> None:
    html = '<h1>Leases<style>h1 {}</style> that end<script>{"@type": "Event"}</script></h1><p>t'
    assert read_html(html, "https://example.org/").title == "Leases that end"
