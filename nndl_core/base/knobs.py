"""How a setting is declared, checked and written: its knob, and the sentence for a wrong value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, get_args

from nndl_core.base.i18n import mark, tr

NOT_KNOWN = mark("{name}: {short} is not known; choose one of {allowed}.")
NOT_A_NUMBER = mark("{name}: {short} is not a number {bounds}.")
OUT_OF_RANGE = mark("{name}: {short} is out of range; allowed is {bounds}.")
NOT_WHOLE = mark("{name}: {short} must be a whole number {bounds}.")


class ConfigError(ValueError):
    """A setting that cannot be used; the text is one sentence for the person who set it."""


@dataclass(frozen=True)
class Knob:
    """What is allowed for one setting, and how it is shown."""

    label: str
    help: str
    low: float | None = None
    high: float | None = None
    unit: str = ""
    log: bool = False
    choices: tuple[str, ...] = ()
    whole: bool = False

    @property
    def bounds(self) -> str:
        """Say from where to where the setting goes."""
        return tr("from {low:g} to {high:g}", low=self.low, high=self.high)

    def checked(self, name: str, value: Any) -> Any:
        """Return a value as a config holds it; raise ConfigError that names the setting."""
        if self.choices:
            if value in self.choices:
                return value
            allowed = ", ".join(self.choices)
            raise ConfigError(tr(NOT_KNOWN, name=name, short=short(value), allowed=allowed))
        if fault := self._fault(value):
            raise ConfigError(tr(fault, name=name, short=short(value), bounds=self.bounds))
        return int(value) if self.whole else float(value)

    def _fault(self, value: Any) -> str:
        """Return the sentence that refuses a value of a setting without choices, empty if none."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return NOT_A_NUMBER
        assert self.low is not None
        assert self.high is not None
        if not self.low <= value <= self.high:  # so written, NaN is out of range too
            return OUT_OF_RANGE
        return NOT_WHOLE if self.whole and value != int(value) else ""

    def read(self, name: str, text: str) -> Any:
        """Read a value written as text, without its bounds; raise ConfigError for no number."""
        if self.choices:
            return text
        try:
            number = float(text)
        except ValueError:
            words = tr(NOT_A_NUMBER, name=name, short=short(text), bounds=self.bounds)
            raise ConfigError(words) from None
        return int(number) if self.whole and number.is_integer() else number


def knob(
    default: Any,
    label: str,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    unit: str = "",
    log: bool = False,
    names: Any = None,
) -> Any:
    """Declare a field of RunConfig together with its Knob; ``names`` is a Literal of choices."""
    choices = get_args(names) if names is not None else ()
    meta = Knob(label, help, low, high, unit, log, choices, whole=isinstance(default, int))
    return field(default=default, metadata={"knob": meta})


def short(value: Any) -> str:
    """Write a refused value for a sentence, in at most 40 characters."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of 5000 digits, a list in 900 lists
        text = tr("a huge {type}", type=type(value).__name__)
    return text if len(text) <= 40 else text[:37] + "..."
