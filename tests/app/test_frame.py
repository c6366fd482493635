"""The binary frame, read back by a decoder that shares no code with the encoder."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from nndl_core.base.config import RunConfig
from nndl_core.engine.runner import Runner
from nndl_core.engine.snapshot import curves, make_plane, take
from pages.ui.live import frame

Arrays = dict[str, NDArray[Any]]

numbers = st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
headers = st.dictionaries(st.text().filter(lambda name: name != "arrays"), values, max_size=6)
dtypes = st.sampled_from([np.float32, np.uint8, np.uint16])
shapes = npst.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=9)
tables = dtypes.flatmap(lambda dtype: npst.arrays(dtype, shapes))
many = st.dictionaries(st.text(min_size=1, max_size=8), tables, max_size=5)


def decoded(content: bytes) -> tuple[dict[str, Any], Arrays]:
    """Read a frame as the contract says it is laid out, and check every pad."""
    (length,) = struct.unpack_from("<I", content)
    assert (4 + length) % 8 == 0
    header = json.loads(content[4 : 4 + length].decode("utf-8"), parse_constant=pytest.fail)
    arrays, at = {}, 4 + length
    for entry in header.pop("arrays"):
        assert at % 8 == 0
        dtype = {"float32": "<f4", "uint8": "|u1", "uint16": "<u2"}[entry["dtype"]]
        count = int(np.prod(entry["shape"], dtype=int))
        array = np.frombuffer(content, dtype, count, at).reshape(entry["shape"])
        end = at + array.nbytes
        at = end + (8 - end % 8) % 8
        assert not any(content[end:at])
        arrays[entry["name"]] = array
    assert at == len(content)
    return header, arrays


@given(headers, many)
def test_decoding_a_frame_gives_the_header_and_the_arrays_back(
    header: dict[str, Any], arrays: Arrays
) -> None:
    read_header, read = decoded(frame.encode(header, arrays))
    assert read_header == header
    assert list(read) == list(arrays)
    for name, array in arrays.items():
        assert read[name].dtype == array.dtype
        assert read[name].shape == array.shape
        assert read[name].tobytes() == array.tobytes()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_header_never_carries_what_json_cannot(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        frame.encode({"loss": value}, {})


def test_contents_are_the_numbers_of_the_run() -> None:
    runner = Runner.from_config(RunConfig(points=100, hidden=(4, 3)))
    runner.advance(7)
    assert runner.dataset is not None
    plane = make_plane(runner.dataset)
    snapshot = take(runner, plane)
    header, arrays = frame.contents(snapshot, plane, curves(runner, snapshot.record, None))
    assert header["epoch"] == 7
    assert [layer["name"] for layer in header["layers"]] == ["fc1", "fc2", "fc3"]
    assert [layer["units"] for layer in header["layers"]] == [4, 3, 1]
    norms = [layer["weight_grad_norm"] for layer in header["layers"]]
    assert norms == [layer.weight_grad_norm for layer in snapshot.record.layers]
    assert arrays["curve_epoch"].tolist() == list(range(8))
    expected = [*runner.train_loss, snapshot.record.train_loss]
    assert arrays["train_loss"].tolist() == np.array(expected, np.float32).tolist()
    assert arrays["boundary"].shape == (50, 50)
    assert arrays["histogram"].shape[0] == 2
    assert "boundary_class" not in arrays


def test_points_are_marked_as_train_or_dev_and_colored_by_class() -> None:
    runner = Runner.from_config(RunConfig(points=100, dataset="blobs3", loss="cross_entropy"))
    data = runner.dataset
    assert data is not None
    header, arrays = frame.still_contents(make_plane(data), data.classes)
    assert arrays["points_part"].tolist() == [0] * 64 + [1] * 16
    assert arrays["points_label"].tolist() == [*data.train.y.tolist(), *data.dev.y.tolist()]
    assert arrays["points_x"].tolist()[:64] == data.train.x[:, 0].tolist()
    assert arrays["points_y"].tolist()[64:] == data.dev.x[:, 1].tolist()
    assert len(header["colors"]) == len(set(header["colors"])) == 3


def test_figures_that_are_no_finite_number_are_null() -> None:
    runner = Runner.from_config(RunConfig(points=50))
    record, _ = runner.measure()
    broken = type(record)(3, float("nan"), 0.5, float("inf"), 0.5, record.layers)
    figures = frame.merit(broken, None, None)
    assert figures == {
        "train_loss": None,
        "train_accuracy": 0.5,
        "dev_loss": None,
        "dev_accuracy": 0.5,
        "epochs_per_second": None,
        "test": None,
    }
