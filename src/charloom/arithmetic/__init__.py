"""Exp, sigmoid, tanh and sums in float32: each bit decided in NumPy, and the same compiled."""
