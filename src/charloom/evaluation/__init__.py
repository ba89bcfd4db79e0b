"""How good a model is, in bits per character, and what its texts copied. No torch here."""
