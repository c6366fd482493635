"""Data sets: generated, printed, or read from a table of one's own."""
