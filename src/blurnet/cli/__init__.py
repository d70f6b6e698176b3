"""The command line: one thin file for each verb, over functions that a notebook can call."""
