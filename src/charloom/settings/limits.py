"""Limits of settings that several groups share."""

LARGEST_SEED = 2**63 - 1
