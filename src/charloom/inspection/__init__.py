"""Look inside a model: surprisals of a text, states and gates, vectors of texts."""
