"""The one Streamlit component that draws all live charts of a run from binary frames."""

from collections.abc import Callable
from functools import partial
from typing import Final

import streamlit as st

from nndl_core.base.i18n import TAGS, language, mark, translated
from pages.ui.link import address
from pages.ui.server.plotly_asset import asset_folder

# Streamlit sends a component's script again with every frame, so it is only this loader;
# the files behind it are fetched once and cached by the browser.
_LOADER: Final = """
const live = import(new URL("{folder}/live/js/component.js", window.location.origin).href);
export default (component) => live.then((module) => module.default(component));
"""

SCALES: Final = {"loss": ("linear", "log"), "gradients": ("log", "linear")}
"""The charts that have a choice of scales, the usual one first; js/cards.js offers the same."""

TEXT: Final[dict[str, str]] = {
    "epoch": mark("Epoch"),
    "train_loss": mark("Train loss"),
    "dev_loss": mark("Dev loss"),
    "train_accuracy": mark("Train accuracy"),
    "dev_accuracy": mark("Dev accuracy"),
    "epochs_per_second": mark("Epochs/s"),
    "test_best": mark("Test, best on dev"),
    "test_last": mark("Test, last epoch"),
    "test_waiting": mark("at the end"),
    "test_note": mark("loss {loss}"),
    "test_epoch": mark("epoch {epoch}"),
    "status_ready": mark("ready"),
    "status_playing": mark("playing"),
    "status_paused": mark("paused"),
    "status_finished": mark("finished"),
    "status_diverged": mark("diverged"),
    "train": mark("train"),
    "dev": mark("dev"),
    "band_legend": mark("{k} of {n} seeds"),
    "band_diverged": mark("{k} diverged"),
    "linear": mark("linear"),
    "log": mark("log"),
    "reset_zoom": mark("reset zoom"),
    "epoch_axis": mark("epoch"),
    "loss_title": mark("Loss"),
    "loss_alt": mark("Line chart: loss of the train and dev set against the epoch"),
    "accuracy_title": mark("Accuracy"),
    "accuracy_alt": mark("Line chart: accuracy on the train and dev set against the epoch"),
    "boundary_title": mark("Decision boundary"),
    "boundary_alt": mark(
        "Map of the plane colored by the predicted class, with train and dev points"
    ),
    "border_legend": mark("boundary"),
    "gradients_title": mark("Gradient norms"),
    "gradients_alt": mark("Bar chart: L2 norm of the weight and bias gradient of each layer"),
    "gradients_axis": mark("L2 norm of the gradient"),
    "weights": mark("weights"),
    "bias": mark("bias"),
    "exact_zero": mark("exactly 0"),
    "not_finite": mark("not finite"),
    "weight_norm": mark("weight norm"),
    "update_ratio": mark("update / weight"),
    "changed_share": mark("weights changed by the update"),
    "activations_title": mark("Activations"),
    "activations_alt": mark("Distribution of the activations of each hidden layer"),
    "activations_axis": mark("value (each layer scaled to its own peak)"),
    "activations_hover": mark("{layer}: {share} between {low} and {high} · mean {mean}, sd {std}"),
    "mean_legend": mark("mean ± 1 sd"),
    "units_title": mark("Units"),
    "units_alt": mark("Dead units, distinct weights and flat outputs of each hidden layer"),
    "dead": mark("dead"),
    "distinct": mark("distinct weights"),
    "saturated": mark("flat outputs"),
    "of": mark("{k} of {n}"),
    # what a screen reader says of a chart after its title
    "curves_now": mark("At epoch {epoch}: train {train}, dev {dev}"),
    "boundary_now": mark("At epoch {epoch}: right on {train} of train, {dev} of dev"),
    "gradients_now": mark("At epoch {epoch}, gradient norms of the weights: {layers}"),
    "activations_now": mark("At epoch {epoch}, means: {layers}"),
    "percent": mark("{percent} %"),
    "no_hidden": mark(
        "No hidden layer, nothing to show here: the inputs go straight to the output."
    ),
}


def live_text() -> dict[str, str]:
    """Return what the component writes, in the reader's language, and the tag of that language."""
    return {"locale": TAGS[language()], **translated(TEXT)}


_component = st.components.v2.component(
    "nndl_live", js=_LOADER.format(folder=asset_folder()), isolate_styles=False
)


def draw_live(
    frame: bytes, *, key: str, on_full: Callable[[], None], on_end: Callable[[], None]
) -> None:
    """Draw one frame, in place, into the component of this key.

    The frame's text must hold every key of `live_text`. `on_full` is called when the browser lacks
    what the frame builds on (a new tab, a page that came back): send a full frame next.
    `on_end` is called when a run is seen to have finished or diverged: stop the clock there.
    Of frames that arrive close together the browser may see only the last one.
    """
    _component(
        key=key,
        data=frame,
        on_full_change=on_full,
        on_end_change=on_end,
        on_scale_change=partial(_link_scale, key),
    )


def _link_scale(key: str) -> None:
    """Have the link say the scale that a chart was switched to, where it is not the usual one."""
    chart, _, scale = str(st.session_state[key]["scale"]).partition(" ")
    if scale in SCALES.get(chart, ()):
        address.view(f"{chart}_scale", None if scale == SCALES[chart][0] else scale)
