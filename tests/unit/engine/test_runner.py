"""The Runner: the course's surface without the course's bugs, live edits, and divergence."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from nndl_core.base.config import RunConfig
from nndl_core.data.catalog import dataset_of
from nndl_core.engine.checkpoint import Checkpoint
from nndl_core.engine.runner import Runner
from nndl_core.network.gradients import by_hand
from nndl_core.network.losses import accuracy
from nndl_core.network.model import MLP
from nndl_core.network.optimizers import Optimizer

SMALL = RunConfig(points=100, epochs=30, dtype="float64")
# weight decay 1 at this rate multiplies every parameter by -999 in each epoch
DIVERGING = {"learning_rate": 1000, "weight_decay": 1, "points": 100, "activation": "identity"}


def parameters(model: MLP) -> list[Tensor]:
    return [p.detach().clone() for p in model.parameters()]


def equal(first: list[Tensor], second: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def course_runner(seed: int = 0, lr: float = 0.2) -> tuple[Runner, MLP, torch.optim.Optimizer]:
    torch.manual_seed(seed)
    model = MLP((2, 5, 1), dtype=torch.float64)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return Runner(model, optimizer, accuracy, "bce"), model, optimizer


def sets() -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Train and dev as the course has them: labels are a float column."""
    data = dataset_of(SMALL)
    train, dev = data.train, data.dev
    return (train.x, train.y[:, None].double()), (dev.x, dev.y[:, None].double())


def plain_loop(model: MLP, optimizer: torch.optim.Optimizer, epochs: int) -> list[float]:
    """Train as a PyTorch beginner does, and return the losses."""
    (x, y), _ = sets()
    losses = []
    for _ in range(epochs):
        optimizer.zero_grad()
        logits = model(x.double())
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, y)
        torch.autograd.backward(loss)
        losses.append(loss.item())
        optimizer.step()
    return losses


def test_training_is_that_of_a_plain_pytorch_loop() -> None:
    runner, model, _ = course_runner()
    runner.train(*sets(), num_epochs=25)
    _, twin, optimizer = course_runner()
    assert runner.train_loss == pytest.approx(plain_loop(twin, optimizer, 25), abs=1e-12)
    for ours, theirs in zip(model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("kind", ["momentum", "nesterov", "adam"])
def test_other_torch_optimizers_train_alike_also_in_two_parts(kind: str) -> None:
    def optimizer_of(model: MLP) -> torch.optim.Optimizer:
        if kind == "adam":
            return torch.optim.Adam(model.parameters(), lr=0.05)
        nesterov = kind == "nesterov"
        return torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=nesterov)

    model, twin = course_runner()[1], course_runner()[1]
    runner = Runner(model, optimizer_of(model))
    runner.train(*sets(), num_epochs=10)
    runner.train(*sets(), num_epochs=15)
    losses = plain_loop(twin, optimizer_of(twin), 25)
    assert runner.train_loss == pytest.approx(losses, abs=1e-10)
    assert [r.epoch for r in runner.records] == list(range(25))


def test_a_learning_rate_changed_in_the_torch_optimizer_counts() -> None:
    runner, model, optimizer = course_runner()
    runner.train(*sets(), num_epochs=5)
    optimizer.param_groups[0]["lr"] = 0.0
    before = parameters(model)
    runner.train(num_epochs=5)
    assert equal(parameters(model), before)
    assert len(runner.records) == 10


def test_iterating_gives_one_record_per_epoch_and_ends() -> None:
    runner = Runner.from_config(SMALL)
    records = list(runner)
    assert [r.epoch for r in records] == list(range(30))
    assert records == list(runner.records)
    assert runner.finished
    assert list(runner) == []
    assert runner.advance(10) == 0


def test_pausing_is_not_pulling() -> None:
    runner = Runner.from_config(SMALL)
    for record in runner:
        if record.epoch == 9:
            break
    assert (runner.epoch, len(runner.records), runner.finished) == (10, 10, False)
    assert next(runner).epoch == 10


