"""Tables and sentences of the lesson on large steps: numbers in, HTML or words out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nndl_core.config import RunConfig
from nndl_core.large_steps import DeathRate, Deaths
from pages.ui.number_table import NOTHING, table


def deaths_table(deaths: Deaths, config: RunConfig) -> str:
    """Show loss, accuracy and dead units after each update, a dead layer marked."""
    names = [f"fc{at + 1}" for at in range(len(config.hidden))]
    rows = []
    scores = zip(deaths.train_loss, deaths.train_accuracy, deaths.dead.tolist(), strict=True)
    for at, (loss, accuracy, dead) in enumerate(scores):
        cells = [
            f"<b>{count:g} of {width}</b>" if count == width else f"{count:g} of {width}"
            for count, width in zip(dead, config.hidden, strict=True)
        ]
        rows.append([str(at), *cells, _finite(loss), f"{accuracy:.4f}"])
    caption = "Dead units, exactly flat on the whole training set; a dead layer is bold"
    return table(["updates", *names, "train loss", "train accuracy"], rows, caption)


def _finite(loss: float) -> str:
    return f"{loss:.5g}" if math.isfinite(loss) else "not finite"


def deaths_sentence(deaths: Deaths, config: RunConfig, rate: float, large: int) -> str:
    """Say which layers died after which update, and what that leaves."""
    start, end = deaths.dead[0].sum(), deaths.dead[-1].sum()
    updates = len(deaths.dead) - 1
    goes_on = large < updates and rate != config.learning_rate
    after = f", then {config.learning_rate:g}" if goes_on else ""
    parts = [
        f"{_count(large, 'step').capitalize()} with learning rate {rate:g}{after}. Dead hidden "
        f"units: {start:g} of {sum(config.hidden)} at the start, {end:g} after "
        f"{_count(updates, 'update')}."
    ]
    if deaths.diverged:
        parts.append("Then the run diverged: its numbers are no longer finite, and it stops here.")
    parts.append(_layers_words(_deaths(deaths, config.hidden)))
    if (deaths.dead[1:] < deaths.dead[:-1]).any():
        parts.append("Some units came back: the layers before them still moved their inputs.")
    return " ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"one {noun}" if number == 1 else f"{number} {noun}s"


def _layers_words(died: dict[str, int]) -> str:
    """Say when layers died, and which gradients are exactly 0 from then on."""
    if not died:
        return "No whole layer is dead at the end."
    when = [f"{n} {f'after update {at}' if at else 'before training'}" for n, at in died.items()]
    last = list(died)[-1]
    reach = "fc1" if last == "fc1" else f"fc1 to {last}"
    return (
        f"Whole layers died: {', '.join(when)}. Since then {reach} have a gradient of exactly 0, "
        "so no learning rate brings them back."
    )


def _deaths(deaths: Deaths, widths: Sequence[int]) -> dict[str, int]:
    """Return the layers that are dead at the end, with the update that killed them for good."""
    found = {}
    for at, (column, width) in enumerate(zip(deaths.dead.T.tolist(), widths, strict=True)):
        lasting = len(column)
        while lasting and column[lasting - 1] == width:
            lasting -= 1
        if lasting < len(column):
            found[f"fc{at + 1}"] = lasting
    return found


def rates_table(rows: Sequence[DeathRate]) -> str:
    """Show for each learning rate how many runs lost a layer, and how many units died."""
    header = ["learning rate", "a layer died", "units that died", "diverged", "seeds"]
    body = [
        [
            f"{row.learning_rate:g}",
            f"{row.layer_died:.0%}",
            f"{row.units_died:.2f} of {row.units}",
            f"{row.diverged:.0%}" if row.diverged else NOTHING,
            str(row.n),
        ]
        for row in rows
    ]
    return table(header, body, "Shares of the runs; mean count of units")


def rates_sentence(rows: Sequence[DeathRate], steps: int) -> str:
    """Say from which learning rate on most runs lose a layer."""
    half = next((row for row in rows if row.layer_died >= 0.5), None)
    first, last = rows[0], rows[-1]
    opening = (
        f"After {_count(steps, 'step')}, {first.layer_died:.0%} of the runs have lost a whole "
        f"layer with learning rate {first.learning_rate:g}, and {last.layer_died:.0%} with "
        f"{last.learning_rate:g}."
    )
    if half is None:
        return f"{opening} At no rate do half of the runs lose one."
    return f"{opening} The first rate at which at least half lose one is {half.learning_rate:g}."
