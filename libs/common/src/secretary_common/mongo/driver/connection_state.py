"""Tracks whether MongoDB answers this process, and logs each change once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pymongo.errors import ConnectionFailure, WaitQueueTimeoutError

from secretary_common.errors import StoreUnavailable
from secretary_common.mongo.driver.fault import translated_errors
from secretary_common.observing.lasting_fault import LastingFault
from secretary_common.runtime.log import get_logger

log = get_logger(__name__)


class ConnectionState:
    """Whether MongoDB answers one client.

    Any operation that finds no connection shows an outage. Only ``succeed`` shows the
    end of the outage, because some operations may work while others fail.
    """

    def __init__(self) -> None:
        self._outage = LastingFault("store.away")
        self._ever_answered = False

    @contextlib.contextmanager
    def translated_errors(self, *, writing: bool = False) -> Iterator[None]:
        """Raise Secretary's errors, as ``fault.translated_errors`` does; log an outage."""
        try:
            with translated_errors(writing=writing):
                yield
        except StoreUnavailable as error:
            cause = error.__cause__
            if isinstance(cause, ConnectionFailure) and not isinstance(
                cause, WaitQueueTimeoutError
            ):
                self.fail(cause)
            raise

    def fail(self, error: BaseException) -> None:
        """Log *error* if it is the first of an outage, and later once a minute."""
        reason = str(error)[:300]
        if self._outage.record(reason=reason):
            event = "store.unavailable" if self._ever_answered else "store.awaited"
            log.warning(event, reason=reason)

    def succeed(self) -> None:
        """Log that MongoDB answers, if MongoDB did not answer before."""
        after_sec = self._outage.end()
        if not self._ever_answered:
            log.info("store.ready")
        elif after_sec is not None:
            log.info("store.available", after_sec=after_sec)
        self._ever_answered = True
