"""From a trained network to text, in plain NumPy. No torch here."""
