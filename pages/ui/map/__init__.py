"""The trainability map."""