def test_advance_counts_what_it_trained_and_may_be_timed() -> None:
    runner = Runner.from_config(SMALL)
    assert [runner.advance(n) for n in (7, 0, 20, 20)] == [7, 0, 3 + 17, 3]
    timed = Runner.from_config(RunConfig(epochs=100_000))
    trained = timed.advance(100_000, seconds=0.0)
    assert 0 < trained < 100_000
    assert trained == timed.epoch
    assert timed.seconds > 0


def test_histories_are_those_of_the_records() -> None:
    runner = Runner.from_config(SMALL)
    runner.advance(30)
    assert runner.train_loss == [r.train_loss for r in runner.records]
    assert runner.train_scores == [r.train_accuracy for r in runner.records]
    assert runner.dev_loss == [r.dev_loss for r in runner.records]
    assert runner.dev_scores == [r.dev_accuracy for r in runner.records]
    assert len(runner.dev_loss) == 30


def test_train_and_dev_are_measured_at_the_same_parameters_before_the_update() -> None:
    runner = Runner.from_config(SMALL)
    assert runner.dataset is not None
    for _ in range(5):
        train = runner.evaluate(runner.dataset.train)
        dev = runner.evaluate(runner.dataset.dev)
        record = next(runner)
        assert (record.train_accuracy, record.dev_accuracy) == (train[0], dev[0])
        assert record.train_loss == pytest.approx(train[1], abs=1e-13)
        assert record.dev_loss == pytest.approx(dev[1], abs=1e-13)


@pytest.mark.parametrize("training", [True, False])
def test_evaluate_changes_nothing(training: bool) -> None:
    runner, twin = Runner.from_config(SMALL), Runner.from_config(SMALL)
    for r in (runner, twin):
        r.advance(10)
    runner.model.train(training)
    before = parameters(runner.model)
    assert runner.dataset is not None
    for best in (False, True):
        runner.evaluate(runner.dataset.test, best=best)
        runner.predict(runner.dataset.test.x, best=best)
    assert runner.model.training is training
    assert equal(parameters(runner.model), before)
    assert len(runner.dev_loss) == len(runner.dev_scores) == 10
    runner.advance(20)
    twin.advance(20)
    assert list(runner.records) == list(twin.records)


def test_evaluate_gives_score_then_loss_of_current_or_best() -> None:
    runner = Runner.from_config(RunConfig(points=100, epochs=200, learning_rate=5))
    runner.advance(200)
    assert runner.best is not None
    assert runner.dataset is not None
    assert runner.best.score == max(runner.dev_scores)
    assert runner.best.epoch == runner.dev_scores.index(max(runner.dev_scores))
    assert runner.best.epoch > 0
    score, loss = runner.evaluate(runner.dataset.dev, best=True)
    assert score == pytest.approx(runner.best.score)
    assert loss == pytest.approx(runner.dev_loss[runner.best.epoch], abs=1e-6)
    assert runner.evaluate(runner.dataset.dev) != (score, loss)


def test_label_shapes_n_and_n_by_1_mean_the_same() -> None:
    (x, column), dev = sets()
    first, second = course_runner()[0], course_runner()[0]
    first.train((x, column), dev, num_epochs=5)
    second.train((x, column[:, 0]), dev, num_epochs=5)
    assert list(first.records) == list(second.records)
    assert first.evaluate((x, column)) == second.evaluate((x, column[:, 0]))


@pytest.mark.parametrize("shape", [(63,), (64, 2), (1, 64), (64, 1, 1), ()])
def test_labels_that_would_broadcast_are_refused(shape: tuple[int, ...]) -> None:
    (x, _), dev = sets()
    runner = course_runner()[0]
    for call in (runner.evaluate, lambda data: runner.train(data, dev, num_epochs=1)):
        with pytest.raises(ValueError, match=r"^Labels of shape .* expected \[64\] or .*\.$"):
            call((x, torch.zeros(shape)))
    assert len(runner.records) == 0


