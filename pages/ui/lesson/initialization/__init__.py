"""The lesson on initialization."""
