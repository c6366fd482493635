"""Tables and sentences of the lesson on large steps: numbers in, HTML or words out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import sentences, tr, trn
from nndl_core.studies.large_steps import DeathRate, Deaths
from pages.ui.widgets.number_table import NOTHING, table


def deaths_table(deaths: Deaths, config: RunConfig) -> str:
    """Show loss, accuracy and dead units after each update, a dead layer marked."""
    names = [f"fc{at + 1}" for at in range(len(config.hidden))]
    rows = []
    scores = zip(deaths.train_loss, deaths.train_accuracy, deaths.dead.tolist(), strict=True)
    for at, (loss, accuracy, dead) in enumerate(scores):
        cells = [
            f"<b>{_of(count, width)}</b>" if count == width else _of(count, width)
            for count, width in zip(dead, config.hidden, strict=True)
        ]
        rows.append([str(at), *cells, _finite(loss), f"{accuracy:.4f}"])
    caption = tr("Dead units, exactly flat on the whole training set; a dead layer is bold")
    return table([tr("updates"), *names, tr("train loss"), tr("train accuracy")], rows, caption)


def _of(count: float, width: int) -> str:
    return tr("{n:g} of {all}", n=count, all=width)


def _finite(loss: float) -> str:
    return f"{loss:.5g}" if math.isfinite(loss) else tr("not finite")


def deaths_sentence(deaths: Deaths, config: RunConfig, rate: float, large: int) -> str:
    """Say which layers died after which update, and what that leaves."""
    start, end = deaths.dead[0].sum(), deaths.dead[-1].sum()
    updates = len(deaths.dead) - 1
    goes_on = large < updates and rate != config.learning_rate
    rates = f"{rate:g}"
    if goes_on:
        rates = tr("{rate:g}, then {next:g}", rate=rate, next=config.learning_rate)
    parts = [
        trn(
            "One step with learning rate {rates}.",
            "{n} steps with learning rate {rates}.",
            large,
            rates=rates,
        ),
        trn(
            "Dead hidden units: {start:g} of {all} at the start, {end:g} after one update.",
            "Dead hidden units: {start:g} of {all} at the start, {end:g} after {n} updates.",
            updates,
            start=start,
            all=sum(config.hidden),
            end=end,
        ),
    ]
    if deaths.diverged:
        parts.append(
            tr("Then the run diverged: its numbers are no longer finite, and it stops here.")
        )
    parts.append(_layers_words(_deaths(deaths, config.hidden)))
    if (deaths.dead[1:] < deaths.dead[:-1]).any():
        parts.append(tr("Some units came back: the layers before them still moved their inputs."))
    return sentences(*parts)


def _layers_words(died: dict[str, int]) -> str:
    """Say when layers died, and which gradients are exactly 0 from then on."""
    if not died:
        return tr("No whole layer is dead at the end.")
    when = [
        tr("{layer} after update {at}", layer=n, at=at)
        if at
        else tr("{layer} before training", layer=n)
        for n, at in died.items()
    ]
    last = list(died)[-1]
    reach = "fc1" if last == "fc1" else tr("fc1 to {last}", last=last)
    return tr(
        "Whole layers died: {layers}. Since then {reach} have a gradient of exactly 0, so no "
        "learning rate brings them back.",
        layers=tr(", ").join(when),
        reach=reach,
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
    header = [
        tr("learning rate"),
        tr("a layer died"),
        tr("units that died"),
        tr("diverged"),
        tr("seeds"),
    ]
    body = [
        [
            f"{row.learning_rate:g}",
            f"{row.layer_died:.0%}",
            tr("{n:.2f} of {all}", n=row.units_died, all=row.units),
            f"{row.diverged:.0%}" if row.diverged else NOTHING,
            str(row.n),
        ]
        for row in rows
    ]
    return table(header, body, tr("Shares of the runs; mean count of units"))


def rates_sentence(rows: Sequence[DeathRate], steps: int) -> str:
    """Say from which learning rate on most runs lose a layer."""
    half = next((row for row in rows if row.layer_died >= 0.5), None)
    first, last = rows[0], rows[-1]
    opening = trn(
        "After one step, {low:.0%} of the runs have lost a whole layer with learning rate "
        "{low_rate:g}, and {high:.0%} with {high_rate:g}.",
        "After {n} steps, {low:.0%} of the runs have lost a whole layer with learning rate "
        "{low_rate:g}, and {high:.0%} with {high_rate:g}.",
        steps,
        low=first.layer_died,
        low_rate=first.learning_rate,
        high=last.layer_died,
        high_rate=last.learning_rate,
    )
    if half is None:
        return sentences(opening, tr("At no rate do half of the runs lose one."))
    ending = tr(
        "The first rate at which at least half lose one is {rate:g}.", rate=half.learning_rate
    )
    return sentences(opening, ending)
