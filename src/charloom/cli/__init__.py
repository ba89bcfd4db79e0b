"""The command line: one thin module a command; the only layer that parses arguments and prints."""
