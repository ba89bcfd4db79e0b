"""Options of the commands, most of them built from the declarations of settings."""
