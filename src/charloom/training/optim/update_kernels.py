"""Compiled updates of weights and optimizer states, number by number.

Each reads and writes spans of equal length: weights w, gradients g, states. ``scale`` multiplies
the gradients first.

Axes: P numbers, M rows, N columns.
"""

import numpy as np

from charloom.jit.decorator import compiled

kernel = compiled(fastmath={"contract"})


@kernel
def interpolate(average_P, weights_P, fraction):
    """Move the average by ``fraction`` of its distance from the weights."""
    for p in range(len(average_P)):
        average_P[p] += fraction * (weights_P[p] - average_P[p])


@kernel
def adamw(weights_P, gradients_P, mean_P, square_P, scale, betas, keep, sizes):
    """Update by AdamW.

    ``betas`` are the decays of the means of gradients and of squared gradients, ``keep`` the factor
    of weight decay, and ``sizes`` the learning rate divided by the bias correction of the mean, the
    square root of that of the square, and epsilon.
    """
    beta_mean, beta_square = betas
    size, correction, epsilon = sizes
    for p in range(len(weights_P)):
        g = scale * gradients_P[p]
        mean_P[p] += (np.float32(1) - beta_mean) * (g - mean_P[p])
        square_P[p] = beta_square * square_P[p] + (np.float32(1) - beta_square) * g * g
        deviation = np.sqrt(square_P[p]) / correction + epsilon
        weights_P[p] = keep * weights_P[p] - size * mean_P[p] / deviation


@kernel
def rmsprop(weights_P, gradients_P, square_P, scale, decay, epsilon, rate):
    """Update by RMSprop."""
    for p in range(len(weights_P)):
        g = scale * gradients_P[p]
        square_P[p] = decay * square_P[p] + (np.float32(1) - decay) * g * g
        weights_P[p] -= rate * g / (np.sqrt(square_P[p]) + epsilon)


@kernel
def sgd(weights_P, gradients_P, momentum_P, scale, decay, rate):
    """Update by gradient descent with momentum."""
    for p in range(len(weights_P)):
        momentum_P[p] = decay * momentum_P[p] + scale * gradients_P[p]
        weights_P[p] -= rate * momentum_P[p]


@kernel
def nesterov_momentum(gradients_P, momentum_P, ahead_P, scale, decay):
    """Update a mean of gradients; write the mean that looks one step ahead (Nesterov)."""
    for p in range(len(gradients_P)):
        g = scale * gradients_P[p]
        momentum_P[p] = g + decay * (momentum_P[p] - g)
        ahead_P[p] = g + decay * (momentum_P[p] - g)


@kernel
def subtract_rows(weights_MN, rows_MN, keep, size):
    """Set weights to ``keep`` times themselves minus ``size`` times ``rows_MN``."""
    M, N = weights_MN.shape
    for m in range(M):
        for n in range(N):
            weights_MN[m, n] = keep * weights_MN[m, n] - size * rows_MN[m, n]
