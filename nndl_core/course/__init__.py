"""The chapter: its lessons, claims, bugs, worked passes, gallery and reference."""
