"""Text as symbols: cleaning, splitting, vocabulary, documents and hashes."""
