"""The formulas of activations and losses in LaTeX, as a walk through a network shows them."""

from __future__ import annotations

from nndl_core.base.config import ActivationName
from nndl_core.base.i18n import mark, tr
from nndl_core.course.walkthrough.case import WorkedCase

FORMULAS: dict[ActivationName, tuple[str, str]] = {
    "sigmoid": (r"\frac{1}{1 + e^{-z}}", r"a\,(1 - a)"),
    "tanh": (r"\tanh z", "1 - a^2"),
    "relu": (r"\max(z, 0)", r"[z > 0]"),
    "leaky_relu": (
        r"\begin{cases} z & z > 0 \\ %g\,z & z \le 0 \end{cases}",
        r"\begin{cases} 1 & z > 0 \\ %g & z \le 0 \end{cases}",
    ),
    "elu": (
        r"\begin{cases} z & z > 0 \\ %g\,(e^z - 1) & z \le 0 \end{cases}",
        r"\begin{cases} 1 & z > 0 \\ %g\,e^z & z \le 0 \end{cases}",
    ),
    "gelu": (r"z\,\Phi(z)", r"\Phi(z) + z\,\Phi'(z)"),
    "silu": (r"z\,\sigma(z)", r"\sigma(z)\,(1 + z\,(1 - \sigma(z)))"),
    "softplus": (r"\ln(1 + e^z)", r"\sigma(z)"),
    "identity": ("z", "1"),
}
"""An activation and its slope; %g is the Leaky slope or the ELU alpha."""

LOSS_FORMULAS: dict[str, tuple[str, str, str]] = {
    "bce": (
        r"L = -\frac{1}{N} \sum_n \big( y_n \ln p_n + (1 - y_n) \ln(1 - p_n) \big)",
        r"\frac{P - Y}{N}",
        mark("For this loss it is simply output minus target"),
    ),
    "cross_entropy": (
        r"L = -\frac{1}{N} \sum_n \sum_k y_{nk} \ln p_{nk}",
        r"\frac{P - Y}{N}",
        mark("For this loss it is simply output minus target"),
    ),
    "mse": (
        r"L = \frac{1}{N} \sum_n \sum_k (p_{nk} - y_{nk})^2",
        r"\frac{2}{N}\,(P - Y) \odot P \odot (1 - P)",
        mark("It is twice the error times the slope of the output's sigmoid"),
    ),
    "softmax_mse": (
        r"L = \frac{1}{N} \sum_n \sum_k (p_{nk} - y_{nk})^2",
        r"\frac{2}{N}\,P \odot \big(E - \textstyle\sum_k E_k P_k\big), \quad E = P - Y",
        mark("It is twice the error times the slope of softmax, which ties the classes together"),
    ),
    "half_squared": (
        r"L = \frac{1}{2N} \sum_n \sum_k (p_{nk} - y_{nk})^2",
        r"\frac{1}{N}\,(P - Y) \odot P \odot (1 - P)",
        mark("It is the error times the slope of the output's sigmoid"),
    ),
}
"""A loss, its dL/dz, and the latter in words."""


def activation_formula(case: WorkedCase) -> tuple[str, str]:
    """Return the activation of a case and its slope, as functions of z (and a = phi(z))."""
    value, slope = FORMULAS[case.activation]
    number = f"{case.slope:g}"
    return value.replace("%g", number), slope.replace("%g", number)


def loss_formula(case: WorkedCase) -> tuple[str, str, str]:
    """Return the loss of a case, its dL/dz of the output layer, and the latter in words."""
    softmax = case.loss == "mse" and case.target.shape[1] > 1
    return LOSS_FORMULAS["softmax_mse" if softmax else case.loss]


def output_formula(case: WorkedCase) -> tuple[str, str]:
    """Return how the outputs follow from the last sums, and that in words."""
    if case.target.shape[1] == 1 or case.loss == "half_squared":
        words = tr(
            "Each sum of the output layer goes through a sigmoid: an output between 0 and 1."
        )
        return r"P = \sigma(Z), \quad \sigma(z) = \frac{1}{1 + e^{-z}}", words
    words = tr("Softmax turns the sums of an example into probabilities that add up to 1.")
    return r"p_k = \frac{e^{z_k}}{\sum_j e^{z_j}}", words
