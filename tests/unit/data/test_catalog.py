"""Data sets: the course's moons bit by bit, balance, split, label noise, and scaling from train."""

import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import datasets as sklearn_datasets  # type: ignore[import-untyped, unused-ignore]
from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped, unused-ignore]

from nndl_core.base.config import ConfigError, RunConfig
from nndl_core.data.catalog import (
    DATASETS,
    Dataset,
    dataset_of,
    make_dataset,
    part_sizes,
    split_rows,
    standardize,
)
from nndl_core.data.points import make_moons

PLANE = [name for name, spec in DATASETS.items() if not spec.tabular]
TABLES = {"iris": sklearn_datasets.load_iris, "digits": sklearn_datasets.load_digits}
TRAIN_ONES = [320, 315, 314, 324, 312, 310, 325, 322, 317, 307]
DEV_ONES = [74, 80, 81, 80, 82]
TEST_ONES = [106, 105, 105, 96, 106]


def all_x(data: Dataset) -> torch.Tensor:
    return torch.cat([data.train.x, data.dev.x, data.test.x])


def all_y(data: Dataset) -> torch.Tensor:
    return torch.cat([data.train.y, data.dev.y, data.test.y])


def same(first: Dataset, second: Dataset) -> bool:
    return torch.equal(all_x(first), all_x(second)) and torch.equal(all_y(first), all_y(second))


