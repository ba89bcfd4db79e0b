"""Functions compiled by Numba, their cache on disk, and the notice before code is compiled."""
