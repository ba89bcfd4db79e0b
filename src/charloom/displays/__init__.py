"""Displays of notebooks: HTML without scripts, and the same as text."""
