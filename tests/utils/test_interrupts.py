import signal
import threading

import pytest

from contrastive_clustering._utils.interrupts import record_interrupts


@pytest.mark.usefixtures("ctrl_c")
def test_interrupts_are_recorded_and_passed_on():
    previous = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), record_interrupts() as seen:
        signal.raise_signal(signal.SIGINT)
    assert seen == [signal.SIGINT]
    assert signal.getsignal(signal.SIGINT) is previous


def test_other_interrupts_are_not_recorded():
    with pytest.raises(KeyboardInterrupt), record_interrupts() as seen:
        raise KeyboardInterrupt
    assert seen == []


def test_other_handlers_and_other_threads_are_unchanged():
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with record_interrupts() as seen:
            assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
            signal.raise_signal(signal.SIGINT)
        assert seen == []
    finally:
        signal.signal(signal.SIGINT, previous)

    def in_thread():
        with record_interrupts():
            handlers.append(signal.getsignal(signal.SIGINT))

    handlers = []
    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
    assert handlers == [previous]
