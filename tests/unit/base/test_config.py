"""The settings: what is allowed, and what a person reads who sets something else."""

import json
import math
from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest

from nndl_core.base.config import (
    KNOBS,
    MAX_DEPTH,
    MAX_WIDTH,
    ConfigError,
    RunConfig,
    describe,
    widths_from_text,
)

NUMBERS = [name for name, k in KNOBS.items() if not k.choices and name != "hidden"]
CHOICES = [name for name, k in KNOBS.items() if k.choices]
FIELDS = [
    "dataset",
    "points",
    "noise",
    "label_noise",
    "data_seed",
    "scale",
    "hidden",
    "activation",
    "slope",
    "init",
    "init_scale",
    "bias",
    "init_seed",
    "loss",
    "optimizer",
    "learning_rate",
    "momentum",
    "weight_decay",
    "batch_size",
    "epochs",
    "dtype",
]


def refusal(**values: Any) -> str:
    """Return the sentence that the values are refused with; it must be a single one."""
    with pytest.raises(ConfigError) as caught:
        RunConfig.from_dict(values)
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    assert len(text) < 300
    return text


def test_the_field_names_are_those_of_the_course_files() -> None:
    assert [f.name for f in fields(RunConfig)] == FIELDS


def test_the_defaults_are_the_first_experiment_of_the_course() -> None:
    c = RunConfig()
    assert (c.dataset, c.points, c.noise, c.hidden) == ("moons", 1000, 0.5, (5,))
    assert (c.activation, c.init, c.init_scale, c.bias) == ("sigmoid", "normal", 1.0, 0.0)
    assert (c.loss, c.optimizer, c.learning_rate, c.batch_size, c.epochs) == (
        "bce",
        "sgd",
        0.2,
        0,
        1000,
    )


def test_a_config_is_frozen_and_hashable() -> None:
    config = RunConfig()
    assert hash(config) == hash(RunConfig())
    with pytest.raises(FrozenInstanceError):
        config.points = 5  # type: ignore[misc]


def test_a_list_of_widths_becomes_a_tuple() -> None:
    assert RunConfig.from_dict({"hidden": [5, 3]}).hidden == (5, 3)


@pytest.mark.parametrize("name", NUMBERS)
def test_both_bounds_are_allowed_and_the_next_value_is_not(name: str) -> None:
    k = KNOBS[name]
    assert k.low is not None
    assert k.high is not None
    for bound in (k.low, k.high):
        assert getattr(RunConfig.from_dict({name: bound}), name) == bound
    for value in (math.nextafter(k.low, -math.inf), math.nextafter(k.high, math.inf)):
        text = refusal(**{name: value})
        assert text.startswith(f"{name}: {value!r} ")
        assert f"from {k.low:g} to {k.high:g}" in text


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, True, False, None, "5", [5], {"a": 1}, 10**400]
)
def test_what_is_no_number_is_refused_with_the_range(name: str, value: Any) -> None:
    k = KNOBS[name]
    text = refusal(**{name: value})
    assert text.startswith(f"{name}: ")
    assert repr(value)[:30] in text
    assert f"from {k.low:g} to {k.high:g}" in text


def test_an_integer_too_long_to_print_is_refused() -> None:
    assert refusal(points=10**5000).startswith("points: ")
    assert refusal(hidden=[10**5000]).startswith("hidden: ")


@pytest.mark.parametrize("name", [n for n in NUMBERS if isinstance(getattr(RunConfig, n), int)])
def test_a_count_must_be_whole(name: str) -> None:
    assert "must be a whole number" in refusal(**{name: 20.5})
    value = getattr(RunConfig.from_dict({name: 20.0}), name)
    assert value == 20
    assert type(value) is int


@pytest.mark.parametrize("name", CHOICES)
@pytest.mark.parametrize("value", ["", "SIGMOID", None, 3, True, ["sigmoid"], {}, "x" * 10_000])
def test_an_unknown_choice_is_refused_with_all_choices(name: str, value: Any) -> None:
    text = refusal(**{name: value})
    assert text.startswith(f"{name}: {repr(value)[:30]}")
    assert all(choice in text for choice in KNOBS[name].choices)


@pytest.mark.parametrize(
    "value",
    [
        [0],
        [-1],
        [MAX_WIDTH + 1],
        [1] * (MAX_DEPTH + 1),
        [5.0],
        [True],
        ["5"],
        [None],
        [math.nan],
        5,
        "5-3",
        None,
        {},
        [[5]],
    ],
)
def test_wrong_layer_widths_are_refused(value: Any) -> None:
    text = refusal(hidden=value)
    assert text.startswith(f"hidden: {repr(value)[:30]}")
    assert f"0 to {MAX_DEPTH} layers of 1 to 64 units" in text


