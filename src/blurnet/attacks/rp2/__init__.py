"""RP2 (Eykholt et al., arXiv 1707.08945): its search and the parts of its formula."""
