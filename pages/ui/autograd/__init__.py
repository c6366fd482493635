"""The lesson on automatic differentiation."""
