"""How tabs share the processor: leases, intervals, slices, and the gate's order."""

import threading
import time

import pytest

from pages.ui.server.shares import LEASE_SECONDS, Gate, Shares


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def training(tabs: int, clock: Clock | None = None) -> Shares:
    shares = Shares(clock or Clock())
    for tab in range(tabs):
        shares.renew(f"tab {tab}")
    return shares


@pytest.mark.parametrize("seconds", [0.1, 0.3, 0.5, 1.0])
def test_alone_everything_is_as_it_was(seconds: float) -> None:
    for shares in (Shares(), training(1)):
        assert shares.stretched(seconds) == seconds
        assert shares.shortened(seconds) == seconds


def test_a_class_ticks_no_faster_than_a_server_can() -> None:
    """A lab has a clock of .1 s and two of 1 s; a process does about 120 ticks per second."""
    for tabs in (10, 30, 60, 100):
        shares = training(tabs)
        per_tab = 1 / shares.stretched(0.1) + 2 / shares.stretched(1.0)
        assert tabs * per_tab < 85
    assert 1 / training(30).stretched(0.1) > 1.5


def test_slices_share_one_core_and_never_vanish() -> None:
    assert training(10).shortened(0.3) == pytest.approx(0.03)
    assert training(100).shortened(0.04) == 0.01
    assert training(100).shortened(0.001) == 0.001


def test_a_tab_that_ticks_no_more_has_gone_after_its_lease() -> None:
    clock = Clock()
    shares = training(3, clock)
    clock.now = LEASE_SECONDS - 1
    shares.renew("tab 0")
    assert shares.count() == 3
    clock.now = LEASE_SECONDS + 1
    assert shares.count() == 1
    shares.release("tab 0")
    assert shares.count() == 1  # at least: whoever asks is there
    assert shares.stretched(0.1) == 0.1


def test_an_interval_is_changed_only_when_it_is_far_off() -> None:
    shares = training(30)
    interval = shares.stretched(0.1)
    assert shares.renewed(0.1, interval) == interval
    shares.renew("one more")
    assert shares.renewed(0.1, interval) == interval
    assert shares.renewed(0.1, 0.1) > shares.stretched(0.1)
    assert shares.renewed(0.1, 20.0) == shares.stretched(0.1)


def test_a_growing_class_changes_its_intervals_a_few_times() -> None:
    """Each change costs every tab a run of its page; a hundred tabs come one by one, and leave."""
    clock = Clock()
    shares, interval, changes = Shares(clock), 0.1, 0
    for tab in range(100):
        shares.renew(f"tab {tab}")
        before, interval = interval, shares.renewed(0.1, interval)
        changes += interval != before
        assert interval > shares.stretched(0.1) / 1.7
    assert changes <= 5
    clock.now = 60.0
    shares.renew("the last")
    assert shares.renewed(0.1, interval) == 0.1


def test_the_gate_lets_one_in_at_a_time_in_their_order() -> None:
    gate, inside, order = Gate(), [0], []

    def enter(number: int) -> None:
        with gate.turn():
            inside[0] += 1
            assert inside == [1]
            order.append(number)
            time.sleep(0.005)
            inside[0] -= 1

    threads = []
    with gate.turn():
        for number in range(8):
            threads.append(threading.Thread(target=enter, args=(number,)))
            threads[-1].start()
            until = time.monotonic() + 5
            while gate.waiting() <= number and time.monotonic() < until:
                time.sleep(0.001)
    for thread in threads:
        thread.join(5)
    assert order == list(range(8))


def test_an_error_inside_opens_the_gate() -> None:
    gate = Gate()
    with pytest.raises(ValueError, match="in there"), gate.turn():
        raise ValueError("in there")
    with gate.turn():
        pass


def test_a_page_goes_before_the_clocks_and_does_not_wait_for_ever() -> None:
    gate, order = Gate(), []

    def enter(name: str, urgent: bool) -> None:
        with gate.turn(urgent, 5.0):
            order.append(name)

    threads = []
    with gate.turn():
        with gate.turn(urgent=True, longest=0.01):  # held by another: goes on without a turn
            order.append("impatient")
        for number, urgent in enumerate((False, False, True)):
            name = "page" if urgent else "clock"
            threads.append(threading.Thread(target=enter, args=(name, urgent)))
            threads[-1].start()
            until = time.monotonic() + 5
            while gate.waiting() <= number and time.monotonic() < until:
                time.sleep(0.001)
    for thread in threads:
        thread.join(5)
    assert order == ["impatient", "page", "clock", "clock"]
    assert gate.waiting() == 0
    with gate.turn():
        pass
