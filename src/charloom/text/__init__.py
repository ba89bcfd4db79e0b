"""Text as symbols, without files: cleaning, splitting, vocabulary, documents, hashes."""
