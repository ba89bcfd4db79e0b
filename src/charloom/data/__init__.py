"""From a source to ids on disk."""
