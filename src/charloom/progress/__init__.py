"""Views of a training run: listeners of its events that print on standard error."""
