"""From a trained network to texts, with NumPy or with kernels compiled by Numba."""
