"""What the buttons above live charts drive: play, pause, one step, reset; every click once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from pages.ui.server.shares import SHARES

SLICE_SECONDS = 0.04
BAND_SECONDS = 0.03
"""Of every tick, for the further seeds of a band: the run itself goes on beside them."""


class Player(ABC):
    """One run or several that play to one clock; work happens only inside the page's calls."""

    def __init__(self) -> None:
        self.playing = False
        self.messages: list[str] = []
        self.ticket = self.used_ticket = 0
        self.clocked = False  # whether the clock of the page ticks
        self.button_says_pause = False
        self.chosen_speed = ""  # by the user; empty: the usual one

    @property
    @abstractmethod
    def epochs(self) -> int:
        """How many epochs a whole run has."""

    @property
    @abstractmethod
    def finished(self) -> bool:
        """Whether nothing is left to train."""

    @abstractmethod
    def start_again(self) -> None:
        """Go back to the first weights: the same seeds give the same weights."""

    @abstractmethod
    def advance(self, epochs: int, seconds: float) -> None:
        """Train this many epochs, or what the time holds."""

    @abstractmethod
    def set_seeds(self, seeds: int) -> None:
        """Draw a band of this many further seeds around every run; 0 draws none."""

    @property
    @abstractmethod
    def banding(self) -> bool:
        """Whether seeds of a band are still to be trained."""

    @abstractmethod
    def advance_bands(self, seconds: float) -> None:
        """Train seeds of the bands for about this long."""

    @property
    def busy(self) -> bool:
        """Whether the picture changes by itself."""
        return self.playing or self.banding

    @property
    def ended(self) -> bool:
        """Whether the clock ticks for nothing, or the button offers to pause what has ended."""
        return self.clocked and not (self.playing if self.button_says_pause else self.busy)

    def next_ticket(self) -> int:
        """Return a number for the buttons that are drawn now."""
        self.ticket += 1
        return self.ticket

    def once(self, ticket: int, action: Callable[[], None]) -> None:
        """Do what a button asks, one time for each time that it was drawn.

        When the clock ticks in the browser just as a button is pressed, Streamlit sends the click
        with the tick as well and calls back twice.
        """
        if ticket > self.used_ticket:
            self.used_ticket = ticket
            action()

    def toggle_play(self) -> None:
        """Play or pause; what has finished starts again from the same seeds."""
        if not self.playing and self.finished:
            self.start_again()
        self.playing = not self.playing

    def step(self) -> None:
        """Train exactly one epoch and pause."""
        self.playing = False
        self.advance(1, SHARES.shortened(SLICE_SECONDS))

    def reset(self) -> None:
        """Pause at the first weights."""
        self.playing = False
        self.start_again()

    def tick(self, epochs: int) -> None:
        """Train one frame's worth: this many epochs, or what a slice of time holds."""
        if self.playing:
            self.advance(epochs, SHARES.shortened(SLICE_SECONDS))
            self.playing = not self.finished
        self.advance_bands(SHARES.shortened(BAND_SECONDS))

    def take_messages(self) -> list[str]:
        """Return the sentences that wait to be shown, once."""
        messages, self.messages = self.messages, []
        return messages
