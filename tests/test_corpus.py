"""The corpus of fuzzing, replayed: seeds are taken, and what once broke a reader no longer does."""

import pytest
from fuzzing.holds import holds
from fuzzing.readers import READERS, corpus


@pytest.mark.parametrize("name", READERS)
def test_readers_hold_on_the_corpus(name, tmp_path):
    reader = READERS[name]
    kept = sorted((corpus() / name).iterdir())
    taken = []
    for path in kept:
        folder = tmp_path / path.name
        folder.mkdir()
        if holds(reader.read, folder, path.read_bytes()):
            taken.append(path.name)
    seeds = {path.name for path in kept if path.name.startswith("seed-")}
    assert seeds
    assert seeds <= set(taken)


def test_every_reader_refuses_what_is_nothing(tmp_path):
    for name, reader in READERS.items():
        for content in (b"", b"\0" * 100, b"\xff\xfe"):
            folder = tmp_path / f"{name}{len(content)}"
            folder.mkdir()
            holds(reader.read, folder, content)
