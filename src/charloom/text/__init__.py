"""From a source of text to symbol ids on disk. No torch here."""
