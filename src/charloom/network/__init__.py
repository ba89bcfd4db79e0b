"""The recurrent network and every way to run it."""
