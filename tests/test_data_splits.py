from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from blurnet.data import folder
from blurnet.data.imageset import ImageSet, TrainTest
from blurnet.data.splits import split_at_random, split_by_block
from blurnet.errors import BlurnetError


def numbered(labels: list[int], tracks: list[int] | None = None) -> ImageSet:
    """Signs whose top left pixel tells their place (up to 65,535)."""
    count = len(labels)
    images = torch.zeros(count, 3, 1, 1, dtype=torch.uint8)
    images[:, 0, 0, 0] = torch.arange(count) % 256
    images[:, 1, 0, 0] = torch.arange(count) // 256
    return ImageSet(
        images,
        torch.tensor(labels, dtype=torch.int64),
        ("a", "b", "c", "d"),
        None if tracks is None else torch.tensor(tracks, dtype=torch.int64),
    )


def places(signs: ImageSet) -> list[int]:
    return (signs.images[:, 0, 0, 0].long() + 256 * signs.images[:, 1, 0, 0].long()).tolist()


def assert_a_split(signs: ImageSet, parts: TrainTest) -> None:
    """Every sign is on one side, in the order of the source, with its own label."""
    assert sorted(places(parts.train) + places(parts.test)) == list(range(len(signs)))
    for part in parts:
        assert places(part) == sorted(places(part))
        assert torch.equal(part.labels, signs.labels[places(part)])
        assert part.classes == signs.classes


labels = st.lists(st.integers(0, 3), max_size=60)
shares = st.floats(0.01, 0.99)


@given(labels, shares)
def test_by_block_the_last_of_each_class_are_for_the_test(given: list[int], share: float) -> None:
    signs = numbered(given)
    parts = split_by_block(signs, share)
    assert_a_split(signs, parts)
    for label in range(4):
        of_class = [place for place, found in enumerate(given) if found == label]
        train = [place for place in places(parts.train) if given[place] == label]
        assert train == of_class[: len(train)]
        assert abs(len(train) - len(of_class) * (1 - share)) < 1
        if len(of_class) > 1:
            assert 0 < len(train) < len(of_class)
        else:
            assert train == of_class


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=60), shares)
def test_by_block_no_track_is_cut(signs_of: list[tuple[int, int]], share: float) -> None:
    given = [label for label, _ in signs_of]
    tracks = [6 * label + track for label, track in signs_of]
    signs = numbered(given, tracks)
    parts = split_by_block(signs, share)
    assert_a_split(signs, parts)
    sides = [{tracks[place] for place in places(part)} for part in parts]
    assert not sides[0] & sides[1]
    for label in range(4):
        tracks_of_class = {track for track in tracks if track // 6 == label}
        if len(tracks_of_class) > 1:
            assert tracks_of_class & sides[0]
            assert tracks_of_class & sides[1]
        else:
            assert tracks_of_class <= sides[0]


@pytest.mark.parametrize(
    ("lengths", "in_train"),
    [
        ([5, 4, 1], 9),  # the border, after 8, cuts the second track: 3 before, 1 after
        ([5, 2, 3], 7),  # the third: 1 before, 2 after
        ([5, 1, 4], 6),  # the third: 2 and 2, which is for training, but the test needs a track
        ([1, 9], 1),
        ([10], 10),
    ],
)
def test_a_track_on_the_border_goes_where_most_of_it_lies(
    lengths: list[int], in_train: int
) -> None:
    tracks = [track for track, length in enumerate(lengths) for _ in range(length)]
    parts = split_by_block(numbered([0] * 10, tracks), 0.2)
    assert len(parts.train) == in_train


@given(labels, shares, st.integers(0, 2**31))
def test_at_random_each_class_is_split_by_its_share(
    given: list[int], share: float, seed: int
) -> None:
    signs = numbered(given)
    parts = split_at_random(signs, share, seed=seed)
    assert_a_split(signs, parts)
    by_block = split_by_block(signs, share)
    assert parts.test.counts() == by_block.test.counts()
    again = split_at_random(signs, share, seed=seed)
    assert places(again.test) == places(parts.test)


def test_another_seed_draws_others() -> None:
    signs = numbered([0] * 100)
    first, second = (split_at_random(signs, seed=seed).test for seed in (0, 1))
    assert places(first) != places(second)
    assert places(first) != list(range(80, 100))


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
def test_a_share_outside_is_refused(share: float) -> None:
    with pytest.raises(BlurnetError, match="above 0 and below 1"):
        split_by_block(numbered([0, 0]), share)
    with pytest.raises(BlurnetError, match="above 0 and below 1"):
        split_at_random(numbered([0, 0]), share, seed=0)


def test_by_block_the_real_crops_are_split_as_they_were(shared_data: Path) -> None:
    (train, test), _, _ = folder.read(shared_data / "lisa", (32, 32))
    order = torch.cat([train.labels, test.labels]).argsort(stable=True)
    images = torch.cat([train.images, test.images])[order]
    labels = torch.cat([train.labels, test.labels])[order]
    again = split_by_block(ImageSet(images, labels, train.classes))
    assert again.train.fingerprint() == train.fingerprint()
    assert again.test.fingerprint() == test.fingerprint()
