"""The command line: commands, their options, and input and output on the terminal."""
