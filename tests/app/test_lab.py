"""The lab page: its buttons, its controls, its address and its files, through AppTest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import pytest
from streamlit.testing.v1 import AppTest

from nndl_core.base.config import (
    MAX_DEPTH,
    ActivationName,
    DatasetName,
    InitializerName,
    LossName,
    OptimizerName,
    RunConfig,
)
from nndl_core.data.catalog import DATASETS
from nndl_core.reports.export.run_json import run_json
from pages.ui.lab.files import refusal
from pages.ui.link.messages import escape
from pages.ui.live.panel import SPEEDS
from pages.ui.live.session import LabSession

OpenLab = Callable[..., AppTest]
SessionOf = Callable[[AppTest], LabSession]

pytestmark = pytest.mark.usefixtures("time_to_train")

GOOD_CSV = "a,b,kind\n" + "\n".join(f"{i},{i * i % 11},{'xyz'[i % 3]}" for i in range(60))
BAD_CSV = GOOD_CSV.replace("\n7,5,", "\n7,five,")


def press(at: AppTest, key: str) -> AppTest:
    at.button(key=key).click().run()
    assert not at.exception
    return at


def warnings(at: AppTest) -> list[str]:
    return [warning.value for warning in at.warning]


def losses(session: LabSession) -> tuple[float, float]:
    record, _ = session.runner.measure()
    return record.train_loss, record.dev_loss


@pytest.mark.parametrize("script", ["lab.py", "_router.py"])
def test_the_page_opens_with_the_default_run(
    open_lab: OpenLab, session_of: SessionOf, script: str
) -> None:
    at = open_lab(script)
    assert not at.exception
    assert warnings(at) == []
    assert session_of(at).config == RunConfig()
    assert session_of(at).status == "ready"
    assert at.query_params == {}
    assert at.button(key="play").label == "Play"


def test_play_trains_and_pause_holds_the_run(open_lab: OpenLab, session_of: SessionOf) -> None:
    at = open_lab(points="100")
    press(at, "play")
    assert at.button(key="play").label == "Pause"
    played = session_of(at).runner.epoch
    assert played == 20
    at.run()
    assert session_of(at).runner.epoch == 40  # a rerun of the page goes on, as a tick does
    press(at, "play")
    assert at.button(key="play").label == "Play"
    assert session_of(at).status == "paused"
    at.run()
    assert session_of(at).runner.epoch == 40


@pytest.mark.parametrize("speed", SPEEDS)
def test_speed_is_epochs_per_frame(open_lab: OpenLab, session_of: SessionOf, speed: str) -> None:
    at = open_lab(points="50", epochs="2000")
    at.selectbox(key="speed").set_value(speed).run()
    press(at, "play")
    assert session_of(at).runner.epoch == min(SPEEDS[speed], 2000)


def newest(at: AppTest, name: str) -> str:
    """The key of a layer control, which changes when the page writes it."""
    drawn = [element.key for kind in (at.slider, at.text_input) for element in kind]
    (key,) = (k for k in drawn if k is not None and k.rpartition("_")[0] == name)
    return key


def test_a_run_that_ends_shows_play_and_its_test_score(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    at = open_lab(points="100", epochs="15")
    press(at, "play")
    assert session_of(at).status == "finished"
    at.run()  # in a browser the component asks for this when it sees the end
    assert at.button(key="play").label == "Play"
    press(at, "play")
    assert session_of(at).runner.epoch == 15


def test_step_is_one_epoch_and_pauses(open_lab: OpenLab, session_of: SessionOf) -> None:
    at = open_lab(points="100")
    press(at, "step")
    assert session_of(at).runner.epoch == 1
    press(at, "play")
    press(at, "step")
    assert session_of(at).runner.epoch == 22
    assert session_of(at).status == "paused"


def test_reset_and_new_weights(open_lab: OpenLab, session_of: SessionOf) -> None:
    at = open_lab(points="100", init_seed="5")
    first = losses(session_of(at))
    press(at, "step")
    assert losses(session_of(at)) != first
    press(at, "reset")
    assert session_of(at).status == "ready"
    assert losses(session_of(at)) == first
    press(at, "new_weights")
    assert at.number_input(key="init_seed").value == 6
    assert at.query_params["init_seed"] == "6"
    assert losses(session_of(at)) != first


def played(at: AppTest, session: LabSession) -> None:
    press(at, "play")
    assert not at.exception
    assert warnings(at) == []
    assert session.runner.epoch == 20 or session.status == "diverged"
    assert session.runner.records[-1].train_loss >= 0


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_plays(open_lab: OpenLab, session_of: SessionOf, name: str) -> None:
    at = open_lab("_router.py", points="60")
    press(at, f"dataset_{name}")
    session = session_of(at)
    assert session.config.dataset == name
    assert session.config.loss == ("bce" if DATASETS[name].classes == 2 else "cross_entropy")
    assert ("noise" in {slider.key for slider in at.slider}) is not DATASETS[name].tabular
    played(at, session)


CHOICES = {
    "activation": ActivationName,
    "init": InitializerName,
    "loss": LossName,
    "optimizer": OptimizerName,
}


@pytest.mark.parametrize(
    ("setting", "choice"), [(s, c) for s, names in CHOICES.items() for c in get_args(names)]
)
def test_every_choice_plays(
    open_lab: OpenLab, session_of: SessionOf, setting: str, choice: str
) -> None:
    at = open_lab(points="60")
    at.selectbox(key=setting).set_value(choice).run()
    session = session_of(at)
    assert getattr(session.config, setting) == choice
    assert at.query_params == session.config.to_url()
    played(at, session)


def test_a_control_that_comes_and_goes_keeps_its_value(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    at = open_lab(points="60", noise="0.3", optimizer="adam", momentum="0.7")
    at.selectbox(key="activation").set_value("elu").run()
    at.slider(key="slope").set_value(0.4).run()
    config = session_of(at).config
    for _ in range(2):
        press(at, "dataset_iris")
        at.selectbox(key="optimizer").set_value("sgd").run()
        at.selectbox(key="activation").set_value("relu").run()
        press(at, "dataset_csv")
        at.run()
        press(at, "dataset_moons")
        at.selectbox(key="optimizer").set_value("adam").run()
        at.selectbox(key="activation").set_value("elu").run()
        assert not at.exception
        assert session_of(at).config == config
        assert at.slider(key="noise").value == 0.3


def test_a_data_set_with_three_classes_brings_its_loss_and_two_classes_bring_it_back(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    at = open_lab(points="60")
    press(at, "dataset_blobs3")
    assert at.selectbox(key="loss").value == "cross_entropy"
    assert at.query_params == {"points": "60", "dataset": "blobs3", "loss": "cross_entropy"}
    press(at, "dataset_xor")
    assert session_of(at).config.loss == "bce"
    at.selectbox(key="loss").set_value("mse").run()
    press(at, "dataset_iris")
    assert session_of(at).config.loss == "mse"


def test_a_loss_that_cannot_serve_is_refused_and_the_run_stays(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    at = open_lab(points="60", dataset="blobs3", loss="mse")
    press(at, "step")
    at.selectbox(key="loss").set_value("bce").run()
    (sentence,) = warnings(at)
    assert "bce" in sentence
    assert session_of(at).runner.epoch == 1
    assert session_of(at).config.loss == "mse"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", "fast"),
        ("learning_rate", "-1"),
        ("learning_rate", "nan"),
        ("hidden", "5-x"),
        ("hidden", "1-" * MAX_DEPTH + "1"),
        ("hidden", "65"),
        ("activation", "sigmund"),
        ("dataset", "<script>alert(1)</script>"),
        ("dataset", "csv"),
        ("dataset", "spirals3"),
        ("points", "1e9"),
        ("init_seed", "0.5"),
        ("epochs", ""),
    ],
)
def test_a_wrong_value_in_the_address_gets_a_sentence_and_the_others_hold(
    open_lab: OpenLab, session_of: SessionOf, name: str, value: str
) -> None:
    parameters = {"points": "70", "init_seed": "3", "noise": "0.25", name: value}
    at = open_lab(**parameters)
    assert not at.exception
    (sentence,) = warnings(at)
    assert sentence.count("<") == sentence.count("\\<")
    assert escape(f"{'loss' if value == 'spirals3' else name}:") in sentence
    config = session_of(at).config
    kept = {"points": 70, "init_seed": 3, "noise": 0.25}
    assert {n: getattr(config, n) for n in kept if n != name} == {
        n: v for n, v in kept.items() if n != name
    }
    assert at.query_params == config.to_url()
    assert warnings(at.run()) == []


def test_an_unknown_parameter_does_no_harm(open_lab: OpenLab, session_of: SessionOf) -> None:
    at = open_lab(points="70", utm_source="mail")
    assert not at.exception
    assert session_of(at).config == RunConfig(points=70)


def test_the_address_of_a_changed_page_opens_the_same_run(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    at = open_lab()
    at.slider(key=newest(at, "depth")).set_value(3).run()
    at.slider(key="noise").set_value(0.2).run()
    at.selectbox(key="activation").set_value("elu").run()
    at.slider(key="slope").set_value(0.7).run()
    at.number_input(key="init_scale").set_value(0.3).run()
    at.select_slider(key="learning_rate").set_value(0.05).run()
    press(at, "step")
    copy = open_lab(**at.query_params)
    assert warnings(copy) == []
    assert session_of(copy).config == session_of(at).config
    press(copy, "step")
    assert session_of(copy).runner.measure()[0] == session_of(at).runner.measure()[0]


def test_depth_and_width_write_the_list_of_layers(open_lab: OpenLab, session_of: SessionOf) -> None:
    at = open_lab(points="60")
    press(at, "step")
    at.slider(key=newest(at, "depth")).set_value(3).run()
    assert session_of(at).config.hidden == (5, 5, 5)
    assert session_of(at).runner.epoch == 0
    at.slider(key=newest(at, "width")).set_value(64).run()
    assert at.text_input(key=newest(at, "hidden")).value == "64-64-64"
    at.slider(key=newest(at, "depth")).set_value(0).run()
    assert session_of(at).config.hidden == ()
    assert at.text_input(key=newest(at, "hidden")).value == "none"
    assert at.query_params["hidden"] == "none"
    played(at, session_of(at))


def test_the_list_of_layers_moves_depth_and_width(open_lab: OpenLab, session_of: SessionOf) -> None:
    at = open_lab(points="60")
    at.text_input(key=newest(at, "hidden")).set_value("5, 3").run()
    assert session_of(at).config.hidden == (5, 3)
    assert (at.slider(key=newest(at, "depth")).value, at.slider(key=newest(at, "width")).value) == (
        2,
        5,
    )
    for text in ("5-three", "99", "1 " * (MAX_DEPTH + 1), "0", "-", "5-3-" * 9):
        session_of(at).step()
        at.text_input(key=newest(at, "hidden")).set_value(text).run()
        assert not at.exception
        if text == "-":  # nothing between the separators: no hidden layer
            assert session_of(at).config.hidden == ()
            at.text_input(key=newest(at, "hidden")).set_value("5-3").run()
            continue
        (sentence,) = warnings(at)
        assert sentence.startswith("hidden")
        assert session_of(at).config.hidden == (5, 3)


def test_a_learning_rate_outside_the_series_stays_as_it_is(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    at = open_lab(points="60", learning_rate="0.123")
    assert at.select_slider(key="learning_rate").value == 0.123
    press(at, "step")
    assert session_of(at).config.learning_rate == 0.123
    at.select_slider(key="learning_rate").set_value(5.0).run()
    assert session_of(at).runner.epoch == 1
    assert session_of(at).runner.optimizer.learning_rate == 5.0
    assert at.query_params["learning_rate"] == "5.0"


def test_autograd_gives_the_numbers_of_the_hand_derived_gradient(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    by_hand = open_lab(points="60", dtype="float64")
    by_autograd = open_lab(points="60", dtype="float64")
    by_autograd.toggle(key="by_autograd").set_value(True).run()
    for key in ("reset", "dataset_xor", "dataset_moons", "new_weights", "step", "reset"):
        assert session_of(press(by_autograd, key)).runner.by_autograd
    press(by_hand, "new_weights")
    for at in (by_hand, by_autograd):
        press(at, "play")
    expected = session_of(by_hand).runner.train_loss
    assert session_of(by_autograd).runner.train_loss == pytest.approx(expected, rel=1e-12)


def test_a_diverging_run_stops_and_can_be_played_again(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    at = open_lab(points="100", activation="relu", learning_rate="1000")
    press(at, "play")
    assert session_of(at).status == "diverged"
    at.run()  # in a browser the component asks for this when it sees the end
    assert at.button(key="play").label == "Play"
    press(at, "reset")
    assert session_of(at).status == "ready"


def test_a_switch_leaves_the_columns_of_a_table_as_they_are(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    at = open_lab(dataset="iris", loss="cross_entropy")
    assert session_of(at).dataset.train.x.mean(dim=0).abs().max() < 1e-6
    assert at.toggle(key="scale_is_on").value is True
    at.toggle(key="scale_is_on").set_value(False).run()
    assert session_of(at).config.scale == "off"
    assert at.query_params["scale"] == "off"
    assert session_of(at).dataset.train.x.mean(dim=0).tolist()[0] > 5
    copy = open_lab(**at.query_params)
    assert warnings(copy) == []
    assert copy.toggle(key="scale_is_on").value is False
    press(copy, "dataset_moons")
    assert not [each for each in copy.toggle if each.key == "scale_is_on"]


def uploaded(at: AppTest, key: str, name: str, content: bytes) -> AppTest:
    at.file_uploader(key=key).upload(name, content).run()
    assert not at.exception
    return at


def test_a_good_csv_is_trained_on_and_a_broken_one_gets_a_sentence(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    at = open_lab()
    press(at, "dataset_csv")
    assert session_of(at).config == RunConfig()
    uploaded(at, "csv", "bad.csv", BAD_CSV.encode())
    assert any("Row 9" in w and "five" in w for w in warnings(at))
    assert session_of(at).config == RunConfig()
    uploaded(at, "csv", "good.csv", GOOD_CSV.encode())
    assert warnings(at) == []
    session = session_of(at)
    assert (session.config.dataset, session.config.loss) == ("csv", "cross_entropy")
    assert session.dataset.classes == ("x", "y", "z")
    played(at, session)


def test_a_second_csv_replaces_the_first(open_lab: OpenLab, session_of: SessionOf) -> None:
    at = open_lab()
    press(at, "dataset_csv")
    uploaded(at, "csv", "three.csv", GOOD_CSV.encode())
    run = session_of(at).run_id
    press(at, "step")
    uploaded(at, "csv", "two.csv", GOOD_CSV.replace(",z", ",x").encode())
    assert session_of(at).run_id != run
    assert session_of(at).dataset.classes == ("x", "y")
    assert session_of(at).config.loss == "bce"
    assert session_of(at).runner.epoch == 0
    press(at, "dataset_moons")
    assert session_of(at).config.dataset == "moons"
    press(at, "dataset_csv")
    assert session_of(at).dataset.classes == ("x", "y")


def test_a_checkpoint_restores_config_epoch_and_numbers(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    first = open_lab(points="60", hidden="4-3", optimizer="adam")
    press(first, "play")
    press(first, "play")
    content = session_of(first).runner.checkpoint().to_bytes()
    second = uploaded(open_lab(), "load", "last.safetensors", content)
    assert warnings(second) == []
    assert session_of(second).runner.epoch == 20
    assert second.text_input(key=newest(second, "hidden")).value == "4-3"
    assert second.query_params == first.query_params
    assert losses(session_of(second)) == losses(session_of(first))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.safetensors", b"", "not a complete safetensors"),
        ("x.safetensors", b"\x80\x04\x95pickle", "not a complete safetensors"),
        ("x.json", b"{", "not valid JSON"),
        ("x.json", b'{"depth": 3}', "is not a setting"),
        ("x.json", b'{"points": 1e99}', "points"),
        ("x.json", b"[" * 100_000, "not valid JSON"),
        ("x.json", b"\xff\xfe", "not valid JSON"),
    ],
)
def test_a_foreign_file_gets_a_sentence_and_changes_nothing(
    open_lab: OpenLab, session_of: SessionOf, name: str, content: bytes, words: str
) -> None:
    at = open_lab(points="60")
    press(at, "step")
    uploaded(at, "load", name, content)
    (sentence,) = warnings(at)
    assert escape(words) in sentence
    assert session_of(at).config == RunConfig(points=60)
    assert session_of(at).runner.epoch == 1


def test_only_a_run_straight_from_its_seeds_becomes_a_program(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    at = open_lab(points="60")
    session = session_of(at)
    press(at, "step")
    assert refusal(session) == ""
    at.select_slider(key="learning_rate").set_value(0.5).run()
    assert session.runner.epoch == 1
    assert "learning rate was changed" in refusal(session)
    assert any("learning rate was changed" in info.value for info in at.info)
    press(at, "reset")
    assert refusal(session) == ""
    press(at, "dataset_csv")
    uploaded(at, "csv", "mine.csv", GOOD_CSV.encode())
    assert session_of(at).config.dataset == "csv"
    assert refusal(session_of(at)) == ""


def test_a_loaded_or_shortened_run_does_not_become_a_program(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    at = open_lab(points="60")
    start = session_of(at).runner.checkpoint().to_bytes()  # could have any weights
    press(at, "step")
    press(at, "step")
    at.number_input(key="epochs").set_value(1).run()
    assert session_of(at).runner.epoch == 2
    assert "more epochs" in refusal(session_of(at))
    at.number_input(key="epochs").set_value(50).run()
    assert refusal(session_of(at)) == ""
    uploaded(at, "load", "last.safetensors", start)
    assert session_of(at).runner.epoch == 0
    assert "it was loaded" in refusal(session_of(at))


def test_a_run_as_json_gives_the_same_run_or_says_that_it_cannot(
    open_lab: OpenLab, session_of: SessionOf
) -> None:
    first = open_lab(points="60", hidden="4-3", optimizer="adam", epochs="20")
    press(first, "play")
    runner = session_of(first).runner
    straight, bent = (
        run_json(runner, engine="", is_repeatable=straight) for straight in (True, False)
    )
    second = uploaded(open_lab(), "load", "run.json", straight)
    assert warnings(second) == []
    assert session_of(second).config == runner.config
    press(second, "play")
    assert session_of(second).runner.train_loss == runner.train_loss
    (sentence,) = warnings(uploaded(open_lab(), "load", "run.json", bent))
    assert "other curves" in sentence


def test_a_config_file_sets_every_control(open_lab: OpenLab, session_of: SessionOf) -> None:
    settings: dict[str, Any] = {
        "dataset": "spirals3",
        "loss": "cross_entropy",
        "points": 90,
        "hidden": [8, 4],
        "activation": "leaky_relu",
        "slope": 0.3,
        "optimizer": "nesterov",
        "momentum": 0.8,
        "learning_rate": 0.03,
        "dtype": "float64",
    }
    config = RunConfig.from_dict(settings)
    at = uploaded(open_lab(), "load", "config.json", config.to_json().encode())
    assert warnings(at) == []
    assert session_of(at).config == config
    assert at.query_params == config.to_url()
    assert at.slider(key=newest(at, "depth")).value == 2
    assert at.slider(key="slope").value == 0.3


def test_the_data_sets_on_the_page_are_those_of_the_engine(open_lab: OpenLab) -> None:
    at = open_lab()
    keys = {str(button.key) for button in at.button}
    assert {f"dataset_{name}" for name in get_args(DatasetName)} <= keys


def test_two_tabs_do_not_share_a_run(open_lab: OpenLab, session_of: SessionOf) -> None:
    one, other = open_lab(points="60"), open_lab(points="60")
    press(one, "play")
    assert session_of(other).runner.epoch == 0
    assert session_of(one).runner is not session_of(other).runner


@pytest.mark.parametrize("group", ["text", "sliders"])
def test_an_edit_of_a_control_that_has_been_written_anew_changes_nothing(
    open_lab: OpenLab, group: str
) -> None:
    """A slow browser sends it after the page has given that control another key."""
    at = open_lab(hidden="5-3")
    before = at.session_state[f"{group}_version"]
    at.session_state[f"{group}_version"] = before + 3
    if group == "text":
        at.text_input(key=f"hidden_{before}").set_value("7").run()
    else:
        at.slider(key=f"depth_{before}").set_value(3).run()
    assert not at.exception
    assert at.session_state["hidden"] == "5-3"
    assert at.text_input(key=f"hidden_{at.session_state['text_version']}").value == "5-3"
