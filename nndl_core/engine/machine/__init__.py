"""The training loop as machine code, what it is given and where it is kept."""
