"""A grid of configs over seeds, trained here, by workers or on a cluster."""
