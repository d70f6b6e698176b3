"""The kinds of steps that experiments are made of: a configuration, an outcome, and the work."""
