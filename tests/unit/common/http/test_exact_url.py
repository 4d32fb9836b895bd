"""A URL keeps its spelling: nothing but characters beyond ASCII is ever encoded."""

import pytest

from secretary_common.errors import UrlRefused
from secretary_common.http.exact_url import ascii_url, joined_url, parsed_url

SPELLINGS = [
    "/x?sig=abc%2Fdef%3D%3D&e=%40me&t=%7E",
    "/p%2Fq/%28x%29/%41",
    "/c?u=http%3A%2F%2Fa%3Fb%26c",
    "/%e4%f6",
    "/e?",
    "/a/./b/../c",
    "/a+b%20c;d=%25;%2B?x+y=%20&&=;",
    "/a(b)'c*d!e,f$g:h@i?j/k?l",
    "//twice//",
    '/{a}|^`<b>"?{c}|^`<d>"\'',
]


@pytest.mark.parametrize("target", SPELLINGS)
def test_a_request_target_keeps_each_byte(target: str) -> None:
    url = f"http://receiver.example:8080{target}"
    assert ascii_url(url) == url
    parsed = parsed_url(url)
    assert parsed.raw_path_qs == target
    assert str(parsed) == url  # as a proxy gets it
    assert (parsed.raw_host, parsed.port) == ("receiver.example", 8080)


def test_a_fragment_is_not_sent_and_an_empty_path_is_a_slash() -> None:
    assert parsed_url("http://a.example/x?y#z?").raw_path_qs == "/x?y"
    assert parsed_url("http://a.example?y").raw_path_qs == "/?y"
    assert parsed_url("HTTP://a.example").raw_path_qs == "/"


def test_an_address_takes_the_place_of_the_host_alone() -> None:
    url = parsed_url("https://a.example:8443/x%2f?", address="2606:2800:220:1::1")
    assert (url.raw_host, url.port, url.raw_path_qs) == ("2606:2800:220:1::1", 8443, "/x%2f?")
    assert str(parsed_url("https://a.example/x", address="8.8.8.8")) == "https://8.8.8.8/x"


@pytest.mark.parametrize(
    ("url", "encoded"),
    [
        ("http://a.example/grüße/%C3?q=ü%c3", "http://a.example/gr%C3%BC%C3%9Fe/%C3?q=%C3%BC%c3"),
        ("https://bücher.example:8443/ü", "https://xn--bcher-kva.example:8443/%C3%BC"),
        ("https://faß.de/", "https://xn--fa-hia.de/"),
        ("https://_a.bücher.example/", "https://_a.xn--bcher-kva.example/"),
        ("https://a。example/", "https://a.example/"),
    ],
)
def test_what_is_beyond_ascii_is_encoded_once(url: str, encoded: str) -> None:
    assert ascii_url(url) == encoded
    assert ascii_url(encoded) == encoded


@pytest.mark.parametrize(
    "url",
    [
        "http://exa\uff0fmple.com/",
        "http://\uff11\uff12\uff17.0.0.1/",
        f"http://{'ü' * 300}.example/",
        "http://a.example/\ud800",
        "http://user@bücher.example@x/",
    ],
)
def test_a_name_that_cannot_be_encoded_is_refused(url: str) -> None:
    with pytest.raises(UrlRefused):
        ascii_url(url)


@pytest.mark.parametrize(
    ("reference", "joined"),
    [
        ("https://b.example/x%2F?y#z", "https://b.example/x%2F?y#z"),
        ("//b.example/x/../y?", "http://b.example/x/../y?"),
        ("/x/../y%2f?", "http://a.example:81/x/../y%2f?"),
        ("?y=%7E", "http://a.example:81/p/q%2f?y=%7E"),
        ("", "http://a.example:81/p/q%2f?r"),
        ("#f", "http://a.example:81/p/q%2f?r#f"),
        ("x?", "http://a.example:81/p/x?"),
        ("./x%2e", "http://a.example:81/p/x%2e"),
        ("../../x?../y", "http://a.example:81/x?../y"),
        ("..", "http://a.example:81/"),
        ("file:///etc/passwd", "file:///etc/passwd"),
    ],
)
def test_a_redirect_keeps_its_spelling(reference: str, joined: str) -> None:
    assert joined_url("http://a.example:81/p/q%2f?r#s", reference) == joined


def test_a_relative_reference_to_a_bare_host_begins_at_its_root() -> None:
    assert joined_url("http://a.example", "x/y") == "http://a.example/x/y"