def test_the_optimizer_of_another_model_is_refused() -> None:
    _, model, _ = course_runner()
    other = MLP((2, 5, 1))
    for optimizer in (
        torch.optim.SGD(other.parameters(), lr=0.1),
        torch.optim.SGD([*model.parameters(), *other.parameters()], lr=0.1),
        torch.optim.SGD(model.layers[0].parameters(), lr=0.1),
        Optimizer(tuple(other.parameters())),
    ):
        with pytest.raises(ValueError, match="does not hold this model's parameters"):
            Runner(model, optimizer)


def test_an_unknown_loss_is_refused() -> None:
    _, model, optimizer = course_runner()
    with pytest.raises(ValueError, match=r"^loss_fn: 'hinge' is not known; choose one of .*\.$"):
        Runner(model, optimizer, loss_fn="hinge")


@pytest.mark.parametrize("wrong", ["num_epoch", "log_epoch", "lr", "eval_fn"])
def test_a_misspelt_keyword_is_not_swallowed(wrong: str) -> None:
    arguments: dict[str, Any] = {wrong: 5}
    with pytest.raises(TypeError, match=wrong):
        course_runner()[0].train(*sets(), **arguments)


def test_training_without_data_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"call train\(train_set, dev_set\)\.$"):
        course_runner()[0].advance(1)


def test_the_first_model_is_kept_as_best_even_with_score_zero() -> None:
    _, model, optimizer = course_runner()
    runner = Runner(model, optimizer, metric=lambda p, y: 0.0)
    before = parameters(model)
    runner.train(*sets(), num_epochs=5)
    assert runner.best is not None
    assert (runner.best.epoch, runner.best.score) == (0, 0.0)
    tensors = runner.checkpoint(best=True).tensors
    assert equal([tensors[n] for n in dict(model.named_parameters())], before)


def test_another_metric_scores_train_and_dev_and_chooses_the_best() -> None:
    def negative_error(p: Tensor, y: Tensor) -> float:
        assert p.shape == y.shape == (len(p), 1)
        return -(p - y).abs().mean().item()

    _, model, optimizer = course_runner()
    runner = Runner(model, optimizer, metric=negative_error)
    train, dev = sets()
    first = negative_error(model.predict(dev[0]), dev[1])
    runner.train(train, dev, num_epochs=20)
    assert runner.dev_scores[0] == pytest.approx(first, abs=1e-12)
    assert runner.best is not None
    assert runner.best.score == max(runner.dev_scores)
    assert runner.evaluate(dev, best=True)[0] == pytest.approx(runner.best.score, abs=1e-12)


def test_the_hook_runs_after_backward_and_before_the_update() -> None:
    runner, model, _ = course_runner()
    train, dev = sets()
    calls: list[int] = []
    start = parameters(model)

    def hook(r: Runner) -> None:
        assert r is runner
        if not calls:
            assert equal(parameters(model), start)
        expected = by_hand(model, train[0].double(), train[1], "bce")
        for layer, g in zip(model.layers, expected, strict=True):
            assert layer.weight.grad is not None
            assert layer.bias.grad is not None
            torch.testing.assert_close(layer.weight.grad, g.weight, rtol=1e-11, atol=1e-14)
            torch.testing.assert_close(layer.bias.grad, g.bias, rtol=1e-11, atol=1e-14)
        calls.append(r.epoch)

    runner.train(train, dev, num_epochs=6, custom_print_log=hook)
    assert calls == list(range(6))
    silent = course_runner()[0]
    silent.train(train, dev, num_epochs=6)
    assert list(silent.records) == list(runner.records)
    runner.train(num_epochs=2)
    assert len(calls) == 6


def test_a_hook_that_fails_is_not_called_again() -> None:
    runner = course_runner()[0]

    def hook(r: Runner) -> None:
        raise RuntimeError("the student's own mistake")

    with pytest.raises(RuntimeError, match="own mistake"):
        runner.train(*sets(), num_epochs=3, custom_print_log=hook)
    runner.train(num_epochs=3)
    assert len(runner.records) == 3