@pytest.mark.parametrize("widths", [[], [1], [MAX_WIDTH] * MAX_DEPTH, [5, 3]])
def test_every_allowed_network_can_be_written(widths: list[int]) -> None:
    assert RunConfig.from_dict({"hidden": widths}).hidden == tuple(widths)


def test_an_unknown_setting_is_named() -> None:
    text = refusal(learning_rat=0.1)
    assert "'learning_rat' is not a setting" in text
    assert "learning_rate" in text


def test_a_very_long_unknown_setting_is_cut() -> None:
    with pytest.raises(ConfigError) as caught:
        RunConfig.from_dict({"z" * 100_000: 1, 5: 1})
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("values", [None, [], 5, "points", [["points", 5]]])
def test_a_config_must_be_an_object(values: Any) -> None:
    with pytest.raises(ConfigError, match="is a JSON object"):
        RunConfig.from_json(json.dumps(values))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "points: 5",
        b"\xff\xfe\x00garbage",
        b"\x80\x04K\x05.",
        "{'points': 50}",
        '{"points": ' + "9" * 5000 + "}",
        "[" * 100_000,
        '{"hidden":' * 100_000,
    ],
)
def test_what_is_not_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(ConfigError, match="not valid JSON"):
        RunConfig.from_json(text)


def test_nesting_that_the_parser_still_takes_is_refused_too() -> None:
    for depth in [*range(2, 1000, 97), *range(850, 1010)]:
        for name in ("hidden", "points", "loss"):
            with pytest.raises(ConfigError):
                RunConfig.from_json(f'{{"{name}": ' + "[" * depth + "]" * depth + "}")


def test_infinity_and_nan_written_in_json_are_refused() -> None:
    for word in ("NaN", "Infinity", "-Infinity", "1e999"):
        with pytest.raises(ConfigError, match=r"^noise: .* from 0 to 2\.$"):
            RunConfig.from_json(f'{{"noise": {word}}}')


def test_a_missing_setting_keeps_its_default() -> None:
    assert RunConfig.from_json('{"points": 50}') == RunConfig(points=50)
    assert RunConfig.from_json("{}") == RunConfig()


def test_the_url_holds_only_what_differs() -> None:
    assert RunConfig().to_url() == {}
    config = RunConfig(hidden=(5, 3), learning_rate=0.1, activation="relu")
    assert config.to_url() == {"hidden": "5-3", "activation": "relu", "learning_rate": "0.1"}
    assert RunConfig(hidden=()).to_url() == {"hidden": "none"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("points", "many"),
        ("points", "nan"),
        ("points", "inf"),
        ("points", "1e999"),
        ("points", "20.5"),
        ("points", ""),
        ("points", "9" * 5000),
        ("noise", "-1"),
        ("loss", "hinge"),
        ("hidden", "5-x"),
        ("hidden", "65"),
        ("hidden", "5-0"),
        ("hidden", "1-" * MAX_DEPTH + "1"),
        ("hidden", "9" * 5000),
    ],
)
def test_a_wrong_url_value_is_reported_and_the_rest_kept(name: str, text: str) -> None:
    config, refused = RunConfig.from_url({name: text, "data_seed": "7"})
    assert config == RunConfig(data_seed=7)
    [sentence] = refused
    assert sentence.startswith(f"{name}: ")
    assert sentence.endswith(".")
    allowed = KNOBS[name].choices[0] if KNOBS[name].choices else f"{KNOBS[name].low:g} to "
    assert allowed in sentence


def test_a_url_may_hold_parameters_that_are_no_settings() -> None:
    assert RunConfig.from_url({"page": "lab"}) == (RunConfig(), [])


@pytest.mark.parametrize(
    ("text", "widths"),
    [("5-3", (5, 3)), ("5,3", (5, 3)), (" 5  3 ", (5, 3)), ("none", ()), ("", ()), ("64", (64,))],
)
def test_layer_widths_are_read_as_people_write_them(text: str, widths: tuple[int, ...]) -> None:
    assert widths_from_text(text) == widths


def test_describe_is_json_and_complete() -> None:
    rows = json.loads(json.dumps(describe()))
    assert list(rows) == FIELDS
    for name, row in rows.items():
        k = KNOBS[name]
        assert row["help"] == k.help
        if k.choices:
            assert row["choices"] == list(k.choices)
        else:
            assert (row["low"], row["high"]) == (k.low, k.high)
    assert rows["learning_rate"]["scale"] == "log"
    assert RunConfig.from_dict({n: row["default"] for n, row in rows.items()}) == RunConfig()
