"""The parts of a network: activations, losses, initializers, optimizers, the gradient by hand."""
