"""URLs whose server checks a signature over every byte of the request target."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from support.raw_server import RawRequest

KEY = b"the server's own"
TARGETS = [
    "/x?sig=abc%2Fdef%3D%3D&e=%40me&t=%7E",
    "/p%2Fq/%28x%29/%41?",
    "/c?u=http%3A%2F%2Fa%3Fb%26c",
    "/%e4%f6/%c3%a4?q=%c3%a4",
    "/e?",
    "/a/./b/../c//d?x=../y",
    "/a+b%20c;d=%25;%2B?x+y=%20&&=;%25",
    "/it's(a)*'!$,:@?/?'()*!$,:@",
]


def signed(target: str) -> str:
    """Return *target* with a signature at its end."""
    join = "" if target.endswith("?") else "&" if "?" in target else "?"
    return f"{target}{join}signature={_signature(target + join)}"


def is_signed(target: str) -> bool:
    """Return whether the signature at the end is that of the bytes before it."""
    text, mark, given = target.rpartition("signature=")
    return bool(mark) and hmac.compare_digest(given, _signature(text))


def checking(answer: bytes) -> Callable[[RawRequest], bytes]:
    """Return a server's behaviour: *answer* for a valid signature, else 403."""

    def reply(request: RawRequest) -> bytes:
        refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
        return answer if is_signed(request.target) else refusal

    return reply


def _signature(text: str) -> str:
    return hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()
