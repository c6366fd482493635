"""Figures without a browser, drawn by matplotlib from the same dictionaries."""
