"""How much CPU time of its own thread something takes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def cpu_time_below(seconds: float) -> Iterator[None]:
    """Fail if what is done here takes this thread more than *seconds* of CPU time."""
    begun = time.thread_time()
    yield
    took = time.thread_time() - begun
    assert took < seconds, f"{took:.2f} s of CPU time"
