"""The gallery of diseases."""
