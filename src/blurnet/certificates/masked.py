"""The masked predictor: what a certificate is about, as a module that can be deployed."""

import torch
from torch import Tensor, nn

from blurnet.errors import BlurnetError
from blurnet.models import Classifier, as_classifier, copy_of, find_input
from blurnet.models.memory import measured_piece

from .families import Family, family_of
from .pairs import Pairs, pairs_of

GREY = 0.5
"""What masks fill, in images in [0, 1], before any normalisation."""

AT_ONCE = 128
"""Images that go through a network at once, at most; fastest at 32 × 32 pixels."""


class MaskedNetwork(nn.Module):
    """Double masking around a network (PatchCleanser, Xiang et al., arXiv 2108.09135, algorithm 1).

    Every mask of a family is laid on the image by itself. If all answers agree, that is the answer.
    Else a minority's answer counts if it stays the same under every second mask; else the
    majority's. A mask fills with grey 0.5.

    Args:
        network: images in [0, 1] in, logits out.
        pairs: the family's masks.
        piece: how many masked copies go through the network at once.

    """

    masks: Tensor
    areas: Tensor
    area_of: Tensor

    def __init__(self, network: nn.Module, pairs: Pairs, piece: int = AT_ONCE) -> None:
        super().__init__()
        self.network = network
        self.piece = piece
        self.register_buffer("masks", pairs.masks, persistent=False)
        self.register_buffer("areas", pairs.areas, persistent=False)
        self.register_buffer("area_of", pairs.area_of, persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Give scores whose largest is the answer: its 1, and the mean probability under one mask.

        Args:
            images: float32 in [0, 1], N × C × H × W.

        Returns:
            N × classes. They can be differentiated, as far as the mean probabilities go.

        Raises:
            BlurnetError: if the images are not of the masks' size.

        """
        height, width = self.masks.shape[1:]
        if images.shape[2:] != self.masks.shape[1:]:
            raise BlurnetError(
                f"the masks are for images of {width} × {height} pixels; found "
                f"{images.shape[3]} × {images.shape[2]}: say it, masked(model, family, size=…)"
            )
        if torch.compiler.is_compiling():  # no choice may depend on what the network answers
            single, pair = self._all(images)
        else:
            single, pair = self._needed(images)
        answer = decision(single.argmax(2), pair)
        chosen = nn.functional.one_hot(answer, single.shape[2]).to(single)
        scores: Tensor = single.softmax(2).mean(1) + chosen
        return scores

    def logits(self, images: Tensor, which: Tensor, areas: Tensor) -> Tensor:
        """Ask the network about images under areas.

        Args:
            images: N × C × H × W.
            which: of the images, int64, M.
            areas: the area on each, int64, M.

        Returns:
            M × classes.

        """
        if not len(which):
            return self._asked(images[:1], areas.new_zeros(1))[:0]
        return torch.cat(
            [
                self._asked(images[some], its)
                for some, its in zip(
                    torch.split(which, self.piece), torch.split(areas, self.piece), strict=True
                )
            ]
        )

    @property
    def single(self) -> Tensor:
        """The areas of one mask, int64, K."""
        return self.area_of.diagonal()

    def inside(self, areas: Tensor) -> Tensor:
        """Give areas as masks, bool, M × 1 × H × W."""
        first, second = self.areas[areas].unbind(1)
        return (self.masks[first] | self.masks[second])[:, None]

    def _asked(self, images: Tensor, areas: Tensor) -> Tensor:
        """Ask about an area on each image."""
        logits: Tensor = self.network(images.masked_fill(self.inside(areas), GREY))
        return logits

    def _needed(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Ask about single masks, and about second ones where the answers differ.

        Returns:
            Logits under one mask, N × K × classes, and answers under two, int64, N × K × K: -1
            where it was not asked.

        """
        count, masks = len(images), len(self.masks)
        which = torch.arange(count, device=images.device)
        logits = self.logits(images, which.repeat_interleave(masks), self.single.repeat(count))
        single = logits.view(count, masks, logits.shape[1])
        with torch.no_grad():
            return single, self.second(images, single.argmax(2))

    def second(self, images: Tensor, answers: Tensor) -> Tensor:
        """Ask about second masks where a mask's answer is a minority's.

        Args:
            images: N × C × H × W.
            answers: under one mask, int64, N × K.

        Returns:
            int64, N × K × K: -1 where it was not asked.

        """
        minority = answers != majority(answers)[:, None]
        wanted = torch.zeros(len(images), len(self.areas), dtype=torch.bool, device=images.device)
        which, mask = minority.nonzero().unbind(1)
        wanted[which[:, None], self.area_of[mask]] = True
        which, areas = wanted.nonzero().unbind(1)
        found = torch.full(wanted.shape, -1, device=images.device)
        found[which, areas] = self.logits(images, which, areas).argmax(1)
        return found[:, self.area_of]

    def _all(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Ask about all areas, as ``_needed`` gives it."""
        found = []
        for first, second in (part.unbind(1) for part in torch.split(self.areas, self.piece)):
            inside = (self.masks[first] | self.masks[second])[None, :, None]
            copies = torch.where(inside, GREY, images[:, None])
            logits = self.network(copies.flatten(0, 1))
            found.append(logits.view(-1, len(first), logits.shape[1]))
        logits = torch.cat(found, 1)
        return logits[:, self.single], logits.argmax(2)[:, self.area_of]

    def extra_repr(self) -> str:
        """Say how many masks there are."""
        return f"{len(self.masks)} masks, {len(self.areas)} areas"


def majority(answers: Tensor) -> Tensor:
    """Give the most frequent answer under one mask, the lowest class of equals.

    Args:
        answers: int64, N × K.

    Returns:
        int64, N.

    """
    votes = (answers[:, :, None] == answers[:, None, :]).sum(2)
    worth = votes * (answers.amax() + 1) - answers  # unique to a class
    return answers.gather(1, worth.argmax(1, keepdim=True))[:, 0]


def decision(single: Tensor, pair: Tensor) -> Tensor:
    """Give the masked predictor's answers.

    Args:
        single: the answers under one mask, int64, N × K.
        pair: under two, int64, N × K × K; only rows of minorities are read.

    Returns:
        int64, N.

    """
    most = majority(single)
    upheld = (pair == single[:, :, None]).all(2) & (single != most[:, None])
    place = torch.arange(single.shape[1], 0, -1, device=single.device)
    first = (upheld * place).argmax(1, keepdim=True)
    return torch.where(upheld.any(1), single.gather(1, first)[:, 0], most)


def masked(
    model: nn.Module,
    family: str | Family,
    *,
    size: int | tuple[int, int] | None = None,
    k: int | None = None,
    mask: Tensor | None = None,
) -> Classifier:
    """Put double masking around a network: answers that no sticker of a family turns.

    What ``blurnet.certify`` certifies holds for this predictor, not for the bare network. It asks
    the network once a mask, and about second masks only where the answers differ; exported or
    compiled, always about all pairs, so that nothing depends on the answers.

    Args:
        model: any network; copied.
        family: of stickers, such as "any:5" or ``certificates.Square(size=5)``.
        size: height and width of the images, one number if they are alike; by default what the
            network takes.
        k: masks along each axis: more are smaller, which certifies more and costs more. By default
            6, or 3 for images of more than 64 × 64 pixels.
        mask: where the sticker is, H × W, for "mask:2".

    Returns:
        A network of images in [0, 1] whose largest output is the answer, in evaluation mode.

    Raises:
        BlurnetError: for what is no family, or does not fit the images.

    Examples:
        >>> net = blurnet.masked(model, "any:5", size=32, k=2)
        >>> tuple(net(images).shape) == (len(images), len(classes))
        True

    """
    network = as_classifier(copy_of(model)).eval()
    if size is None:
        found = find_input(network)
        height, width = found.shape[2], found.shape[3]
    else:
        height, width = (size, size) if isinstance(size, int) else size
    pairs = pairs_of(family_of(family, mask), height, width, k)
    return Classifier(MaskedNetwork(network, pairs), classes=network.classes).eval()


def piece_of(network: nn.Module, images: Tensor) -> int:
    """Say how many masked copies of images go through a network at once."""
    return min(AT_ONCE, measured_piece(network, images[:1], gradients=False))
