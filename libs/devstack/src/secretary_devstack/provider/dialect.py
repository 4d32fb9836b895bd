"""The parts of the interface that a server supports. Real servers support different parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

JsonObject = dict[str, Any]


class Refusal(Exception):
    """Raised to answer a request with an error in OpenAI's form."""

    def __init__(self, status: int, message: str, param: str | None = None) -> None:
        super().__init__(message)
        error = {"message": message, "type": "invalid_request_error", "param": param, "code": None}
        self.status = status
        self.body = {"error": error}


@dataclass(frozen=True)
class Dialect:
    """The parts of the interface that the server supports. It refuses other parts by name."""

    formats: frozenset[str] = frozenset({"json_schema", "json_object"})
    temperature: bool = True
    usage: bool = True
    verbose: bool = True
    """Whether transcriptions may have time stamps."""
    words: bool = True
    """Whether transcriptions may have time stamps of words."""
    speakers: bool = False
    """Whether transcriptions may name speakers."""

    def check_chat(self, body: JsonObject) -> None:
        """Refuse a chat request that uses an unsupported parameter.

        Raises:
            Refusal: the message names the parameter.
        """
        kind = body.get("response_format", {"type": "text"})["type"]
        if kind != "text" and kind not in self.formats:
            message = f"'response_format' of type '{kind}' is not supported with this model."
            raise Refusal(400, message, "response_format")
        if "temperature" in body and not self.temperature:
            message = "Unsupported value: 'temperature' does not support 0 with this model."
            raise Refusal(400, message, "temperature")

    def check_transcription(self, body: JsonObject) -> None:
        """Refuse a transcription request that uses an unsupported parameter.

        Raises:
            Refusal: the message names the parameter.
        """
        (wanted,) = body.get("response_format", ["json"])
        allowed = {"verbose_json": self.verbose, "diarized_json": self.speakers}
        if not allowed.get(wanted, True):
            message = f"response_format '{wanted}' is not compatible with model"
            raise Refusal(400, message, "response_format")
        if "word" in body.get("timestamp_granularities[]", []) and not self.words:
            message = "timestamp_granularities 'word' is not compatible with model"
            raise Refusal(400, message, "timestamp_granularities")
