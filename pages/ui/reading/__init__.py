"""Pages to read: bugs, reference, limits."""
