"""L∞ of depthwise kernels (Raju and Lipasti, arXiv 1908.02256)."""

from torch import Tensor


def l_infinity(kernels: Tensor) -> Tensor:
    """Give (1/K) Σ_j ‖W_j‖_∞, the mean over kernels of the largest absolute weight.

    Of kernels whose weights sum to one, the box has the smallest: a small largest weight keeps the
    weights alike. Weights that share the largest value share its gradient.

    Args:
        kernels: K × 1 × k × k.

    Returns:
        A scalar, at least 0, in units of weights.

    """
    return kernels.abs().amax(dim=(1, 2, 3)).mean()
