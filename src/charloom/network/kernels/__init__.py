"""Compiled (Numba) kernels of the network."""
