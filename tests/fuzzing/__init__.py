"""Fuzzing of every reader: what it is given, what must hold, and how inputs are changed.

``benchmarks/fuzz.py`` is the command; ``tests/test_corpus.py`` replays ``tests/corpus``.
"""
