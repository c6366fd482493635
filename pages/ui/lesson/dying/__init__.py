"""The lesson on dying ReLU."""
