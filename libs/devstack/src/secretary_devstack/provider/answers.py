"""Makes the correct answers of the fake provider."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

JsonObject = dict[str, Any]

# Runs in its own process, because the tests use PyMuPDF too, which is not thread-safe.
_READ_PDF = """
import json, sys, pymupdf
document = pymupdf.open(stream=sys.stdin.buffer.read(), filetype="pdf")
print(json.dumps([page.get_text().strip() for page in document]))
"""


@dataclass(frozen=True)
class ChatReply:
    """One reply of the chat model."""

    content: str | None
    refusal: str | None = None
    finish_reason: str = "stop"


def read_pdf(content: bytes) -> Sequence[str]:
    """Return the text of each page of a PDF. The fake uses it in place of OCR."""
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-I", "-c", _READ_PDF], input=content, capture_output=True, check=True
    )
    pages: list[str] = json.loads(done.stdout)
    return pages


def ocr_answer(pages: Sequence[str], wanted: Sequence[int] | None, model: str) -> JsonObject:
    """Return Mistral's answer for *pages*, or only for the pages at the indexes *wanted*."""
    indexes = range(len(pages)) if wanted is None else wanted
    return {
        "pages": [_ocr_page(index, pages[index]) for index in indexes],
        "model": model,
        "usage_info": {"pages_processed": len(indexes), "doc_size_bytes": 1},
    }


def _ocr_page(index: int, text: str) -> JsonObject:
    scores = {"average_page_confidence_score": 0.93, "minimum_page_confidence_score": 0.41}
    return {
        "index": index,
        "markdown": text,
        "images": [],
        "dimensions": {"dpi": 200, "height": 2339, "width": 1654},
        "confidence_scores": scores,
    }


def default_reply(request: JsonObject) -> ChatReply:
    """Return a reply in the requested format.

    It is an example that fits the schema, or ``{}`` for the format ``json_object``. Without a
    format it repeats the last message, or says that it describes a picture.
    """
    wanted = request.get("response_format", {"type": "text"})
    if wanted["type"] == "json_schema":
        return ChatReply(json.dumps(example(wanted["json_schema"]["schema"])))
    if wanted["type"] == "json_object":
        return ChatReply("{}")
    last = request["messages"][-1]["content"]
    return ChatReply(f"You said: {last}" if isinstance(last, str) else "What the picture says.")


def example(schema: JsonObject) -> Any:
    """Return a value that fits *schema*. Only keywords that templates use are known."""
    if "enum" in schema:
        return schema["enum"][0]
    for alternatives in ("anyOf", "oneOf"):
        if alternatives in schema:
            return example(schema[alternatives][0])
    kind = schema.get("type", "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: example(one) for name, one in schema.get("properties", {}).items()}
    if kind == "array":
        return [example(schema.get("items", {}))]
    return {"string": "example", "integer": 1, "number": 1.5, "boolean": True, "null": None}[kind]


def chat_answer(request: JsonObject, reply: ChatReply, *, with_usage: bool) -> JsonObject:
    """Return an answer of OpenAI's chat with *reply*."""
    message: JsonObject = {"role": "assistant", "content": reply.content, "refusal": reply.refusal}
    answer: JsonObject = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": f"{request['model']}-2026-01-01",
        "choices": [{"index": 0, "message": message, "finish_reason": reply.finish_reason}],
    }
    if with_usage:
        tokens = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
        answer["usage"] = tokens
    return answer


@dataclass(frozen=True)
class Spoken:
    """A sentence of a recording, with its start and its end in seconds."""

    start: float
    end: float
    text: str


GREETING = (Spoken(0.0, 1.5, "Good morning."), Spoken(1.5, 4.0, "Welcome to the talk."))


def transcript_answer(
    request: JsonObject, sentences: Sequence[Spoken] = GREETING, *, language: str = "english"
) -> JsonObject:
    """Return OpenAI's answer for a recording of *sentences*, in the form of *request*."""
    text = " ".join(sentence.text for sentence in sentences)
    (wanted,) = request.get("response_format", ["json"])
    if wanted == "diarized_json":
        segments = [
            {"id": f"seg_{n}", "start": one.start, "end": one.end, "text": one.text, "speaker": "A"}
            for n, one in enumerate(sentences)
        ]
        return {"text": text, "segments": segments}
    if wanted != "verbose_json":
        return {"text": text}
    granularities = request.get("timestamp_granularities[]", ["segment"])
    answer: JsonObject = {
        "duration": sentences[-1].end if sentences else 0.0,
        "language": language,
        "text": text,
    }
    if "segment" in granularities:
        answer["segments"] = [_segment(n, one) for n, one in enumerate(sentences)]
    if "word" in granularities:
        answer["words"] = [word for one in sentences for word in _words(one)]
    return answer


def _segment(index: int, sentence: Spoken) -> JsonObject:
    return {
        "id": index,
        "seek": 0,
        "start": sentence.start,
        "end": sentence.end,
        "text": f" {sentence.text}",
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": -0.2,
        "compression_ratio": 1.0,
        "no_speech_prob": 0.01,
    }


def _words(sentence: Spoken) -> list[JsonObject]:
    """Return the words of *sentence*, each of the same length. OpenAI leaves out punctuation."""
    words = [word.strip(".,;!?") for word in sentence.text.split()]
    each = (sentence.end - sentence.start) / max(len(words), 1)
    return [
        {
            "word": word,
            "start": round(sentence.start + number * each, 3),
            "end": round(sentence.start + (number + 1) * each, 3),
        }
        for number, word in enumerate(words)
    ]
