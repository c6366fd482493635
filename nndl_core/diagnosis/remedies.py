"""Cures: the config changes that a diagnosis offers, best first, and the tempting wrong one.

The textbook's single changes bring a gradient back and rarely cure: of 20 sigmoid networks with
weights of .01, ReLU alone cured none, and ReLU with He's weights and bias 0 all that are 8 wide. So
the first remedy changes together what the mechanism names, and the second one setting only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from nndl_core.base.config import KNOBS, RunConfig
from nndl_core.base.i18n import mark
from nndl_core.diagnosis.changes import in_range, is_generated, longer, only_weights, wider
from nndl_core.diagnosis.facts import Disease, Finding
from nndl_core.diagnosis.offers import OFFERS, Remedy, another_start

__all__ = ["OFFERS", "Remedy", "remedies_for", "remedy_between", "tempting_fix"]

Fix = Callable[[RunConfig, Finding], Remedy | None]
OF_THE_DATA: tuple[Disease, ...] = ("linear_network", "unscaled_inputs")
"""Where other first weights are no remedy whatever else cannot be changed."""


def remedies_for(
    config: RunConfig, finding: Finding, *, made_to_order: bool = True
) -> list[Remedy]:
    """Return what may cure a disease, best first; empty for a run that no setting can help.

    One of the first two changes a single setting. made_to_order is whether more data of the same
    kind can be had.
    """
    if finding.disease not in OFFERS:
        return []
    found: list[Remedy] = []
    for remedy in (r.pruned(config) for r in OFFERS[finding.disease](config, finding)):
        useless = "points" in remedy.change and not (made_to_order and is_generated(config))
        if remedy.change and not useless and all(remedy.change != f.change for f in found):
            found.append(remedy)
    singles = [remedy for remedy in found if len(remedy.change) == 1]
    if not singles and finding.disease not in OF_THE_DATA:
        singles = [another_start(config)]
    kept_first = [*found[:1], *singles[:1], *found[1:]]
    return [r for at, r in enumerate(kept_first) if r not in kept_first[:at]]


def tempting_fix(config: RunConfig, finding: Finding) -> Remedy | None:
    """Return the change that many try first and that does not cure, None if there is none."""
    make = _FIXES.get(finding.disease)
    found = make(config, finding) if make is not None else None
    found = found.pruned(config) if found is not None else None
    return found if found is not None and found.change else None


def _just_relu(config: RunConfig, finding: Finding) -> Remedy | None:
    if not only_weights(config):  # of the right size: then the activation may be the reason
        return None
    return Remedy(
        mark("just ReLU"),
        mark(
            "ReLU passes positive values as they are and makes negative ones 0: weights that are "
            "too small go on shrinking the signal."
        ),
        {"activation": "relu"},
    )


def _just_smaller_steps(config: RunConfig, finding: Finding) -> Remedy | None:
    if not finding.born:  # then long steps are the cause
        return None
    why = {
        "unscaled_inputs": mark("The sums in the first layer stay as large as the inputs are."),
        "exploding_gradient": mark(
            "The first gradients are of the size that the weights made them."
        ),
    }
    change = {"learning_rate": in_range(config.learning_rate / 10)}
    return Remedy(mark("just a smaller learning rate"), why[finding.disease], change)


def _just_leaky(config: RunConfig, finding: Finding) -> Remedy:
    return Remedy(
        mark("just Leaky ReLU"),
        mark(
            "Below zero a slope of 0.01 is left: the gradient is no longer 0, but every dead "
            "layer makes it a hundred times smaller."
        ),
        {"activation": "leaky_relu", "slope": 0.01},
    )


def _more_units(why: str) -> Fix:
    return lambda config, finding: Remedy(mark("more units"), why, wider(config))


def _more_epochs(why: str) -> Fix:
    return lambda config, finding: Remedy(mark("more epochs"), why, longer(config, 3))


def _more_lines(config: RunConfig, finding: Finding) -> Remedy | None:
    if not config.hidden or len(config.hidden) >= config.most_layers:
        return _more_epochs(mark("A straight line stays straight."))(config, finding)
    return Remedy(
        mark("more layers"),
        mark("Straight lines one after another are one straight line."),
        {"hidden": (*config.hidden, config.hidden[-1])},
    )


_FIXES: dict[Disease, Fix] = {
    "symmetric_weights": _more_units(mark("Equal units stay one unit.")),
    "vanishing_gradient": _just_relu,
    "exploding_gradient": _just_smaller_steps,
    "dying_relu": _just_leaky,
    "saturation": _more_epochs(mark("A flat slope stays flat.")),
    "slow_convergence": _more_units(mark("Each of them moves as little.")),
    "oscillating_loss": _more_epochs(mark("Steps that jump over the valley go on jumping.")),
    "overfitting": _more_epochs(mark("The gap is what further epochs make.")),
    "stalled": _more_epochs(mark("Where the gradient is near 0, further steps lead nowhere.")),
    "linear_network": _more_lines,
    "unscaled_inputs": _just_smaller_steps,
}


def remedy_between(config: RunConfig, cured: RunConfig) -> Remedy:
    """Return the offer that leads from a config to another, by whatever disease it is made.

    A change that is nobody's offer is a remedy without a reason.
    """
    change = {n: getattr(cured, n) for n in KNOBS if getattr(cured, n) != getattr(config, n)}
    for disease in OFFERS:
        for best in (None, cured.epochs, cured.epochs // 2):  # where overfitting is told to stop
            for born in (False, True):
                finding = Finding(disease, "severe", 0, best_epoch=best, born=born)
                offers = [*remedies_for(config, finding), tempting_fix(config, finding)]
                for offer in filter(None, offers):
                    if offer.applied(config) == cured:
                        return replace(offer, change=change)
    return Remedy(mark("Changed settings"), "", change)
