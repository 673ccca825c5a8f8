import logging
import threading
import warnings

from contrastive_clustering._images.quiet import quiet_readers, quiet_worker


def complain():
    warnings.warn("Doe^Jane", stacklevel=1)
    logging.getLogger("pydicom").warning("Doe^Jane")


def test_warnings_and_logs_are_suppressed_and_restored(recwarn, caplog):
    for quiet in (quiet_readers, quiet_worker):
        with quiet():
            complain()
    assert not recwarn.list
    assert not caplog.records
    complain()
    assert len(recwarn.list) == len(caplog.records) == 1


def test_worker_threads_do_not_change_filters(recwarn):
    filters = []

    def work():
        with quiet_worker():
            filters.append(list(warnings.filters))

    before = list(warnings.filters)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert filters == [before]
    assert warnings.filters == before
