"""The course's op classes: every operation knows its value and its derivative, without autograd.

Rows are examples, as in the course: a linear operation is z = X W + b with W [inputs, outputs].
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor

from nndl_core.base.i18n import tr


class Op:
    """One operation of a network; ``params`` are what is learned, ``grads`` their gradients."""

    def __init__(self) -> None:
        self.params: dict[str, Tensor] = {}
        self.grads: dict[str, Tensor] = {}

    def __call__(self, inputs: Tensor) -> Tensor:
        """Call forward."""
        return self.forward(inputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Compute the operation and keep what backward needs."""
        raise NotImplementedError

    def backward(self, outputs_grads: Tensor) -> Tensor:
        """Turn dL/d outputs into dL/d inputs, and fill ``grads``."""
        raise NotImplementedError


class Linear(Op):
    """z = X W + b; X [n, inputs], W [inputs, outputs], b [outputs]."""

    def __init__(
        self,
        input_size: int,
        output_size: int,
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        # drawn [outputs, inputs] in float32: the weights that this seed has everywhere else
        weights = torch.randn(output_size, input_size, generator=generator).T
        self.params = {
            "W": weights.to(dtype).contiguous(),
            "b": torch.zeros(output_size, dtype=dtype),
        }

    def forward(self, inputs: Tensor) -> Tensor:
        """Return z [n, outputs]."""
        self.inputs = inputs
        return inputs @ self.params["W"] + self.params["b"]

    def backward(self, outputs_grads: Tensor) -> Tensor:
        """Return dL/dX [n, inputs] from dL/dz [n, outputs]."""
        self.grads["W"] = self.inputs.T @ outputs_grads  # dL/dW = X^T delta
        self.grads["b"] = outputs_grads.sum(dim=0)  # dL/db = sum of delta over the examples
        return outputs_grads @ self.params["W"].T  # dL/dX = delta W^T


class Logistic(Op):
    """a = 1 / (1 + exp(-z)), for every entry."""

    def forward(self, inputs: Tensor) -> Tensor:
        """Return a, of the shape of z."""
        self.outputs = torch.sigmoid(inputs)
        return self.outputs

    def backward(self, outputs_grads: Tensor) -> Tensor:
        """Return dL/dz from dL/da: the slope is a (1 - a)."""
        return outputs_grads * self.outputs * (1 - self.outputs)


class Model_MLP(Op):  # noqa: N801 - the course's spelling
    """Linear, Logistic, Linear, Logistic, ... for any list of sizes, such as (2, 5, 1)."""

    def __init__(
        self,
        sizes: Sequence[int],
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.layers: list[Op] = []
        for input_size, output_size in itertools.pairwise(sizes):
            self.layers += [Linear(input_size, output_size, generator, dtype), Logistic()]

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the probability of class 1, [n, 1], of examples [n, features]."""
        for layer in self.layers:
            inputs = layer(inputs)
        return inputs

    def backward(self, outputs_grads: Tensor) -> Tensor:
        """Go back from dL/dz of the output layer; every layer's ``grads`` are filled.

        The last Logistic is left out: its slope is already in the (p - y) / N of the loss.
        """
        for layer in reversed(self.layers[:-1]):
            outputs_grads = layer.backward(outputs_grads)
        return outputs_grads


class Model_MLP_L2(Model_MLP):  # noqa: N801 - the course's spelling
    """The course's network with one hidden layer."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__((input_size, hidden_size, output_size), generator, dtype)


class BinaryCrossEntropyLoss:
    """The mean of -(y log p + (1 - y) log(1 - p)) over the examples."""

    def __init__(self, model: Model_MLP) -> None:
        self.model = model

    def __call__(self, predicts: Tensor, labels: Tensor) -> Tensor:
        """Call forward."""
        return self.forward(predicts, labels)

    def forward(self, predicts: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss of probabilities [n, 1] and labels [n, 1]."""
        if predicts.shape != labels.shape:  # [n, 1] and [n] would broadcast to [n, n]
            raise ValueError(
                tr(
                    "The loss needs predictions and labels of one shape, got "
                    "{predictions} and {labels}.",
                    predictions=list(predicts.shape),
                    labels=list(labels.shape),
                )
            )
        self.predicts, self.labels = predicts, labels
        # xlogy(0, 0) is 0, where 0 * log(0) would be no number
        fit = torch.xlogy(labels, predicts) + torch.xlogy(1 - labels, 1 - predicts)
        return -fit.mean()

    def backward(self) -> None:
        """Fill the gradients of the model's layers.

        dL/dp = (p - y) / (N p (1 - p)) meets the slope p (1 - p) of the last Logistic; both are
        written as their product, because dividing fails where p is rounded to 0 or 1.
        """
        self.model.backward((self.predicts - self.labels) / len(self.labels))


class BatchGD:
    """Gradient descent with the gradient of the whole training set."""

    def __init__(self, init_lr: float, model: Model_MLP) -> None:
        self.init_lr, self.model = init_lr, model

    def step(self) -> None:
        """Move every parameter against its gradient: theta <- theta - lr dL/dtheta."""
        for layer in self.model.layers:
            for name in layer.params:
                layer.params[name] = layer.params[name] - self.init_lr * layer.grads[name]
