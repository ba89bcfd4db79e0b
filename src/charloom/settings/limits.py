"""Limits of settings that several groups share."""

MAX_SEED = 2**63 - 1
