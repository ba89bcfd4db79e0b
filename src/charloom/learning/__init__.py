"""The network and its training. torch is imported here and nowhere else."""
