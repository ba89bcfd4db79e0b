"""How good a model is, in bits per character. No torch here."""
