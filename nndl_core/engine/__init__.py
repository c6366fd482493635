"""Training and measuring: one run, many runs as a batch, any PyTorch module."""
