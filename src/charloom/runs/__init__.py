"""One run from options to model folder, and several runs compared."""
