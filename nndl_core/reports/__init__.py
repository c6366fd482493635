"""What a reader takes away: a zip with text, figures, tables and settings."""
