"""Two ways to split signs into train and test: an honest one, and one for comparison."""

from collections import defaultdict

import torch

from blurnet.data.imageset import ImageSet, TrainTest
from blurnet.errors import BlurnetError


def split_by_block(signs: ImageSet, test_share: float = 0.2) -> TrainTest:
    """Take the last part of each class, in the order of the source, for the test.

    A track is never cut: it goes to the side of the border on which most of it lies. Of a class
    with two tracks (two images, without tracks) or more, each side gets at least one; a single one
    is for training.

    Args:
        signs: in the order of their source.
        test_share: the part of each class that is for the test, above 0 and below 1.

    Raises:
        BlurnetError: for another share.

    """
    in_test = torch.zeros(len(signs), dtype=torch.bool)
    tracks = torch.arange(len(signs)) if signs.tracks is None else signs.tracks
    for label in range(len(signs.classes)):
        members = (signs.labels == label).nonzero().flatten()
        border = _train_count(len(members), test_share)
        track_of = tracks[members].tolist()
        late: defaultdict[int, int] = defaultdict(int)  # images after the border less those before
        for place, track in enumerate(track_of):
            late[track] += 1 if place >= border else -1
        test_tracks = {track for track, excess in late.items() if excess > 0}
        if len(late) > 1 and not test_tracks:
            test_tracks = {list(late)[-1]}
        elif len(test_tracks) == len(late):
            test_tracks -= set(list(late)[:1])
        in_test[members] = torch.tensor(
            [track in test_tracks for track in track_of], dtype=torch.bool
        )
    return _split(signs, in_test)


def split_at_random(signs: ImageSet, test_share: float = 0.2, *, seed: int) -> TrainTest:
    """Draw the test images of each class at random, whatever their tracks.

    Neighbouring frames of one video then lie on both sides, and figures become optimistic: one
    LISA-CNN scored 98.8 % so, and 86.6 % on a block split. For comparison with papers that split
    like this; otherwise use ``split_by_block``.

    Args:
        signs: in any order; both parts keep it.
        test_share: the part of each class that is for the test, above 0 and below 1. Of a class
            with two images or more, each side gets at least one; a single one is for training.
        seed: what the test images are drawn from.

    Raises:
        BlurnetError: for another share.

    """
    generator = torch.Generator().manual_seed(seed)
    in_test = torch.zeros(len(signs), dtype=torch.bool)
    for label in range(len(signs.classes)):
        members = (signs.labels == label).nonzero().flatten()
        drawn = members[torch.randperm(len(members), generator=generator)]
        in_test[drawn[_train_count(len(members), test_share) :]] = True
    return _split(signs, in_test)


def _train_count(count: int, test_share: float) -> int:
    if not 0 < test_share < 1:
        raise BlurnetError(f"the test's share is {test_share}; it lies above 0 and below 1")
    return max(1, min(count - 1, round(count * (1 - test_share))))


def _split(signs: ImageSet, in_test: torch.Tensor) -> TrainTest:
    return TrainTest(signs.select(~in_test), signs.select(in_test))
