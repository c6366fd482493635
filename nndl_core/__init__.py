"""The NNDL Lab's training engine: it knows nothing of any screen."""
