"""Limits shared by several settings classes."""

MAX_SEED = 2**63 - 1
