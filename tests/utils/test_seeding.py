import os
import random
import signal
import threading
from contextlib import suppress

import numpy as np
import pytest
import torch

from contrastive_clustering._utils.seeding import (
    derive_seed,
    draw_rows,
    draw_seed,
    make_generator,
    seeded_global_generators,
)


def draw():
    return random.random(), np.random.rand(), float(torch.rand(()))


def test_global_generators_are_seeded_and_restored():
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    expected = draw()
    random.seed(1), np.random.seed(1), torch.manual_seed(1)
    with seeded_global_generators(7):
        first = draw()
    assert first != expected
    with suppress(ZeroDivisionError), seeded_global_generators(7):
        assert draw() == first
        raise ZeroDivisionError
    assert draw() == expected


def test_numbers_depend_only_on_the_seed():
    drawn = []
    for before, seed in ((1, 7), (2, 7), (2, 8)):
        random.seed(before), np.random.seed(before), torch.manual_seed(before)
        with seeded_global_generators(seed):
            drawn.append(draw())
    assert drawn[0] == drawn[1]
    assert all(a != b for a, b in zip(drawn[1], drawn[2], strict=True))


def test_generators_of_other_devices_are_unchanged(monkeypatch):
    seeded = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    monkeypatch.setattr(torch.mps, "manual_seed", seeded.append)
    with seeded_global_generators(7):
        first = torch.rand(())
    with seeded_global_generators(7):
        assert torch.rand(()) == first
    assert seeded == []


def test_seeds_depend_on_each_key():
    seeds = {derive_seed(a, b) for a in range(10) for b in range(10)}
    assert len(seeds) == 100
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert derive_seed(3, 4) == derive_seed(3, 4)


def test_generators_are_reproducible():
    a, b = (torch.rand(3, generator=make_generator(5)) for _ in range(2))
    assert torch.equal(a, b)


def test_drawn_seeds_depend_only_on_the_generator():
    state = torch.get_rng_state()
    drawn = [[draw_seed(g) for _ in range(3)] for g in map(make_generator, (1, 1, 2))]
    assert drawn[0] == drawn[1]
    assert len({*drawn[0], *drawn[2]}) == 6
    assert torch.equal(torch.get_rng_state(), state)


class Elsewhere(torch.Generator):
    """A generator with numbers on a simulated GPU and its state on the host."""

    device = torch.device("cuda")


def test_seeds_are_drawn_without_synchronization(monkeypatch):
    class Unread:
        def __int__(self):
            raise AssertionError("the number was waited for")

    randint = torch.randint

    def elsewhere(*args, device, **kwargs):
        assert device.type == "cuda"
        randint(*args, **kwargs)
        return Unread()

    monkeypatch.setattr(torch, "randint", elsewhere)
    drawn = []
    for seed in (3, 3, 4):
        generator = Elsewhere()
        generator.manual_seed(seed)
        drawn.append([draw_seed(generator) for _ in range(4)])
    assert drawn[0] == drawn[1]
    assert len({*drawn[0], *drawn[2]}) == 8


def test_rows_are_drawn_only_if_there_are_too_many():
    assert draw_rows(3, 3, np.random.RandomState(0)).tolist() == [0, 1, 2]
    drawn = draw_rows(100, 10, np.random.RandomState(0))
    assert len(set(drawn.tolist())) == 10
    assert (np.diff(drawn) > 0).all()
    assert drawn.max() < 100
    again = draw_rows(100, 10, np.random.RandomState(0))
    assert drawn.tolist() == again.tolist()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_forks_wait_until_the_generators_are_restored():
    stop = threading.Event()

    def borrow():
        while not stop.is_set():
            with seeded_global_generators(0):
                torch.rand(1000)

    thread = threading.Thread(target=borrow)
    thread.start()
    statuses = []
    try:
        for _ in range(20):
            child = os.fork()
            if child == 0:
                signal.alarm(20)  # ends a child that waits for the lock
                with seeded_global_generators(1):
                    torch.rand(10)
                os._exit(0)
            statuses.append(os.waitpid(child, 0)[1])
    finally:
        stop.set()
        thread.join()
    assert statuses == [0] * 20
