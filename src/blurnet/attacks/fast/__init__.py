"""The attacked network, faster: the same gradients by other sums."""
