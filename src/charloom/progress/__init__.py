"""Views of a run while it trains."""
