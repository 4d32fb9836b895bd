"""A receiver's answer is kept without secrets, in whatever spelling they stand there."""

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cpu_time import cpu_time_below

from secretary_notifier.sending.redaction import SHORTEST_PART, redacted

TOKEN = 'to/k"en ü+&\\<7>'
SECRET = "whsec_" + base64.b64encode(b"\xfb\xef\xbe a secret of thirty-two bytes").decode()


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def as_json(text: str) -> str:
    return json.dumps(text)[1:-1]


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "JSON": as_json,
    "JSON in UTF-8": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON with slashes": lambda text: as_json(text).replace("/", "\\/"),
    "JSON in capitals": lambda text: as_json(text).replace("00fc", "00FC"),
    "JSON in JSON": lambda text: as_json(as_json(text)),
    "repr": lambda text: repr(text.encode("latin-1"))[2:-1],
    "URL": lambda text: quote(text, safe=""),
    "URL with slashes": quote,
    "URL in small letters": lambda text: quote(text, safe="").lower(),
    "URL in latin-1": lambda text: quote(text, safe="", encoding="latin-1"),
    "form": quote_plus,
    "URL twice": lambda text: quote(quote(text)),
    "HTML": html.escape,
    "HTML by number": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "HTML by hexadecimal": lambda text: "".join(f"&#x{ord(c):X};" for c in text),
    "HTML by name": lambda text: html.escape(text).replace("ü", "&uuml;"),
    "JSON in HTML": lambda text: html.escape(as_json(text)),
    "HTML in JSON": lambda text: as_json(html.escape(text)),
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_a_token_is_redacted_in_every_spelling(spell: Callable[[str], str]) -> None:
    text = f'{{"got": "{spell(TOKEN)}", "ok": 1}}'
    assert redacted(text.encode(), [TOKEN]) == b'{"got": "[redacted]", "ok": 1}'


def test_a_token_in_latin_1_is_redacted() -> None:
    assert redacted(f"<{TOKEN}>".encode("latin-1"), [TOKEN]) == b"<[redacted]>"


@pytest.mark.parametrize("spell", [as_json, quote, quote_plus, html.escape])
@pytest.mark.parametrize("secret", [SECRET, SECRET.removeprefix("whsec_")])
def test_a_secret_is_redacted_with_and_without_its_prefix(
    secret: str, spell: Callable[[str], str]
) -> None:
    kept = redacted(f"<{spell(secret)}>".encode(), [SECRET])
    assert secret.removeprefix("whsec_")[:8].encode() not in kept
    assert kept.startswith(b"<[redacted]")


@pytest.mark.parametrize(
    "said", [TOKEN, f"Bearer {TOKEN}", f"user:{TOKEN}", f'{{"authorization": "Bearer {TOKEN}"}}']
)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_token_within_base64_is_redacted(
    said: str, encoding: str, encode: Callable[[bytes], bytes]
) -> None:
    encoded = encode(said.encode(encoding))
    kept = redacted(b'"' + encoded + b'"', [TOKEN])
    assert b"[redacted]" in kept
    whole = base64.b64decode(kept.partition(b"[redacted]")[0][1:] + b"==", b"-_")
    assert b"to/k" not in whole


def test_base64_within_json_and_urls_is_redacted() -> None:
    encoded = base64_of(f"Bearer {TOKEN}")
    for spelled in (encoded.replace("/", "\\/"), quote(encoded, safe="")):
        assert redacted(f"<{spelled}>".encode(), [TOKEN]).startswith(b"<[redacted]")


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_a_token_that_is_cut_off_at_the_end_is_redacted(spell: Callable[[str], str]) -> None:
    whole = spell(TOKEN).encode()
    beginning = spell(TOKEN[: SHORTEST_PART - 1]).encode()
    for length in range(len(whole)):
        cut = whole[:length]
        kept = redacted(b"<" + cut, [TOKEN])
        gives_little_away = len(cut) < len(spell(TOKEN[:SHORTEST_PART]).encode())
        assert kept == b"<[redacted]" or (gives_little_away and kept == b"<" + cut), cut
    assert redacted(b"<" + beginning, [TOKEN]) == b"<" + beginning


def test_every_mention_is_redacted_and_all_else_is_kept() -> None:
    text = f"a {quote(TOKEN)} b {TOKEN}{TOKEN} &amp; %20 \\n ü \xff".encode()
    kept = b"a [redacted] b [redacted][redacted] " + "&amp; %20 \\n ü \xff".encode()
    assert redacted(text, [TOKEN, SECRET]) == kept
    assert redacted(kept, []) == kept


@pytest.mark.parametrize("token", ["e", "no", "the"])
def test_a_token_of_less_than_four_characters_is_kept(token: str) -> None:
    kept = b"the receiver says no, and echoes the token"
    assert redacted(kept, [token]) == kept


def test_a_token_of_four_characters_is_redacted() -> None:
    assert redacted(b"the token is t0k3", ["t0k3"]) == b"the token is [redacted]"


ENCODERS = st.sampled_from(
    [as_json, SPELLINGS["JSON with slashes"], SPELLINGS["URL"], quote_plus, html.escape]
)
HEADER_TEXT = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_categories=["Cc"]), min_size=6
).filter(lambda text: text.strip() == text)


@given(HEADER_TEXT, st.lists(ENCODERS, max_size=2))
def test_any_token_is_redacted_however_it_was_encoded(
    token: str, encoders: list[Callable[[str], str]]
) -> None:
    spelled = token
    for encode in encoders:
        spelled = encode(spelled)
    assert redacted(f"\n{spelled}\n".encode(), [token]) == b"\n[redacted]\n"


@pytest.mark.parametrize(
    "answer",
    [b"a" * 64_000, b"a" * 32_000 + b"%" * 32_000, b"\\" * 64_000, b"&#" * 32_000, b"%25" * 20_000],
)
def test_an_answer_that_is_all_beginnings_of_a_secret_is_read_in_linear_time(answer: bytes) -> None:
    with cpu_time_below(5):  # about 0.2 s
        redacted(answer, ["a" * 2000 + "b"])
