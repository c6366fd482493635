"""What the functions of the cases say of themselves, in the language of whoever reads them."""

from __future__ import annotations

from typing import Final

from nndl_core.base.i18n import mark, tr

DOCSTRINGS: Final = (
    mark("Draw all weights from N(0, 0.01) and return their standard deviation."),
    mark("Make two hidden layers; return the largest difference of their weights."),
    mark("Train one network twice; return the difference of the two final losses."),
    mark("Train a second network for 10 epochs; count its parameters that moved."),
    mark("Return how far two learning rates bring the final losses apart."),
    mark("Use one set as train and as dev set; return the largest gap of the curves."),
    mark("Return the L2 norm of the gradient of the first layer's weights."),
    mark("Return the L2 norm of a very small gradient: ELU, all biases -9."),
    mark("Train a network and return its share of right answers on the dev set."),
    mark("Train on two groups that a line separates; return the final loss."),
    mark("Train 100 epochs, test once, and return the length of the dev history."),
    mark("Train 10 epochs; return how many training steps the batch norm counted."),
    mark("Save a trained network, load it into a new one, return the largest difference."),
    mark("Train two networks, load the first one again, return the largest difference."),
    mark("Train 50 epochs with minus the dev loss as score; count the checkpoints."),
    mark("Build fc1, act1, fc2, ... whose output is the logit; weights drawn from N(0, std)."),
    mark(
        "Without std weights and biases are what nn.Linear draws. A generator as seed goes on "
        "drawing."
    ),
    mark("Set a layer to N(0, std) and a constant bias, or without std to torch's own default."),
    mark("Return X [n, 2] and y [n, 1] of the course's moons: part is train, dev or test."),
    mark("Return X [n, 2] and y [n, 1] of two groups of points that a straight line separates."),
    mark("Do full-batch steps and return the loss that the last of them started from."),
    mark("Return the mean binary cross entropy of logits [n, 1] and labels [n, 1]."),
    mark("Return the share of right answers; a logit of 0 or more is class 1."),
)
"""Every line of a docstring that a learner sees, word for word."""


def translated_docstrings(code: str) -> str:
    """Return a function's code with its docstring in the reader's language; no line is added."""
    for line in DOCSTRINGS:
        code = code.replace(line, tr(line))
    return code
