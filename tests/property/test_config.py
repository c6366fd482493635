"""Every config survives JSON and the URL; no text at all breaks their readers."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nndl_core.base.config import KNOBS, MAX_DEPTH, MAX_WIDTH, ConfigError, RunConfig


def values(name: str) -> st.SearchStrategy[Any]:
    k = KNOBS[name]
    if name == "hidden":
        return st.lists(st.integers(1, MAX_WIDTH), max_size=MAX_DEPTH).map(tuple)
    if k.choices:
        return st.sampled_from(k.choices)
    assert k.low is not None
    assert k.high is not None
    if isinstance(getattr(RunConfig, name), int):
        return st.integers(int(k.low), int(k.high))
    return st.floats(k.low, k.high)


CONFIGS = st.fixed_dictionaries({name: values(name) for name in KNOBS}).map(RunConfig.from_dict)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def outcome(text: str | bytes) -> RunConfig | str:
    """Read a config or the one sentence it is refused with; anything else is an error."""
    try:
        return RunConfig.from_json(text)
    except ConfigError as error:
        sentence = str(error)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


@settings(max_examples=200)
@given(CONFIGS)
def test_json_and_url_give_the_equal_config_back(config: RunConfig) -> None:
    assert RunConfig.from_json(config.to_json()) == config
    assert RunConfig.from_json(config.to_json().encode()) == config
    assert RunConfig.from_url(config.to_url()) == (config, [])
    assert hash(RunConfig.from_json(config.to_json())) == hash(config)
    assert all(isinstance(text, str) for text in config.to_url().values())


@settings(max_examples=150)
@given(st.sampled_from(list(KNOBS)), ANYTHING)
def test_any_value_is_either_kept_or_refused_in_one_sentence(name: str, value: Any) -> None:
    read = outcome(json.dumps({name: value}))
    if isinstance(read, str):
        assert read.startswith(f"{name}: ")
    else:
        kept = getattr(read, name)
        assert kept == (tuple(value) if name == "hidden" else value)


@settings(max_examples=150)
@given(st.binary() | st.text())
def test_any_text_is_either_a_config_or_a_config_error(text: str | bytes) -> None:
    outcome(text)


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from(list(KNOBS)), st.text()))
def test_any_url_gives_a_config_and_a_sentence_for_each_refusal(parameters: dict[str, str]) -> None:
    config, refused = RunConfig.from_url(parameters)
    named = [sentence.split(":")[0] for sentence in refused]
    assert len(set(named)) == len(named)
    assert set(named) <= parameters.keys()
    changed = set(config.to_url())
    assert changed <= parameters.keys() - set(named)
