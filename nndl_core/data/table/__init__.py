"""An uploaded table, from its bytes to a data set, each step a file."""
