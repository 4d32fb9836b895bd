"""The refusals of a store, as S3 publishes them."""

from __future__ import annotations

from xml.sax.saxutils import escape


class Refusal(Exception):
    """A request that S3 refuses."""

    def __init__(self, status: int, code: str, message: str) -> None:
        """*code*: S3's own code, such as ``NoSuchKey``."""
        super().__init__(message)
        self.status = status
        self.code = code

    @property
    def body(self) -> bytes:
        """The body of the answer."""
        text = f"<Error><Code>{self.code}</Code><Message>{escape(str(self))}</Message></Error>"
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()


def no_such_key() -> Refusal:
    """Return the refusal of a request for an object that is not there."""
    return Refusal(404, "NoSuchKey", "The specified key does not exist.")


def no_such_upload() -> Refusal:
    """Return the refusal of an upload in parts that was never begun, or has ended."""
    return Refusal(404, "NoSuchUpload", "The specified multipart upload does not exist.")


def precondition_failed() -> Refusal:
    """Return the refusal of a request whose condition does not hold."""
    message = "At least one of the pre-conditions you specified did not hold."
    return Refusal(412, "PreconditionFailed", message)


def conflict() -> Refusal:
    """Return the refusal of a write during which another request changed the object."""
    message = "The conditional request cannot succeed due to a conflicting operation."
    return Refusal(409, "ConditionalRequestConflict", message)
