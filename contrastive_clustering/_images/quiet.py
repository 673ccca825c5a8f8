"""Keep warnings of readers, which may contain names of patients, from being shown."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

# pydicom logs its warnings, too.
LOGGER = logging.getLogger("pydicom")


@contextmanager
def quiet_readers() -> Iterator[None]:
    """Suppress all warnings, and pydicom's log."""
    was_disabled = LOGGER.disabled
    LOGGER.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        LOGGER.disabled = was_disabled


def quiet_worker() -> AbstractContextManager[None]:
    """Suppress warnings in a worker process.

    A worker thread relies on `quiet_readers` in the thread that started it, because
    filters of warnings are shared between threads.
    """
    is_main = threading.current_thread() is threading.main_thread()
    return quiet_readers() if is_main else nullcontext()
