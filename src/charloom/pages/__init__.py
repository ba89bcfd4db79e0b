"""The look of charloom's pages: palette, type, and shades of surprise."""
