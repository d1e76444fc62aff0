"""A mixture of 50 Gaussians, the same in every comparison: their centres twice as far apart as their points."""

import sys

import numpy as np


def mixture(rows, dim):
    rng = np.random.default_rng(42)
    centres = 2 * rng.standard_normal((50, dim))
    return (centres[rng.integers(50, size=rows)] + rng.standard_normal((rows, dim))).astype(np.float32)


if __name__ == "__main__":
    np.save(sys.argv[1], mixture(int(sys.argv[2]), int(sys.argv[3])))
