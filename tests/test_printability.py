"""The non-printability score: the plain formula, its gradient, its memory; files of colours."""

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import TorchDispatchMode

from blurnet import BlurnetError
from blurnet.attacks import non_printability_score, read_colors


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def given(targets=3, size=6, number=7, dtype=torch.float64):
    sticker = torch.rand(targets, 3, size, size, generator=generator(), dtype=dtype)
    mask = torch.rand(size, size, generator=generator(1), dtype=dtype)
    mask[mask < 0.4] = 0
    colors = torch.rand(number, 3, generator=generator(2), dtype=dtype)
    return sticker, mask, colors


def plain(sticker, mask, colors):
    """Everything at once."""
    differences = sticker[:, None] - colors[None, :, :, None, None]
    return (mask * differences.square().sum(2).sqrt().prod(1)).sum((1, 2))


@pytest.mark.parametrize("piece", [1, 7, 50, 65536])
def test_is_the_formula_with_its_gradient(piece):
    sticker, mask, colors = given()
    sticker.requires_grad_()
    score = non_printability_score(sticker, mask, colors, piece=piece)
    torch.testing.assert_close(score, plain(sticker, mask, colors))
    weights = torch.tensor([1.0, -2.0, 0.5]).double()
    (gradient,) = torch.autograd.grad(score @ weights, sticker)
    (expected,) = torch.autograd.grad(plain(sticker, mask, colors) @ weights, sticker)
    torch.testing.assert_close(gradient, expected)
    assert torch.autograd.gradcheck(
        lambda x: non_printability_score(x, mask, colors, piece=piece), sticker
    )


def test_a_printable_pixel_is_a_minimum():
    sticker, mask, colors = given(targets=1)
    mask[:] = 0
    mask[0, :3] = 1
    sticker[0, :, 0, 0] = colors[3]
    sticker[0, :, 0, 1] = colors[5]
    colors[6] = colors[5]  # twice in the list
    sticker.requires_grad_()
    score = non_printability_score(sticker, mask, colors)
    only = torch.zeros_like(mask)
    only[0, 2] = 1
    torch.testing.assert_close(score, plain(sticker, only, colors))
    (gradient,) = torch.autograd.grad(score.sum(), sticker)
    assert (gradient[0, :, 0, :2] == 0).all()
    (expected,) = torch.autograd.grad(plain(sticker, only, colors).sum(), sticker)
    torch.testing.assert_close(gradient[0, :, 0, 2], expected[0, :, 0, 2])
    # beside it, downhill is towards it
    near = sticker.detach().clone()
    near[0, :, 0, 0] += torch.tensor([1e-6, 0, 0])
    near.requires_grad_()
    (gradient,) = torch.autograd.grad(non_printability_score(near, mask, colors).sum(), near)
    others = (colors[3] - colors[[0, 1, 2, 4, 5, 6]]).norm(dim=1).prod()
    torch.testing.assert_close(
        gradient[0, :, 0, 0], others * torch.tensor([1.0, 0, 0]).double(), rtol=1e-3, atol=1e-6
    )


def test_descent_ends_at_a_printable_colour():
    colors = torch.tensor([[0.1, 0.2, 0.9], [0.8, 0.7, 0.1]])
    sticker = torch.tensor([0.6, 0.6, 0.3]).view(1, 3, 1, 1).requires_grad_()
    descent = torch.optim.SGD([sticker], lr=0.01)
    for _ in range(300):
        descent.zero_grad()
        non_printability_score(sticker, torch.ones(1, 1), colors).sum().backward()
        descent.step()
    torch.testing.assert_close(sticker.detach().flatten(), colors[1], rtol=0, atol=0.02)


def test_without_a_mask_or_a_gradient():
    sticker, mask, colors = given()
    score = non_printability_score(sticker, mask, colors)
    assert not score.requires_grad
    assert torch.equal(non_printability_score(sticker, 0 * mask, colors), torch.zeros(3).double())
    sticker.requires_grad_()
    empty = non_printability_score(sticker, 0 * mask, colors)
    (gradient,) = torch.autograd.grad(empty.sum(), sticker)
    assert not gradient.any()


