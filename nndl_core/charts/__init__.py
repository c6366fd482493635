"""Charts: what was measured, made visible; the theme of all pages."""
