"""The look of the pages that charloom writes: palette, type, and shades of surprise."""