def course_moons(n: int, noise: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Follow the formula of the course step by step, point by point."""
    g = torch.Generator().manual_seed(seed)
    upper, lower = torch.linspace(0, math.pi, n // 2), torch.linspace(0, math.pi, n - n // 2)
    rows = [
        *torch.stack([torch.cos(upper), torch.sin(upper)], dim=1),
        *torch.stack([1 - torch.cos(lower), 0.5 - torch.sin(lower)], dim=1),
    ]
    labels = [0.0] * (n // 2) + [1.0] * (n - n // 2)
    order = torch.randperm(n, generator=g).tolist()
    jitter = torch.normal(0.0, noise, (n, 2), generator=g)
    x = torch.stack([rows[i] for i in order]) + jitter
    return x, torch.tensor([labels[i] for i in order])


@pytest.mark.parametrize("seed", [0, 1, 7, 999_999])
@pytest.mark.parametrize("n", [1000, 101, 20])
def test_moons_equal_the_course_in_every_bit(n: int, seed: int) -> None:
    x, y = make_moons(n, noise=0.5, seed=seed)
    expected_x, expected_y = course_moons(n, 0.5, seed)
    assert torch.equal(x, expected_x)
    assert torch.equal(y, expected_y)
    assert y.dtype == torch.float32


@pytest.mark.parametrize("noise", [0.0, None])
@pytest.mark.parametrize("n", [1000, 101])
def test_noise_free_moons_equal_sklearn(n: int, noise: float | None) -> None:
    x, y = make_moons(n, shuffle=False, noise=noise)
    expected_x, expected_y = sklearn_datasets.make_moons(n, shuffle=False)
    assert (x - torch.from_numpy(expected_x)).abs().max() <= 3e-7
    assert y.tolist() == expected_y.tolist()


@pytest.mark.parametrize(("seed", "ones"), [*enumerate(TRAIN_ONES)])
def test_moons_train_part_has_the_published_class_count(seed: int, ones: int) -> None:
    assert make_dataset("moons", data_seed=seed).train.y.sum() == ones


@pytest.mark.parametrize(("seed", "ones"), [*enumerate(zip(DEV_ONES, TEST_ONES, strict=True))])
def test_moons_dev_and_test_have_the_published_class_count(
    seed: int, ones: tuple[int, int]
) -> None:
    data = make_dataset("moons", data_seed=seed)
    assert (int(data.dev.y.sum()), int(data.test.y.sum())) == ones


def test_moons_data_set_is_the_course_generator_cut_in_order() -> None:
    data = make_dataset("moons", data_seed=3)
    x, y = make_moons(1000, noise=0.5, seed=3)
    assert torch.equal(data.train.x, x[:640])
    assert torch.equal(data.dev.x, x[640:800])
    assert torch.equal(data.test.x, x[800:])
    assert torch.equal(all_y(data), y.long())


def test_noise_free_circles_equal_sklearn() -> None:
    data = make_dataset("circles", 101, noise=0.0)
    expected_x, expected_y = sklearn_datasets.make_circles(101, shuffle=False, factor=0.5)
    rows = torch.cat([all_x(data), all_y(data)[:, None]], dim=1).tolist()
    expected = torch.cat([torch.from_numpy(expected_x), torch.from_numpy(expected_y)[:, None]], 1)
    # Rounded before sorting: the two differ in the last float32 digit.
    ours = sorted([round(v, 4) + 0.0 for v in row] for row in rows)
    theirs = sorted([round(v, 4) + 0.0 for v in row] for row in expected.tolist())
    assert torch.allclose(torch.tensor(ours), torch.tensor(theirs), atol=2e-4)


def test_xor_is_class_1_exactly_where_the_signs_differ() -> None:
    data = make_dataset("xor", 400, noise=0.0)
    x = all_x(data)
    assert torch.equal(all_y(data), (x[:, 0] * x[:, 1] < 0).long())
    quadrant = (x[:, 0] > 0).long() + 2 * (x[:, 1] > 0).long()
    assert quadrant.bincount().tolist() == [100, 100, 100, 100]
    assert x.abs().min() >= 0.1
    assert x.abs().max() <= 1.5


@pytest.mark.parametrize(("name", "centers"), [("blobs2", 2), ("blobs3", 3)])
def test_blobs_are_round_and_apart(name: str, centers: int) -> None:
    data = make_dataset(name, 5000, noise=0.0)
    x, y = all_x(data), all_y(data)
    means = torch.stack([x[y == c].mean(dim=0) for c in range(centers)])
    spreads = torch.stack([x[y == c].std(dim=0) for c in range(centers)])
    assert torch.allclose(spreads, torch.full((centers, 2), 0.25), atol=0.02)
    assert torch.pdist(means).min() > 2.0
    assert torch.equal(torch.cdist(x, means).argmin(dim=1), y)


@pytest.mark.parametrize(("name", "arms"), [("spirals2", 2), ("spirals3", 3)])
def test_spiral_arms_never_touch_and_turn_into_each_other(name: str, arms: int) -> None:
    data = make_dataset(name, 600, noise=0.0)
    x, y = all_x(data), all_y(data)
    radius = x.norm(dim=1)
    assert torch.allclose(radius.aminmax().min, torch.tensor(0.2), atol=1e-5)
    assert torch.allclose(radius.aminmax().max, torch.tensor(2.0), atol=1e-5)
    apart = min(
        float(torch.cdist(x[y == a], x[y == b]).min()) for a in range(arms) for b in range(a)
    )
    assert 0.3 <= apart <= 0.6
    first, turn = x[y == 0].double(), 2 * math.pi / arms
    rotation = torch.tensor(
        [[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]], dtype=torch.float64
    )
    gap = torch.cdist(first @ rotation, x[y == 1].double()).min(dim=1).values
    assert gap.max() < 1e-5


@pytest.mark.parametrize("name", PLANE)
@pytest.mark.parametrize("points", [1000, 999, 20])
def test_classes_are_as_balanced_as_they_can_be(name: str, points: int) -> None:
    counts = all_y(make_dataset(name, points)).bincount(minlength=DATASETS[name].classes)
    assert counts.sum() == points
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("name", PLANE)
def test_shapes_have_the_scale_of_the_moons(name: str) -> None:
    x = all_x(make_dataset(name, 2000, noise=0.0))
    assert x.min() >= -2.0
    assert x.max() <= 3.0
    assert (x.amax(dim=0) - x.amin(dim=0)).min() >= 1.0


@pytest.mark.parametrize("name", PLANE)
def test_noise_is_the_jitter_of_positions_and_nothing_else(name: str) -> None:
    still = make_dataset(name, 5000, noise=0.0, data_seed=4)
    moved = make_dataset(name, 5000, noise=0.3, data_seed=4)
    further = make_dataset(name, 5000, noise=0.6, data_seed=4)
    jitter = all_x(moved) - all_x(still)
    assert torch.equal(all_y(still), all_y(moved))
    assert jitter.std(dim=0).tolist() == pytest.approx([0.3, 0.3], rel=0.04)
    assert jitter.mean(dim=0).tolist() == pytest.approx([0.0, 0.0], abs=0.02)
    assert torch.allclose(all_x(further) - all_x(still), 2 * jitter, atol=2e-6)


@pytest.mark.parametrize("name", DATASETS)
def test_names_types_and_shapes_keep_what_the_spec_says(name: str) -> None:
    spec, data = DATASETS[name], make_dataset(name, 300)
    assert data.name == name
    assert len(data.classes) == spec.classes == int(all_y(data).max()) + 1
    assert len(data.features) == spec.features == all_x(data).shape[1]
    for part in (data.train, data.dev, data.test):
        assert (part.x.dtype, part.y.dtype) == (torch.float32, torch.int64)
        assert part.x.is_contiguous()
        assert part.x.isfinite().all()
        assert len(part.x) == len(part.y)


@pytest.mark.parametrize("name", DATASETS)
def test_equal_arguments_give_equal_bits_and_another_seed_does_not(name: str) -> None:
    first = make_dataset(name, 200, 0.2, 0.1, 5)
    torch.manual_seed(1)
    torch.rand(7)
    assert same(first, make_dataset(name, 200, 0.2, 0.1, 5))
    assert not same(first, make_dataset(name, 200, 0.2, 0.1, 6))
    assert first != make_dataset(name, 200, 0.2, 0.1, 5)
    assert len({first, first}) == 1


@pytest.mark.parametrize("name", DATASETS)
def test_making_data_leaves_the_global_random_stream_alone(name: str) -> None:
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    make_dataset(name, 100, 0.5, 0.2, 1)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("name", PLANE)
def test_no_row_is_in_two_parts(name: str) -> None:
    assert len({tuple(row) for row in all_x(make_dataset(name, 1000)).tolist()}) == 1000


@given(rows=st.integers(20, 5000))
def test_split_is_contiguous_and_complete(rows: int) -> None:
    train, dev, test = split_rows(torch.arange(rows)[:, None], torch.arange(rows))
    assert (len(train.y), len(dev.y)) == (rows * 64 // 100, rows * 16 // 100)
    assert part_sizes(rows) == (len(train.y), len(dev.y), len(test.y))
    assert torch.equal(torch.cat([train.y, dev.y, test.y]), torch.arange(rows))
    assert min(len(dev.y), len(test.y)) >= 1


@settings(deadline=None, max_examples=40)
@given(
    name=st.sampled_from(list(DATASETS)),
    points=st.integers(20, 400),
    share=st.floats(0, 0.5),
    seed=st.integers(0, 999_999),
)
def test_label_noise_moves_exactly_its_share_of_train_and_dev_labels(
    name: str, points: int, share: float, seed: int
) -> None:
    clean = make_dataset(name, points, data_seed=seed)
    noisy = make_dataset(name, points, label_noise=share, data_seed=seed)
    for before, after in ((clean.train, noisy.train), (clean.dev, noisy.dev)):
        assert int((before.y != after.y).sum()) == round(share * len(before.y))
        assert 0 <= int(after.y.min()) <= int(after.y.max()) < DATASETS[name].classes
    assert torch.equal(clean.test.y, noisy.test.y)
    assert torch.equal(all_x(clean), all_x(noisy))


def test_more_label_noise_keeps_the_flips_of_less() -> None:
    clean, less, more = (
        make_dataset("digits", 1000, label_noise=share).train.y for share in (0.0, 0.1, 0.4)
    )
    moved = clean != less
    assert int(moved.sum()) == 64
    assert torch.equal(more[moved], less[moved])


def test_label_noise_reaches_every_other_class_evenly() -> None:
    clean = make_dataset("digits", 1797).train.y
    noisy = make_dataset("digits", 1797, label_noise=0.5).train.y
    step = ((noisy - clean) % 10)[noisy != clean].bincount(minlength=10)
    expected = float(step.sum()) / 9
    assert step[0] == 0
    # Chi square with 8 degrees of freedom stays below 26.1 in 999 of 1000 cases.
    assert float(((step[1:] - expected) ** 2 / expected).sum()) < 26.1


def test_label_noise_has_a_random_stream_of_its_own() -> None:
    clean, noisy = make_dataset("moons").train.y, make_dataset("moons", label_noise=0.2).train.y
    flipped = (clean != noisy).nonzero().flatten().tolist()
    of_the_shuffle = torch.randperm(640, generator=torch.Generator().manual_seed(0))[:128]
    assert flipped != sorted(of_the_shuffle.tolist())


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_scaled_by_their_train_part_alone(name: str) -> None:
    data = make_dataset(name, 5000, data_seed=2)
    raw, y = DATASETS[name].make(5000, 0.0, torch.Generator().manual_seed(2))
    rows = len(data.train.x)
    scaler = StandardScaler().fit(raw[:rows].numpy())
    expected = torch.from_numpy(scaler.transform(raw.numpy())).float()
    assert torch.allclose(all_x(data), expected, atol=1e-5)
    assert torch.equal(all_y(data), y)
    assert data.train.x.double().mean(dim=0).abs().max() < 1e-6
    spread = data.train.x.double().std(dim=0, correction=0)
    assert torch.all(((spread - 1).abs() < 1e-5) | (spread == 0))
    assert data.test.x.double().mean(dim=0).abs().max() > 1e-3


@pytest.mark.parametrize("name", TABLES)
def test_without_scaling_a_table_keeps_its_own_units(name: str) -> None:
    data = make_dataset(name, 5000, data_seed=2, scale="off")
    raw, y = DATASETS[name].make(5000, 0.0, torch.Generator().manual_seed(2))
    config = RunConfig.from_dict({"dataset": name, "points": 5000, "data_seed": 2, "scale": "off"})
    assert torch.equal(all_x(data), raw.float())
    assert torch.equal(all_y(data), y)
    assert same(data, dataset_of(config))


@pytest.mark.parametrize("name", PLANE)
def test_drawn_points_are_not_scaled_at_all(name: str) -> None:
    assert same(make_dataset(name, 100), make_dataset(name, 100, scale="off"))


@pytest.mark.parametrize("name", TABLES)
def test_tables_hold_every_row_of_sklearn_once(name: str) -> None:
    bunch = TABLES[name]()
    raw, y = DATASETS[name].make(5000, 0.0, torch.Generator().manual_seed(9))
    ours = sorted([*row, label] for row, label in zip(raw.tolist(), y.tolist(), strict=True))
    theirs = zip(bunch.data.tolist(), bunch.target.tolist(), strict=True)
    assert ours == sorted([*row, label] for row, label in theirs)


@pytest.mark.parametrize("name", TABLES)
def test_table_names_are_those_of_sklearn(name: str) -> None:
    bunch, spec = TABLES[name](), DATASETS[name]
    assert spec.feature_names == tuple(bunch.feature_names)
    assert spec.class_names == tuple(str(each) for each in bunch.target_names)


@pytest.mark.parametrize("name", TABLES)
def test_points_are_the_first_rows_of_one_shuffle(name: str) -> None:
    few, _ = DATASETS[name].make(50, 0.0, torch.Generator().manual_seed(0))
    many, _ = DATASETS[name].make(5000, 0.0, torch.Generator().manual_seed(0))
    assert torch.equal(few, many[:50])
    assert len(all_x(make_dataset(name, 50))) == 50


@pytest.mark.parametrize("name", TABLES)
def test_noise_leaves_tables_as_they_are(name: str) -> None:
    assert same(make_dataset(name, noise=0.0), make_dataset(name, noise=2.0))


@pytest.mark.parametrize("value", [0.1, 1e15, -1 / 3])
def test_constant_feature_becomes_zero_and_nothing_blows_up(value: float) -> None:
    x = torch.tensor([[value, float(row)] for row in range(30)], dtype=torch.float64)
    scaled = standardize(x, 19)
    assert scaled[:, 0].abs().max() <= 1e-15 * max(1.0, abs(value))
    assert float(scaled[:19, 1].std(correction=0)) == pytest.approx(1.0)


def test_feature_that_varies_outside_the_train_part_only_is_centered() -> None:
    x = torch.tensor([[4.0]] * 19 + [[9.0]])
    assert standardize(x, 19).flatten().tolist() == [0.0] * 19 + [5.0]


@pytest.mark.parametrize("spread", [5e-324, 1e-200])
def test_feature_too_narrow_to_divide_by_is_centered(spread: float) -> None:
    x = torch.tensor([[0.0], [spread]] * 10, dtype=torch.float64)
    assert standardize(x, 20).isfinite().all()


@pytest.mark.parametrize(
    ("setting", "value", "allowed"),
    [
        ("points", 19, "from 20 to 5000"),
        ("points", 5001, "from 20 to 5000"),
        ("points", 20.5, "whole number"),
        ("noise", -0.1, "from 0 to 2"),
        ("noise", math.nan, "from 0 to 2"),
        ("label_noise", 0.51, "from 0 to 0.5"),
        ("data_seed", -1, "from 0 to 999999"),
    ],
)
def test_wrong_setting_is_named_with_value_and_allowed_range(
    setting: str, value: float, allowed: str
) -> None:
    arguments: dict[str, float] = {setting: value}
    with pytest.raises(ConfigError, match=rf"^{setting}: .*") as caught:
        make_dataset("moons", **arguments)  # type: ignore[arg-type]
    text = str(caught.value)
    assert str(value) in text
    assert allowed.split()[-1] in text
    assert text.endswith(".")
    assert "\n" not in text


def test_unknown_data_set_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        ValueError, match=r"^dataset: 'mnist' is not known; choose one of "
    ) as caught:
        make_dataset("mnist")
    assert all(name in str(caught.value) for name in DATASETS)


def test_tables_are_read_without_importing_sklearn() -> None:
    code = (
        "import sys; from nndl_core.data.catalog import make_dataset; make_dataset('moons');"
        "make_dataset('iris'); make_dataset('digits'); assert 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])
