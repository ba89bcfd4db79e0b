"""Functions compiled by Numba, their cache on disk, and a notice of compiling."""
