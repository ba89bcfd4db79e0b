"""The commands of charloom, one module each."""
