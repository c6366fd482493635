"""Many runs to answer one question: seeds, remedies, grids, maps."""
