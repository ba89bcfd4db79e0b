"""Training in several processes that torchrun starts.

``launch`` reads the environment variables of torchrun. ``torch_collectives`` connects processes.
``process_group`` has the collective operations, which all processes call in the same order.
``messages`` sends texts, and the errors of processes that end, through torch's key-value store.

Every process reads the corpus, trains on its sequences of each minibatch and sums gradients with
the others, so all have the same weights. Process 0 alone reads and writes the model folder; its
settings, first weights and checkpoint are broadcast. An error in one process ends all of them.
"""
