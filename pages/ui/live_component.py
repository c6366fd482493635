"""The one Streamlit component that draws all live charts of a run from binary frames."""

from collections.abc import Callable
from typing import Final

import streamlit as st

from pages.ui.plotly_asset import asset_folder

# Streamlit sends a component's script again with every frame, so it is only this loader;
# the files behind it are fetched once and cached by the browser.
_LOADER: Final = """
const live = import(new URL("{folder}/live_component.js", window.location.origin).href);
export default (component) => live.then((module) => module.default(component));
"""

TEXT: Final[dict[str, str]] = {
    "locale": "en",  # of the numbers: a BCP 47 language tag
    "epoch": "Epoch",
    "train_loss": "Train loss",
    "dev_loss": "Dev loss",
    "train_accuracy": "Train accuracy",
    "dev_accuracy": "Dev accuracy",
    "epochs_per_second": "Epochs/s",
    "test_best": "Test, best on dev",
    "test_last": "Test, last epoch",
    "test_waiting": "at the end",
    "test_note": "loss {loss}",
    "test_epoch": "epoch {epoch}",
    "status_ready": "ready",
    "status_playing": "playing",
    "status_paused": "paused",
    "status_finished": "finished",
    "status_diverged": "diverged",
    "train": "train",
    "dev": "dev",
    "band_legend": "{k} of {n} seeds",
    "band_diverged": "{k} diverged",
    "linear": "linear",
    "log": "log",
    "reset_zoom": "reset zoom",
    "epoch_axis": "epoch",
    "loss_title": "Loss",
    "loss_alt": "Line chart: loss of the train and dev set against the epoch",
    "accuracy_title": "Accuracy",
    "accuracy_alt": "Line chart: accuracy on the train and dev set against the epoch",
    "boundary_title": "Decision boundary",
    "boundary_alt": "Map of the plane colored by the predicted class, with train and dev points",
    "border_legend": "boundary",
    "gradients_title": "Gradient norms",
    "gradients_alt": "Bar chart: L2 norm of the weight and bias gradient of each layer",
    "gradients_axis": "L2 norm of the gradient",
    "weights": "weights",
    "bias": "bias",
    "exact_zero": "exactly 0",
    "not_finite": "not finite",
    "weight_norm": "weight norm",
    "update_ratio": "update / weight",
    "changed_share": "weights changed by the update",
    "activations_title": "Activations",
    "activations_alt": "Distribution of the activations of each hidden layer",
    "activations_axis": "value (each layer scaled to its own peak)",
    "activations_hover": "{layer}: {share} between {low} and {high} · mean {mean}, sd {std}",
    "mean_legend": "mean ± 1 sd",
    "units_title": "Units",
    "units_alt": "Dead, distinct and saturated units of each hidden layer",
    "dead": "dead",
    "distinct": "distinct",
    "saturated": "saturated",
    "of": "{k} of {n}",
    # what a screen reader says of a chart after its title
    "curves_now": "At epoch {epoch}: train {train}, dev {dev}",
    "boundary_now": "At epoch {epoch}: right on {train} of train, {dev} of dev",
    "gradients_now": "At epoch {epoch}, norms of the weights: {layers}",
    "activations_now": "At epoch {epoch}, means: {layers}",
    "no_hidden": "No hidden layer, nothing to show here: the inputs go straight to the output.",
}

_component = st.components.v2.component(
    "nndl_live", js=_LOADER.format(folder=asset_folder()), isolate_styles=False
)


def draw_live(
    frame: bytes, *, key: str, on_full: Callable[[], None], on_end: Callable[[], None]
) -> None:
    """Draw one frame, in place, into the component of this key.

    The frame's text must hold every key of `TEXT`. `on_full` is called when the browser lacks
    what the frame builds on (a new tab, a page that came back): send a full frame next.
    `on_end` is called when a run is seen to have finished or diverged: stop the clock there.
    Of frames that arrive close together the browser may see only the last one.
    """
    _component(key=key, data=frame, on_full_change=on_full, on_end_change=on_end)
