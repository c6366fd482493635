"""The commands of `python -m nndl_core`."""
