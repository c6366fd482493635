"""One forward and backward pass of a small network, operation by operation."""
