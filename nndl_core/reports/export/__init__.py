"""A run as something to take away: a script, a notebook, a table."""
