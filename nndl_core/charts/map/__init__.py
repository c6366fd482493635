"""The figure of the trainability map."""
