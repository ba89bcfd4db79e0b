"""Measure a model: bits per character, outliers, baselines and verbatim copies.

No module of this package imports torch.
"""
