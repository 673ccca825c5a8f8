import io
import sys
from types import ModuleType

import pytest
from joblib import parallel_config

from contrastive_clustering._utils import progress as _progress
from contrastive_clustering._utils.progress import Progress, in_notebook, run_tasks


class Terminal(io.StringIO):
    def isatty(self):
        return True


def open_terminal(monkeypatch):
    """Replace stderr by a terminal; as a fixture, pytest would undo it."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    return terminal


@pytest.fixture
def notebook(monkeypatch):
    """Imitate a Jupyter kernel, whose stream is not a terminal."""

    class ZMQInteractiveShell:
        pass

    class Shell(ZMQInteractiveShell):  # as Colab derives its own
        pass

    ipython = ModuleType("IPython")
    ipython.get_ipython = Shell
    monkeypatch.setitem(sys.modules, "IPython", ipython)


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that only advances on request."""
    seconds = [100.0]
    monkeypatch.setattr(_progress, "monotonic", lambda: seconds[0])

    def wait(passed):
        seconds[0] += passed

    return wait


def run(total, wait, seconds, said=None, **others):
    with Progress("training", total, "epoch", verbose=1, **others) as progress:
        for n in range(progress.n + 1, total + 1):
            wait(seconds)
            progress.reach(n, said)


def test_a_log_gets_a_line_at_each_tenth(clock, capsys):
    run(30, clock, 1, {"loss": "2.310", "kl_loss": "0.100"})
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert "\r" not in err
    assert lines[0] == "training 3/30 epochs, loss 2.310, kl_loss 0.100, 00:27 left"
    assert lines[-1] == "training 30/30 epochs, loss 2.310, kl_loss 0.100, after 00:30"
    assert [line.split("/")[0] for line in lines] == [
        f"training {n}" for n in range(3, 31, 3)
    ]


def test_a_log_gets_a_line_after_a_long_silence(clock, capsys):
    run(1000, lambda seconds: clock(200), 0)
    lines = capsys.readouterr().err.splitlines()
    # At 200 s per step, two steps exceed 300 s. Each tenth of the task restarts the
    # count, at an even step.
    assert len(lines) == 500
    assert lines[0] == "training 2/1000 epochs, 55:26:40 left"
    run(1000, lambda seconds: clock(1), 0)
    assert len(capsys.readouterr().err.splitlines()) == 10


def test_the_time_left_is_estimated_from_the_steps_of_this_run(clock, capsys):
    run(30, clock, 2, n_done=20)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "training 21/30 epochs, 00:18 left"
    assert lines[-1] == "training 30/30 epochs, after 00:20"


def test_the_last_step_of_an_aborted_task_is_shown(clock, capsys):
    def break_off():
        with Progress("training", 100, "epoch", verbose=1) as progress:
            progress.reach(10)
            progress.reach(15)
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    assert [line[:15] for line in capsys.readouterr().err.splitlines()] == [
        "training 10/100",
        "training 15/100",
    ]


def test_an_unknown_total_and_short_numbers(clock, capsys):
    with Progress("download", None, "byte", verbose=1, scaled=True) as progress:
        progress.reach(1_000)
        clock(301)
        progress.reach(1_230_000)
        progress.reach(2_000_000)
    assert capsys.readouterr().err.splitlines() == [
        "download 1.23M bytes, after 05:01",
        "download 2.00M bytes, after 05:01",
    ]


@pytest.mark.parametrize("n_done", [0, 1])
def test_a_terminal_gets_a_bar(monkeypatch, n_done):
    terminal = open_terminal(monkeypatch)
    with Progress("training", 3, "epoch", verbose=1, n_done=n_done) as progress:
        progress.reach(2, {"loss": "2.310"})
        progress.reach(3, {"loss": "1.150"})
    shown = terminal.getvalue().split("\r")
    assert len(shown) > 1
    assert f"{n_done}/3" in shown[1]
    assert "3/3" in shown[-1]
    assert "loss=1.150" in shown[-1]


@pytest.mark.usefixtures("notebook")
def test_a_notebook_gets_a_bar(capsys):
    assert in_notebook()
    with Progress("training", 2, "epoch", verbose=1) as progress:
        progress.reach(2)
    assert "\rtraining: 100%" in capsys.readouterr().err


def test_pytest_is_not_a_notebook(monkeypatch):
    assert not in_notebook()
    ipython = ModuleType("IPython")
    ipython.get_ipython = lambda: None  # IPython is imported, but no shell runs
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert not in_notebook()


def test_nothing_is_shown_by_default(monkeypatch):
    terminal = open_terminal(monkeypatch)

    def show(verbose):
        with Progress("training", 2, "epoch", verbose=verbose) as progress:
            progress.reach(1)
            progress.reach(2)
            assert progress.n == 2

    show(0)
    monkeypatch.setattr(_progress, "rank", lambda: 1)  # the first process shows it
    show(1)
    assert terminal.getvalue() == ""
    monkeypatch.setattr(_progress, "rank", lambda: 0)
    show(1)
    assert terminal.getvalue() != ""
    monkeypatch.setattr(sys, "stderr", None)  # as in programs without a console
    show(1)


@pytest.mark.parametrize(("n_jobs", "backend"), [(None, "loky"), (2, "threading")])
def test_tasks_are_counted_and_keep_their_order(capsys, n_jobs, backend):
    with (
        parallel_config(backend=backend),
        Progress("work", 6, "task", verbose=1) as progress,
    ):
        progress.reach(1)
        results = run_tasks(
            pow, [(n, 2) for n in range(5)], n_jobs=n_jobs, progress=progress
        )
    assert results == [0, 1, 4, 9, 16]
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[1] for line in lines] == [f"{n}/6" for n in range(1, 7)]


def test_errors_of_tasks_are_raised():
    with (
        Progress("work", 1, "task", verbose=0) as progress,
        pytest.raises(ZeroDivisionError),
    ):
        run_tasks(divmod, [(1, 0)], n_jobs=None, progress=progress)


class WriteOnly:
    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text


class Failing(WriteOnly):
    def isatty(self):
        raise OSError("it is gone")

    def write(self, text):
        raise BrokenPipeError("it is gone")


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("make", [WriteOnly, Failing, closed, lambda: None, object])
def test_limited_streams_do_not_abort_a_task(make, clock, monkeypatch):
    monkeypatch.setattr(sys, "stderr", make())
    run(10, clock, 1)
    if make is WriteOnly:
        assert "training 10/10 epochs" in sys.stderr.text


def test_closed_streams_do_not_abort_a_task(clock, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with Progress("training", 10, "epoch", verbose=1) as progress:
        sys.stderr = None
        clock(1)
        progress.reach(10)
