"""Bugs of published exercise code as small cases: buggy, fixed, and the number that tells."""
