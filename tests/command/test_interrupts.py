import signal
import threading
from contextlib import suppress

import pytest

from contrastive_clustering._command.interrupts import (
    Interrupted,
    TrainingInterrupted,
    interruptible,
    training_begun,
)


def test_ctrl_c_is_not_a_keyboard_interrupt():
    before = signal.getsignal(signal.SIGINT)
    # The training catches a KeyboardInterrupt.
    with pytest.raises(Interrupted), interruptible(), suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
    assert not issubclass(Interrupted, Exception | KeyboardInterrupt)


def test_keyboard_interrupts_of_other_origins_also_end_the_command():
    with pytest.raises(Interrupted), interruptible():
        raise KeyboardInterrupt


@pytest.mark.parametrize("error", [Interrupted, KeyboardInterrupt])
def test_interruptions_of_the_training_are_told_apart(error):
    with pytest.raises(TrainingInterrupted), interruptible(), training_begun():
        raise error


def test_other_threads_leave_the_handler_alone():
    seen = []

    def work():
        with interruptible():
            seen.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
