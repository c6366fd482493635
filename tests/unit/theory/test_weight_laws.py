"""The closed forms of the initializers against numerical integrals and against draws."""

from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest
from torch import Generator

from nndl_core.base.config import InitializerName
from nndl_core.network.initializers import INITIALIZERS
from nndl_core.theory.weight_laws import DRAWS, draw_weights, law_of, scale_of_equal_spread

NAMES: tuple[InitializerName, ...] = get_args(InitializerName)
RANDOM = [name for name in NAMES if name not in ("zeros", "constant")]
SHAPES = [(2, 5), (5, 3), (64, 64), (3, 12), (100, 1)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_draws_follow_their_law_within_statistical_error(
    name: InitializerName, shape: tuple[int, int]
) -> None:
    for seed in range(3):
        draws = draw_weights(name, 1.3, *shape, seed)
        assert len(draws.values) == DRAWS
        for moment in (draws.mean, draws.std, draws.beyond):
            assert moment.measured == pytest.approx(moment.expected, abs=4.2 * moment.error + 1e-6)


@pytest.mark.parametrize("shape", [(2, 5), (5, 3), (7, 64), (4, 4)])
@pytest.mark.parametrize("name", RANDOM)
def test_moments_are_integrals_of_the_density(
    name: InitializerName, shape: tuple[int, int]
) -> None:
    law = law_of(name, 1.7, *shape)
    assert law.density is not None
    reach = min(law.half_width, 12 * law.std)
    # midpoints, because a density may have a wall or a pole at the end
    w = (np.arange(400_000) + 0.5) / 400_000 * 2 * reach - reach
    p = law.density(w) * 2 * reach / len(w)
    assert p.sum() == pytest.approx(1, abs=1e-4)
    assert (p * w).sum() == pytest.approx(law.mean, abs=1e-9)
    assert (p * w**2).sum() == pytest.approx(law.std**2, rel=1e-4)
    assert law.mean_square == pytest.approx(law.std**2)
    assert (p * w**4).sum() == pytest.approx(law.kurtosis * law.std**4, rel=1e-4)
    for limit in (0.1, 0.5, 1.0, 3.0):
        assert p[np.abs(w) > limit].sum() == pytest.approx(law.beyond(limit), abs=1e-4)


def test_the_numbers_of_the_chapter() -> None:
    """N(0, 1) beside U(-1, 1), and beside U(-sqrt 3, sqrt 3) of the same spread."""
    normal, uniform = law_of("normal", 1, 2, 5), law_of("uniform", 1, 2, 5)
    assert normal.std == 1
    assert normal.beyond(1) == pytest.approx(0.3173105, abs=1e-7)
    assert uniform.std == pytest.approx(0.5773503, abs=1e-7)
    assert uniform.beyond(1) == 0
    scale = scale_of_equal_spread("normal", "uniform", 1, 2, 5)
    assert scale == pytest.approx(math.sqrt(3), rel=1e-15)
    assert scale is not None
    assert law_of("uniform", scale, 2, 5).beyond(1) == pytest.approx(1 - 1 / math.sqrt(3))


@pytest.mark.parametrize("name", RANDOM)
def test_equal_spread_is_equal_spread(name: InitializerName) -> None:
    scale = scale_of_equal_spread("xavier_normal", name, 2.5, 7, 3)
    assert scale is not None
    assert law_of(name, scale, 7, 3).std == pytest.approx(law_of("xavier_normal", 2.5, 7, 3).std)
    assert scale_of_equal_spread(name, "zeros", 1, 7, 3) is None


def test_draws_are_those_of_the_network() -> None:
    draws = draw_weights("he_normal", 0.7, 6, 4, seed=11)
    matrix = INITIALIZERS["he_normal"](4, 6, Generator().manual_seed(11), 0.7)
    assert draws.values[:24].tolist() == matrix.double().flatten().tolist()


@pytest.mark.parametrize("name", NAMES)
def test_scale_zero_is_all_zeros(name: InitializerName) -> None:
    draws = draw_weights(name, 0.0, 3, 4, 0, count=50)
    assert not draws.values.any()
    assert draws.curve is None
    assert (draws.mean.expected, draws.std.expected, draws.beyond.expected) == (0, 0, 0)


@pytest.mark.parametrize("name", RANDOM)
def test_the_curve_encloses_an_area_of_one(name: InitializerName) -> None:
    curve = draw_weights(name, 0.3, 20, 10, 0, count=10).curve
    assert curve is not None
    assert np.trapezoid(curve[1], curve[0]) == pytest.approx(1, abs=2e-3)


def test_a_one_by_one_orthogonal_weight_is_plus_or_minus_its_scale() -> None:
    draws = draw_weights("orthogonal", 1.5, 1, 1, 0, count=500)
    assert np.unique(np.abs(draws.values)).tolist() == [1.5]
    assert (draws.std.expected, draws.beyond.expected, draws.curve) == (1.5, 1.0, None)


@pytest.mark.parametrize("sizes", [(0, 5, 10), (5, 0, 10), (5, 5, 0)])
def test_impossible_sizes_get_a_sentence(sizes: tuple[int, int, int]) -> None:
    fan_in, fan_out, count = sizes
    with pytest.raises(ValueError, match="must be at least 1"):
        draw_weights("normal", 1.0, fan_in, fan_out, 0, count)
