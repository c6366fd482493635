"""A live run on a page: session, player, frames, charts, diagnosis."""