def test_values_are_never_waited_for():
    """Meta tensors have no values, so what looks at one, and would hold up a GPU, fails."""
    sticker, mask, colors = (tensor.to("meta") for tensor in given())
    assert non_printability_score(sticker.requires_grad_(), mask, colors, piece=50).is_meta


class Largest(TorchDispatchMode):
    """Remembers the largest tensor that any operation gave."""

    def __init__(self):
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        for each in result if isinstance(result, tuple | list) else (result,):
            if isinstance(each, torch.Tensor):
                self.numbers = max(self.numbers, each.numel())
        return result


@pytest.mark.parametrize("targets", [2, 6])
@pytest.mark.parametrize("number", [20, 200])
def test_memory_does_not_grow_with_colours_times_pixels_times_targets(targets, number):
    mask, piece = torch.ones(40, 40), 2000
    sticker = torch.rand(targets, 3, 40, 40, generator=generator()).requires_grad_()
    colors, saved = torch.rand(number, 3, generator=generator()), []
    with saved_tensors_hooks(lambda t: saved.append(t.numel()) or t, lambda t: t), Largest() as one:
        non_printability_score(sticker, mask, colors, piece=piece).sum().backward()
    assert one.numbers <= max(3 * piece, sticker.numel())  # a distance is of three differences
    assert sum(saved) <= sticker.numel() + 4 * mask.numel()


def test_reads_rp2s_colours(shared_data):
    colors = read_colors(shared_data / "rp2" / "printable_colors.csv")
    assert colors.shape == (30, 3)
    torch.testing.assert_close(colors[0], torch.tensor([0.10588, 0.054902, 0.1098]))
    torch.testing.assert_close(colors[-1], torch.tensor([0.71765, 0.32941, 0.40784]))


@pytest.mark.parametrize("first", ["", "red,green,blue\n", "\ufeffr, g, b\n"])
def test_reads_colours_with_and_without_a_heading(tmp_path, first):
    path = tmp_path / "colors.txt"
    path.write_text(first + "0.1,0.2,0.3\r\n\n 1, 0 ,5e-1\n", encoding="utf-8")
    torch.testing.assert_close(read_colors(path), torch.tensor([[0.1, 0.2, 0.3], [1, 0, 0.5]]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.1,0.2,0.3\n0.1,0.2\n", r"colors.csv, line 2: a colour is three numbers.*'0.1,0.2'"),
        ("0.1,0.2,x\n", r"line 1: a colour is three numbers.*x"),
        ("r,g,b\nr,g,b\n", r"line 2: a colour is three numbers"),
        ("0.1,0.2,nan\n", r"line 1: a colour is three numbers"),
        ("\n255,0,0\n", r"line 2: a colour's values lie in \[0, 1\]; found '255,0,0'"),
        ("", "no colours"),
        ("red,green,blue\n", "no colours"),
    ],
)
def test_wrong_colours(tmp_path, text, message):
    path = tmp_path / "colors.csv"
    path.write_text(text)
    with pytest.raises(BlurnetError, match=message):
        read_colors(path)


def test_wrong_files_and_shapes(tmp_path):
    with pytest.raises(BlurnetError, match="no such file"):
        read_colors(tmp_path / "none.csv")
    with pytest.raises(BlurnetError, match="a folder, where a file"):
        read_colors(tmp_path)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(BlurnetError, match="not a text file"):
        read_colors(tmp_path / "binary")
    sticker, mask, colors = given()
    with pytest.raises(
        BlurnetError, match=r"mask H × W or T × H × W; found \(3, 3, 6, 6\) and \(5, 6\)"
    ):
        non_printability_score(sticker, mask[1:], colors)
    with pytest.raises(BlurnetError, match=r"P × 3, at least one; found \(0, 3\)"):
        non_printability_score(sticker, mask, colors[:0])
    with pytest.raises(BlurnetError, match=r"P × 3, at least one; found \(7, 2\)"):
        non_printability_score(sticker, mask, colors[:, :2])
    with pytest.raises(BlurnetError, match="piece is at least 1, not 0"):
        non_printability_score(sticker, mask, colors, piece=0)
