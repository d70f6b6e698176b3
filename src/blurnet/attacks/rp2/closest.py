"""The best sticker of a run: it reaches most views and, among equals, costs least."""

import torch
from torch import Tensor


class Closest:
    """The sticker met so far that reaches most views and, among equals, changes them least."""

    def __init__(self, free: Tensor) -> None:
        self.free = free.clone()
        self.counted = free.new_zeros(free.shape[:2])
        self.change = free.new_zeros(free.shape[:2])

    def meet(self, free: Tensor, counted: Tensor, change: Tensor) -> None:
        """Take what is better; what reaches no view never is, nor what was left alone."""
        nearer = better(counted, change, self.counted, self.change)
        self.free = torch.where(nearer[..., None, None, None], free, self.free)
        self.counted = torch.where(nearer, counted, self.counted)
        self.change = torch.where(nearer, change, self.change)


def better(counted: Tensor, cost: Tensor, than_counted: Tensor, than_cost: Tensor) -> Tensor:
    """Say where a sticker that reaches so many views at such a cost is better than another."""
    return (counted > than_counted) | ((counted == than_counted) & (cost < than_cost))
