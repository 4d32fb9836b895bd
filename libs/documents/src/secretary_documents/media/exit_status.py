"""What the end of ffmpeg means for the recording it was given."""

from __future__ import annotations

import re
import signal

from secretary_common.errors import ErrorCode, PermanentError, SecretaryError, TransientError
from secretary_common.runtime.log import get_logger
from secretary_documents.media.launcher import EXIT_NO_PROGRAM
from secretary_documents.media.program import Ended, timed_out

log = get_logger(__name__)

_NO_MEMORY = re.compile(r"Cannot allocate memory|std::bad_alloc|out of memory", re.IGNORECASE)
_NO_ROOM = "No space left on device"
# ffmpeg takes SIGXCPU itself and ends with 255.
_CPU_SPENT = f"received signal {signal.SIGXCPU.value}"


def judge(ended: Ended) -> SecretaryError | None:
    """The error that ffmpeg's end amounts to; None: it did its work.

    What it wrote stands in the log alone: it names paths, and quotes the file.
    """
    if ended.returncode == 0:
        return None
    log.warning("media.ffmpeg_failed", exit=ended.returncode, stderr=ended.stderr[-1000:])
    if ended.returncode == EXIT_NO_PROGRAM:
        return PermanentError("ffmpeg cannot be run", code=ErrorCode.FFMPEG_MISSING)
    return _limit_reached(ended) or PermanentError(
        "the recording is damaged or not what it seems", code=ErrorCode.MEDIA_INVALID
    )


def _limit_reached(ended: Ended) -> SecretaryError | None:
    if ended.returncode == -signal.SIGXCPU or _CPU_SPENT in ended.stderr:
        return timed_out("ffmpeg")
    if ended.returncode == -signal.SIGXFSZ:
        message = "the recording has more sound than it may have"
        return PermanentError(message, code=ErrorCode.MEDIA_TOO_LARGE)
    if _NO_ROOM in ended.stderr:
        return TransientError("there is no room for the recording on the worker's disk")
    if _NO_MEMORY.search(ended.stderr):
        message = "the recording needs more memory than it may use (media.memory_mb)"
        return PermanentError(message, code=ErrorCode.MEDIA_TOO_LARGE)
    return None
