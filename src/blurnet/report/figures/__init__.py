"""Figures: drawn once, shown on the page, written as files."""
