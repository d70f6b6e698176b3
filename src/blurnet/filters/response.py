"""What a kernel lets through: its frequency response, and one number for it."""

import torch
from torch import Tensor

from blurnet.errors import BlurnetError


def frequency_response(kernels: Tensor, size: int = 32) -> Tensor:
    """Give |H(u, v)|, the magnitude of the 2-D discrete Fourier transform of each kernel.

    Args:
        kernels: … × k × k, such as K × 1 × k × k or k × k.
        size: frequencies along each axis, at least k.

    Returns:
        … × size × size, at least 0, zero frequency at [size // 2, size // 2]. Entry i stands for
        (i − size // 2) / size cycles per pixel. At zero frequency it is |the sum of the weights|.

    Raises:
        BlurnetError: if there are fewer frequencies than weights along an axis.

    """
    if size < max(kernels.shape[-2:]):
        raise BlurnetError(
            f"a response of {size} × {size} frequencies is too coarse for kernels of "
            f"{kernels.shape[-2]} × {kernels.shape[-1]}; take at least {max(kernels.shape[-2:])}"
        )
    magnitude = torch.fft.fft2(kernels, s=(size, size)).abs()
    centred: Tensor = torch.fft.fftshift(magnitude, dim=(-2, -1))
    return centred


def low_pass_share(kernels: Tensor, size: int = 32) -> Tensor:
    """Give mean |H| of the low frequencies, as a share of low and high together.

    L / (L + G): L the mean of |H| where both frequencies are below half of the highest, 1/4 cycle
    per pixel, in magnitude; G the mean where one is not. L / G is share / (1 − share).

    Args:
        kernels: … × k × k.
        size: frequencies along each axis, as for ``frequency_response``.

    Returns:
        One number for each kernel, in [0, 1]: 0.5 for the identity, towards 1 for a low-pass
        filter, below 0.5 for a high-pass one; not a number for a kernel of zeros.

    """
    response = frequency_response(kernels, size)
    frequency = (torch.arange(size) - size // 2).abs() / size
    low = ((frequency[:, None] < 0.25) & (frequency < 0.25)).to(response.device)
    below, above = response[..., low].mean(-1), response[..., ~low].mean(-1)
    return below / (below + above)
