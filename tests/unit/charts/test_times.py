"""Strips of times: what was interrupted is counted, not drawn."""

from nndl_core.charts.times import time_strips


def test_an_interrupted_measurement_is_counted_and_not_drawn() -> None:
    figure = time_strips({"slow": [2.0, 2.1, 50.0], "fast": [1.0, 1.1, 1.2]}, "seconds")
    dots = [trace["x"] for trace in figure["data"] if trace.get("error_x") is None]
    assert dots == [[2.0, 2.1], [1.0, 1.1, 1.2]]
    words = [note["text"] for note in figure["layout"]["annotations"]]
    assert "slow (1 above 6.3 s not drawn)" in words[0]
    assert "not drawn" not in words[1]
