"""Small extensions of Sphinx for this site, one a module."""
