"""Models for other programs: a JavaScript engine and the form that it reads."""
