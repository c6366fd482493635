"""The lesson on the vanishing gradient."""
