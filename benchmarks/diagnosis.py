"""What the diagnosis costs beside the training that it reads, at the lab's default settings.

Run it from the project's root: `PYTHONPATH=. python benchmarks/diagnosis.py`. Training and
diagnosis take turns in one process; the page diagnoses once a second while a run plays.
"""

from __future__ import annotations

import statistics
import time

from nndl_core.base.config import RunConfig
from nndl_core.diagnosis.rules import diagnose
from nndl_core.engine.runner import Runner

ROUNDS, FRAMES_PER_SECOND, EPOCHS_PER_FRAME = 9, 10, 20
GOAL = 0.10


def round_of(config: RunConfig) -> tuple[float, float]:
    """Train one run frame by frame, diagnose it once a second; return both seconds."""
    runner, training, diagnosing, frame = Runner.from_config(config), 0.0, 0.0, 0
    while not runner.finished:
        start = time.thread_time()
        runner.advance(EPOCHS_PER_FRAME)
        middle = time.thread_time()
        training += middle - start
        frame += 1
        if frame % FRAMES_PER_SECOND == 0:
            diagnose(config, runner.records)
            diagnosing += time.thread_time() - middle
    return training, diagnosing


def main() -> None:
    """Print the table."""
    for name, config in {
        "2-5-1 sigmoid, the lab's default": RunConfig(),
        "2-16-16-1 relu, batches of 64": RunConfig(
            hidden=(16, 16), activation="relu", batch_size=64
        ),
        "2-8x8-1 tanh": RunConfig(hidden=(8,) * 8, activation="tanh"),
    }.items():
        round_of(config)
        rounds = [round_of(config) for _ in range(ROUNDS)]
        shares = [diagnosing / training for training, diagnosing in rounds]
        train = 1000 * statistics.median(t for t, _ in rounds)
        judge = 1000 * statistics.median(d for _, d in rounds)
        share = statistics.median(shares)
        verdict = "met" if share <= GOAL else "missed"
        print(
            f"{name:34s} training {train:7.1f} ms, diagnosing {judge:6.2f} ms per run: "
            f"{100 * share:5.1f} % ({100 * min(shares):.1f} to {100 * max(shares):.1f})  "
            f"goal at most {100 * GOAL:.0f} %: {verdict}"
        )


if __name__ == "__main__":
    main()