def test_log_epochs_prints_a_line_that_often(capsys: pytest.CaptureFixture[str]) -> None:
    runner = course_runner()[0]
    runner.train(*sets(), num_epochs=20, log_epochs=8)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "[Train] epoch: 0/20",
        "[Train] epoch: 8/20",
        "[Train] epoch: 16/20",
    ]
    assert f"loss: {runner.train_loss[8]:.5f}, score: {runner.train_scores[8]:.5f}" in lines[1]
    assert f"[Dev] loss: {runner.dev_loss[8]:.5f}" in lines[1]
    runner.train(num_epochs=5)
    assert capsys.readouterr().out == ""


def test_save_path_gets_the_best_model_and_nothing_is_saved_without_it(tmp_path: Path) -> None:
    runner = course_runner()[0]
    runner.train(*sets(), num_epochs=10)
    assert list(tmp_path.iterdir()) == []
    path = tmp_path / "best.safetensors"
    runner.train(num_epochs=10, save_path=path)
    twin = course_runner(seed=5)[0]
    twin.load_model(path)
    _, dev = sets()
    assert twin.evaluate(dev) == runner.evaluate(dev, best=True)


def test_what_is_written_into_the_model_between_epochs_is_trained_on() -> None:
    runner = Runner.from_config(SMALL)
    runner.advance(5)
    with torch.no_grad():
        for p in runner.model.parameters():
            p.zero_()
    assert next(runner).train_loss == pytest.approx(math.log(2), abs=1e-15)
    assert runner.model.layers[1].weight.abs().max().item() > 0


def test_a_live_learning_rate_counts_from_the_next_epoch() -> None:
    runner = Runner.from_config(SMALL)
    runner.advance(5)
    runner.optimizer.learning_rate = 0.0
    before = parameters(runner.model)
    assert next(runner).layers[0].changed_share == 0.0
    assert equal(parameters(runner.model), before)


@pytest.mark.parametrize("batch_size", [0, 10])
def test_autograd_is_a_switch_that_gives_the_same_run(batch_size: int) -> None:
    config = RunConfig.from_dict(
        {"points": 100, "epochs": 20, "dtype": "float64", "batch_size": batch_size}
    )
    hand, auto = Runner.from_config(config), Runner.from_config(config)
    auto.by_autograd = True
    hand.advance(20)
    auto.advance(20)
    assert hand.train_loss == pytest.approx(auto.train_loss, abs=1e-12)


def test_measuring_and_releasing_memory_change_no_number() -> None:
    runner, straight = Runner.from_config(SMALL), Runner.from_config(SMALL)
    straight.advance(30)
    for _ in range(10):
        record, _ = runner.measure()
        runner.advance(3)
        runner.release()
        assert record.train_loss == runner.records[-3].train_loss
        assert record.dev_accuracy == runner.records[-3].dev_accuracy
    assert list(runner.records) == list(straight.records)
    assert equal(parameters(runner.model), parameters(straight.model))


def test_equal_configs_give_equal_runs_and_other_seeds_do_not() -> None:
    def losses(**change: Any) -> list[float]:
        runner = Runner.from_config(RunConfig.from_dict({"points": 60, "epochs": 5} | change))
        runner.advance(5)
        return runner.train_loss

    assert losses() == losses()
    assert losses(init_seed=1) != losses()
    assert losses(data_seed=1) != losses()


@pytest.fixture
def diverging() -> Runner:
    runner = Runner.from_config(RunConfig.from_dict({**DIVERGING, "epochs": 2000}))
    runner.advance(2000)
    return runner


def test_a_diverging_run_stops_by_itself_at_the_last_finite_state(diverging: Runner) -> None:
    d = diverging.diverged
    assert d is not None
    assert diverging.finished
    assert diverging.advance(100) == 0
    assert len(diverging.records) == d.epoch
    assert 0 < d.epoch < 2000
    assert d.learning_rate == 1000
    assert d.layer in ("fc1", "fc2")
    ratios = [layer.update_ratio for layer in diverging.records[-1].layers]
    assert d.update_ratio == max(ratios)
    assert d.layer == f"fc{ratios.index(max(ratios)) + 1}"
    assert min(ratios) > 900
    assert diverging.epoch == d.epoch - 1
    assert all(p.isfinite().all() for p in diverging.model.parameters())
    for record in diverging.records:
        assert math.isfinite(record.train_loss)
        assert math.isfinite(record.dev_loss)
    assert diverging.measure()[0].train_loss == diverging.records[-1].train_loss
    assert diverging.dataset is not None
    assert math.isfinite(diverging.evaluate(diverging.dataset.test)[1])


