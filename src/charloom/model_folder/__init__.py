"""The format of a model folder on disk: reading and writing it."""
