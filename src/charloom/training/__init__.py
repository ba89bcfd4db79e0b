"""Training: minibatches, gradients, optimizers, the loop and several processes.

``trainer.Trainer`` is the loop. ``batches`` reads the dataset, ``data_parallel`` computes gradients
on several threads, ``optim`` updates the weights and ``distributed`` connects processes. The loop
emits events and calls a step hook; samples, files and checkpoints are the work of ``runs``.
"""
