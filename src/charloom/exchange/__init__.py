"""Models for other programs: the JavaScript engine, and the form in which it gets a model."""
