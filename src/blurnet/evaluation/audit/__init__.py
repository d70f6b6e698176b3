"""The audit: checks of whether the attacks of an evaluation can be trusted, one a file."""
