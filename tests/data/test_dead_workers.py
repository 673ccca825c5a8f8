"""Errors of dead data-loading workers name the cause of death."""

import os
import pickle
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from torch.utils.data import Dataset

from contrastive_clustering import ContrastiveAutoencoderClusterer
from contrastive_clustering._data.dead_workers import explain_dead_workers

DIED = "DataLoader worker (pid(s) 7) exited unexpectedly"


@pytest.mark.parametrize(
    ("codes", "method", "message"),
    [
        ([None, -9], "fork", "was killed by the signal SIGKILL.*memory ran out.*Lower"),
        ([-signal.SIGSEGV], "fork", "was killed by the signal SIGSEGV"),
        ([-200], "fork", "was killed by the signal 200"),
        ([0, 1], "fork", "failed with the exit code 1, which is not a signal"),
        (
            [1],
            "spawn",
            "exit code 1.*'spawn' import the data set.*not in a note",
        ),
        ([None], "spawn", "died unexpectedly.*import the data set.*num_workers=0"),
        ([], "fork", "died unexpectedly.*lower iterator_train__num_workers"),
    ],
)
def test_messages_name_the_cause_of_death(codes, method, message, monkeypatch):
    monkeypatch.setattr("multiprocessing.get_start_method", lambda: method)
    with (
        pytest.raises(RuntimeError, match=rf"num_workers=2.*{message}") as refused,
        explain_dead_workers(2, lambda: codes),
    ):
        raise RuntimeError(DIED)
    is_signal = "memory" in str(refused.value)
    assert is_signal == (not any(code and code > 0 for code in codes))


@pytest.mark.filterwarnings("ignore:Got pickle error")
def test_a_data_set_that_cannot_be_sent_names_the_start_method_that_was_set():
    class Local(Dataset):
        def __len__(self):
            return 150

        def __getitem__(self, index):
            return np.full((8, 8), float(index))

    clusterer = ContrastiveAutoencoderClusterer(
        iterator_train__num_workers=1,
        iterator_train__multiprocessing_context="spawn",
        max_epochs=1,
    )
    with pytest.raises(TypeError, match="Workers started by the method 'spawn'"):
        clusterer.fit(Local())


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("shapes differ"),
        RuntimeError("Caught RuntimeError in DataLoader worker process 0."),
        AttributeError("no such attribute"),
        TypeError("cannot add"),
    ],
)
def test_other_errors_are_unchanged(error):
    with (
        pytest.raises(type(error)) as found,
        explain_dead_workers(1, lambda: [1]),
    ):
        raise error
    assert found.value is error


def test_data_sets_that_cannot_be_sent_are_named():
    class Local(Dataset):
        pass

    with (
        pytest.raises(
            TypeError, match=r"num_workers=1.*X cannot be sent.*in a module, not in"
        ),
        explain_dead_workers(1, list),
    ):
        pickle.dumps(Local())


class Leaving(Dataset):
    """Ends the process that reads it, unless that process created it."""

    def __init__(self):
        self.pid = os.getpid()

    def __len__(self):
        return 150

    def __getitem__(self, index):
        if os.getpid() != self.pid:
            os._exit(3)
        return np.full((8, 8), float(index))


def test_exit_codes_are_not_reported_as_signals():
    clusterer = ContrastiveAutoencoderClusterer(
        2, max_epochs=1, iterator_train__num_workers=1
    )
    with pytest.raises(
        RuntimeError, match="exit code 3, which is not a signal"
    ) as died:
        clusterer.fit(Leaving())
    assert "memory" not in str(died.value)


@pytest.mark.slow
def test_classes_that_workers_cannot_import_are_explained(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
        import multiprocessing
        import numpy as np, torch
        from contrastive_clustering import ContrastiveAutoencoderClusterer

        if __name__ == "__main__":
            class Files(torch.utils.data.Dataset):
                def __len__(self): return 150
                def __getitem__(self, index): return np.full((8, 8), float(index))

            multiprocessing.set_start_method("spawn")
            clusterer = ContrastiveAutoencoderClusterer(2, max_epochs=1)
            clusterer.set_params(iterator_train__num_workers=1).fit(Files())
        """)
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=False
    )
    last = done.stderr.strip().splitlines()[-1]
    assert "RuntimeError: A data-loading worker (num_workers=1) failed" in last
    assert "'spawn' import the data set" in last
    assert "memory" not in last
