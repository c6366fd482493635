"""The backward pass against the Runner and the pinned numbers; its closed forms against draws."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nndl_core.base.config import ActivationName, ConfigError, RunConfig
from nndl_core.charts.gradient_law import decades_by_scale, norm_bars
from nndl_core.engine.runner import Runner
from nndl_core.network.model import MLP
from nndl_core.theory.gradient_forms import expected_decades, expected_ratio
from nndl_core.theory.gradient_law import (
    decades_lost,
    decades_to_layer,
    draw_seeds,
    first_update,
    float32_gap,
    flows_by_scale,
    living,
    measure_flow,
    measured_ratio,
    most_seeds,
)

FIVE = RunConfig(
    hidden=(3, 3, 3, 3), init_scale=0.01, bias=1.0, learning_rate=0.01, dtype="float64"
)
RELU = replace(FIVE, activation="relu")
DEAD = replace(RELU, bias=-8.0)
# the reference numbers of the course, data seed 0 and weight seed 0
PINNED: dict[ActivationName, list[float]] = {
    "sigmoid": [
        1.8653872360129656e-11,
        4.909082070536678e-09,
        2.519045527040774e-06,
        0.0013179687886327636,
        0.289623729974073,
    ],
    "relu": [
        1.2429798345180729e-08,
        8.772009220837611e-07,
        8.828496842661961e-05,
        0.009125947760529824,
        0.39282077873651094,
    ],
    "tanh": [
        3.925930719123643e-10,
        5.022162510487312e-08,
        1.2070950778085221e-05,
        0.0029688514312472725,
        0.3011691850666557,
    ],
}
RATIO = [669.2070474044679, 179.9774945197753, 35.385723137491226, 6.9572554352, 1.3678794411714423]
LEAKY = [2.5690051370480695e-16, 2.2262603042537814e-13, 1.4893805744194132e-09]
LEAKY += [1.00913900569903e-05, 0.06923560690017491]

configs = st.builds(
    RunConfig,
    hidden=st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple),
    activation=st.sampled_from(["sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus"]),
    init=st.sampled_from(["normal", "xavier_uniform", "he_normal"]),
    init_scale=st.floats(0.1, 2),
    bias=st.floats(-1, 2),
    points=st.just(60),
    init_seed=st.integers(0, 99),
    dtype=st.just("float64"),
)


def norms_of(config: RunConfig) -> list[float]:
    record, _ = Runner.from_config(config).measure()
    return [layer.weight_grad_norm for layer in record.layers]


@pytest.mark.parametrize("activation", list(PINNED))
def test_the_pinned_norms(activation: ActivationName) -> None:
    flow = measure_flow(replace(FIVE, activation=activation))
    assert flow.gradient_norm[0] == pytest.approx(PINNED[activation], rel=1e-6, abs=0)


@settings(max_examples=40)
@given(configs)
def test_the_norms_are_the_runners_and_the_factors_multiply_to_them(config: RunConfig) -> None:
    flow = measure_flow(config)
    norms = norms_of(config)
    # the Runner multiplies float32 draws by the scale before it widens them
    assert flow.gradient_norm[0] == pytest.approx(norms, rel=1e-4, abs=1e-12)
    if living(flow)[0]:
        product = (flow.weights * flow.slope * flow.inputs)[0]
        assert product == pytest.approx(flow.gradient_norm[0, :-1] / flow.gradient_norm[0, 1:])


def test_the_weights_are_those_of_the_model() -> None:
    for at, seed in enumerate((4, 5)):
        model = MLP.from_config(replace(FIVE, init_seed=seed), 2, 2)
        drawn = draw_seeds(replace(FIVE, init_seed=4), 2)
        for layer, weight in zip(model.layers, drawn, strict=True):
            assert torch.equal(layer.weight.detach(), weight[at])


def test_the_slope_factor_of_small_weights_is_the_slope_at_the_bias() -> None:
    sigma = 1 / (1 + math.exp(-1))
    assert measure_flow(FIVE, 5).slope == pytest.approx(sigma * (1 - sigma), rel=1e-2)
    assert (measure_flow(RELU, 5).slope == 1).all()


def test_the_ratio_is_its_closed_form_over_50_seeds() -> None:
    expected = expected_ratio(FIVE, "relu")
    assert expected == pytest.approx(RATIO, rel=1e-9)
    ratio = measured_ratio(FIVE, "relu", 50)
    assert ratio.n == 50
    assert ratio.mean == pytest.approx(RATIO, rel=0.01)
    assert (np.abs(ratio.mean / RATIO - 1) < 5 * ratio.error).all()
    assert ratio.first == pytest.approx(np.divide(PINNED["relu"], PINNED["sigmoid"]), rel=1e-6)


@pytest.mark.parametrize("bias", [-3.0, -0.5, 0.5, 2.0])
@pytest.mark.parametrize("other", ["tanh", "leaky_relu", "elu", "softplus"])
def test_the_ratio_holds_for_other_biases_and_activations(
    bias: float, other: ActivationName
) -> None:
    config = replace(FIVE, bias=bias, init_scale=1e-4)
    ratio = measured_ratio(config, other, 5).mean
    assert ratio == pytest.approx(expected_ratio(config, other), rel=0.01)


def test_the_decades_of_small_weights_are_predicted() -> None:
    for activation in PINNED:
        config = replace(FIVE, activation=activation)
        found, law = decades_lost(measure_flow(config, 200)), expected_decades(config)
        # the logarithm of a chi of 3 degrees of freedom has a spread of 0.22
        assert found.total == pytest.approx(law.total, abs=5 * 0.22 / math.sqrt(200))
        assert found.slope == pytest.approx(law.slope, abs=0.01)
        assert found.inputs == pytest.approx(law.inputs, abs=0.02)
        assert found.total.sum() == pytest.approx(sum(found.parts.values()))


def test_relu_loses_its_decades_by_the_weights_alone() -> None:
    parts = decades_lost(measure_flow(RELU, 200)).parts
    assert parts["slope"] == 0
    assert parts["weights"] == pytest.approx(7.37, abs=0.1)


def test_leaky_relu_has_the_pinned_mean_and_its_law() -> None:
    leaky = replace(DEAD, activation="leaky_relu", slope=0.01)
    mean = np.exp(np.log(measure_flow(leaky, 200).gradient_norm).mean(0))
    assert mean == pytest.approx(LEAKY, rel=1e-6)
    law = expected_decades(leaky).to_layer
    assert LEAKY[-1] / 10**law == pytest.approx(LEAKY, rel=0.2)


def test_dead_networks_have_exact_zeros_and_no_decades() -> None:
    flow = measure_flow(DEAD, 3)
    assert (flow.gradient_norm == 0).all()
    assert not living(flow).any()
    assert np.isnan(decades_lost(flow).total).all()
    assert measured_ratio(replace(DEAD, activation="sigmoid"), "relu", 3).n == 0


def test_where_the_next_order_decides_there_is_no_law() -> None:
    for activation in ("relu", "tanh"):
        config = replace(FIVE, bias=0.0, activation=activation)
        assert np.isnan(expected_decades(config).total).all()
        assert np.isnan(expected_ratio(replace(FIVE, bias=0.0), activation)).all()


def test_norms_hold_where_squares_are_zero() -> None:
    # an output so sure that its error is 1e-162, and a chain of products from there
    config = replace(RELU, hidden=(3,) * 12, bias=-2.5, init_scale=10**0.25)
    flow = measure_flow(config, 10)
    alive = living(flow)
    assert 0 < flow.gradient_norm[alive].min() < 1e-161
    product = (flow.weights * flow.slope * flow.inputs)[alive]
    assert product == pytest.approx(
        flow.gradient_norm[alive, :-1] / flow.gradient_norm[alive, 1:], rel=1e-6
    )


def test_seeds_are_fewer_for_larger_networks() -> None:
    assert most_seeds(FIVE) == most_seeds(replace(FIVE, hidden=(3,) * 12)) == 200
    assert most_seeds(replace(FIVE, hidden=(64,) * 12)) == 2


def test_the_pieces_of_many_seeds_join_to_the_seeds_alone() -> None:
    config = replace(FIVE, hidden=(16, 16))
    flow = measure_flow(config, 12)
    for seed in (0, 5, 11):
        alone = measure_flow(replace(config, init_seed=seed))
        assert flow.gradient_norm[seed] == pytest.approx(alone.gradient_norm[0], rel=1e-12)
        assert flow.inputs[seed] == pytest.approx(alone.inputs[0], rel=1e-9)


def test_decades_to_each_layer_are_those_of_the_norms() -> None:
    flow = measure_flow(FIVE, 20)
    mean, error = decades_to_layer(flow)
    lost = np.log10(flow.gradient_norm[:, -1:] / flow.gradient_norm)
    assert mean == pytest.approx(lost.mean(0))
    assert error == pytest.approx(lost.std(0, ddof=1) / math.sqrt(20))
    assert mean == pytest.approx(decades_lost(flow).to_layer, abs=1e-9)
    assert np.isnan(decades_to_layer(measure_flow(FIVE, 1))[1]).all()
    assert np.isnan(decades_to_layer(measure_flow(DEAD, 3))[0]).all()


def test_scales_share_their_draws() -> None:
    small, large = flows_by_scale(FIVE, [0.01, 2.0], 3)
    assert small.gradient_norm == pytest.approx(measure_flow(FIVE, 3).gradient_norm)
    large_alone = measure_flow(replace(FIVE, init_scale=2.0), 3)
    assert large.gradient_norm == pytest.approx(large_alone.gradient_norm)


def test_float32_swallows_the_first_update() -> None:
    single = first_update(replace(FIVE, dtype="float32"))
    double = first_update(FIVE)
    assert single.layers[0].changed_share == 0
    assert double.layers[0].changed_share == 1
    assert single.layers[0].weight_grad_norm > 0
    assert float32_gap(0.01) == pytest.approx(2**-30)
    assert float32_gap(1.0) == 2**-23


@pytest.mark.parametrize("seeds", [0, 201, -1])
def test_impossible_seeds_get_a_sentence(seeds: int) -> None:
    with pytest.raises(ConfigError, match=r"seeds: .* from 1 to 200\.$"):
        measure_flow(FIVE, seeds)


def test_no_hidden_layer_gets_a_sentence() -> None:
    for function in (measure_flow, expected_decades):
        with pytest.raises(ConfigError, match="hidden layer"):
            function(replace(FIVE, hidden=()))


def test_the_line_at_the_chosen_std_is_drawn_where_the_axis_has_it() -> None:
    rows = {"relu": [decades_lost(flow) for flow in flows_by_scale(RELU, [0.1, 1.0])]}
    for chosen, lines in ((0.2, [0.2]), (0.0, [])):
        shapes = decades_by_scale([0.1, 1.0], rows, chosen)["layout"]["shapes"]
        assert [shape["x0"] for shape in shapes] == lines


@pytest.mark.parametrize("layers", range(9, 17))
def test_the_axis_of_many_norms_names_the_exact_zero(layers: int) -> None:
    norms = {name: [1e-30 * 10.0**k for k in range(layers)] for name in ("A", "B")}
    norms["B"][3] = 0.0
    axis = norm_bars(norms)["layout"]["xaxis"]
    assert axis["ticktext"][-1] == "exactly<br>0"
    assert len(axis["ticktext"]) == len(axis["tickvals"])
