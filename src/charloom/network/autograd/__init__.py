"""The network as a torch module: training on GPUs, and the oracle of tests."""
