"""The one keeper of the run history in this process: reached without loading the engine."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nndl_core.store.keeper import Keeper


@cache
def history_keeper() -> Keeper:
    """Return the one keeper of this process."""
    from nndl_core.store.keeper import Keeper  # half a second that no first page has to wait for

    return Keeper()
