"""Defaults of measurements of a model."""

DIVERSITY_TEXTS = 200
"""Texts at each temperature."""
MEMORISATION_TEXTS = 1000
MEMORISATION_TEMPERATURE = 1.0