def test_divergence_is_the_same_one_by_one_and_yields_no_record_twice(diverging: Runner) -> None:
    assert diverging.diverged is not None
    slow = Runner.from_config(RunConfig.from_dict({**DIVERGING, "epochs": 2000}))
    yielded = list(slow)
    assert slow.diverged is not None
    assert slow.diverged.epoch == diverging.diverged.epoch
    assert [r.epoch for r in yielded] == list(range(slow.diverged.epoch))
    assert equal(parameters(slow.model), parameters(diverging.model))


def test_advance_never_counts_backwards() -> None:
    runner = Runner.from_config(RunConfig.from_dict({**DIVERGING, "epochs": 2000}))
    counts = []
    while not runner.finished:
        counts.append(runner.advance(1))
    assert min(counts) >= 0
    assert sum(counts) == len(runner.records)


def test_a_run_that_ends_on_its_bad_update_keeps_the_finite_state(diverging: Runner) -> None:
    assert diverging.diverged is not None
    epochs = diverging.diverged.epoch
    runner = Runner.from_config(RunConfig.from_dict({**DIVERGING, "epochs": epochs}))
    runner.advance(epochs)
    assert all(p.isfinite().all() for p in runner.model.parameters())
    assert math.isfinite(runner.measure()[0].train_loss)
    assert runner.diverged == diverging.diverged
    assert len(runner.records) == epochs


def test_a_pause_never_shows_a_state_that_is_not_finite() -> None:
    runner = Runner.from_config(RunConfig.from_dict({**DIVERGING, "epochs": 2000}))
    while not runner.finished:
        runner.advance(1)
        assert math.isfinite(runner.measure()[0].train_loss)


def test_weights_that_overflow_at_once_are_reported_at_epoch_zero() -> None:
    values = {"hidden": [64] * 12, "activation": "identity", "init_scale": 100, "points": 100}
    runner = Runner.from_config(RunConfig.from_dict({**values, "init_seed": 1}))
    with torch.no_grad():
        runner.model.layers[0].weight.mul_(1e20)
    assert runner.advance(5) == 0
    assert runner.diverged is not None
    assert runner.diverged.epoch == runner.epoch == 0
    assert len(runner.records) == 0


def test_restore_starts_new_histories_and_clears_divergence(diverging: Runner) -> None:
    fresh = Runner.from_config(RunConfig.from_dict({**DIVERGING, "epochs": 2000}))
    diverging.restore(fresh.checkpoint())
    assert diverging.diverged is None
    assert diverging.best is None
    assert (len(diverging.records), diverging.epoch) == (0, 0)
    assert diverging.advance(1) == 1


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_what_is_saved_of_a_diverged_run_can_be_loaded(optimizer: str) -> None:
    values = {**DIVERGING, "epochs": 2000, "optimizer": optimizer, "init_scale": 30}
    runner = Runner.from_config(RunConfig.from_dict(values))
    runner.advance(1)
    with torch.no_grad():
        runner.model.layers[1].weight.fill_(3e38)
    runner.advance(2000)
    assert runner.diverged is not None
    content = runner.checkpoint().to_bytes()
    twin = Runner.from_config(RunConfig.from_dict(values))
    twin.restore(Checkpoint.from_bytes(content))
    assert equal(parameters(twin.model), parameters(runner.model))
    assert all(p.isfinite().all() for p in twin.model.parameters())


def test_after_loading_another_checkpoint_no_memory_of_the_old_run_is_left() -> None:
    config = RunConfig(points=60, epochs=100, optimizer="adam", dtype="float64")
    runner, fresh = Runner.from_config(config), Runner.from_config(config)
    runner.advance(50)
    bare = Checkpoint(dict(fresh.model.state_dict()), 0, config)
    runner.restore(bare)
    runner.advance(20)
    fresh.advance(20)
    assert runner.train_loss == fresh.train_loss
