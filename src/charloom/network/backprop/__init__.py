"""Forward and backward pass of the network on a CPU."""
