"""Networks, losses and optimizers that are not the lab's own, trained by autograd."""
