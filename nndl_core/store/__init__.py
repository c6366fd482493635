"""The run history: finished runs in a database, each of them visible to its owner only."""
