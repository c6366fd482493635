"""What is sent to the browser of a figure: plain JSON, whatever numbers it was made of."""

import json
import math

import numpy as np
from streamlit.testing.v1 import AppTest

from pages.ui.widgets.figure import plain


def test_arrays_and_numbers_of_numpy_become_json_and_gaps() -> None:
    figure = {
        "data": [{"x": np.arange(3), "y": np.array([1.5, math.nan, math.inf])}],
        "layout": {"shown": np.bool_(True), "size": (np.float32(0.5), np.int64(7), -math.inf)},
        1: None,
    }
    text = json.dumps(plain(figure), allow_nan=False)
    assert json.loads(text) == {
        "data": [{"x": [0, 1, 2], "y": [1.5, None, None]}],
        "layout": {"shown": True, "size": [0.5, 7, None]},
        "1": None,
    }


def page() -> None:
    from nndl_core.charts.figures import differences
    from pages.ui.widgets.figure import draw_figure

    draw_figure(differences([0.1, float("nan")], "difference"), key="figure", alt="One dot")


def test_a_page_can_draw_a_figure() -> None:
    app = AppTest.from_function(page, default_timeout=30).run()
    assert not app.exception
