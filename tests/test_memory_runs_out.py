"""Memory that really runs out: a process that may map little more than it has."""

import json
import subprocess
import sys
import textwrap

import pytest
import torch

import blurnet
from blurnet.models.memory import Pieces, in_halves, is_out_of_memory

BEGIN = """
import json, resource, sys
import torch
from torch import nn
import blurnet
from blurnet.evaluation import predict
from blurnet.models import memory
torch.set_num_threads(1)

class Wide(nn.Module):
    "Its maps are 64 times as large as its images."
    def __init__(self):
        super().__init__()
        self.weights = nn.Parameter(torch.linspace(-1, 1, 64)[:, None, None])
    def forward(self, images):
        maps = (images.mean(1, keepdim=True) * self.weights).sin()
        return torch.stack([maps.mean((1, 2, 3)), (maps * maps).mean((1, 2, 3)) - 0.3], 1) * 9

torch.manual_seed(0)
model = Wide().eval()
images = torch.rand(32, 3, 96, 96)
labels = torch.arange(32) % 2
mask = torch.zeros(96, 96)
mask[30:60, 30:60] = 1
memory.BUDGET = 2**31  # what is measured to fit does not, as where other programs have the memory
seen = []
model.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))

def leave(mebibytes):
    "Let this process map so much more."
    now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + mebibytes * 2**20, resource.RLIM_INFINITY))

def luck():
    return torch.Generator().manual_seed(0)
"""

WORK = {
    "predict": """
        answers = predict(model, images, piece=32)
        found = [answers.classes.tolist(), answers.confidence.tolist()]
    """,
    "pgd": """
        settings = blurnet.PGDSettings(steps=2)
        attacked = blurnet.pgd(model, images, labels, settings=settings, generator=luck())
        found = attacked.mean((1, 2, 3)).tolist()
    """,
    "random search": """
        settings = blurnet.RandomSearchSettings(queries=3)
        result = blurnet.random_search(
            model, images, labels, mask, settings=settings, generator=luck()
        )
        found = result.margin.tolist()
    """,
    "rp2": """
        settings = blurnet.RP2Settings(steps=2, piece=32)
        result = blurnet.rp2(
            model, images, torch.tensor([1]), mask, settings=settings, generator=luck(),
            keep_images=False,
        )
        found = [result.noise.mean().item(), result.loss.tolist()]
    """,
    "penalties": """
        from blurnet.penalties import penalty_values
        model.maps = nn.Identity()
        model.forward = lambda given: Wide.forward(model, model.maps(given))
        found = penalty_values(
            model, [blurnet.Penalty("total_variation", 1, ("maps",))], images, piece=32
        )
    """,
}
ONE_TOO_LARGE = """
large = torch.rand(1, 3, 1024, 1024)
leave(90)
try:
    predict(model, large)
    told = ""
except blurnet.BlurnetError as error:
    told = str(error)
print(json.dumps([done, told]))
"""


@pytest.fixture(scope="module")
def done():
    """What one process finds with all the memory it wants, and then, with little, again."""
    if sys.platform != "linux":
        pytest.skip("limits of memory as Linux has them")
    lines = [BEGIN, "done = {}"]
    for limit in (None, 90):
        lines.append(f"leave({limit})" if limit else "")
        for name, work in WORK.items():
            lines += ["seen.clear()", textwrap.dedent(work)]
            lines.append(f"done.setdefault({name!r}, []).append([found, max(seen), seen[-1]])")
    code = "\n".join([*lines, ONE_TOO_LARGE])
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.parametrize("name", WORK)
def test_what_runs_out_is_done_in_halves_and_gives_the_same(name, done):
    (found, most, _), (same, tried, last) = done[0][name]
    assert most == tried == 32
    assert last < 32, "memory did not run out"
    flat = torch.tensor(_flat(found)), torch.tensor(_flat(same))
    torch.testing.assert_close(*flat, atol=1e-6, rtol=1e-3, equal_nan=True)


def test_one_image_too_large_is_one_line(done):
    assert done[1].startswith("memory ran out with one image in the network")


def _flat(found):
    return (
        [number for each in found for number in _flat(each)] if isinstance(found, list) else [found]
    )


def test_halves_cover_everything_once_in_order():
    tried = []

    def work(part):
        tried.append(part.stop - part.start)
        if part.stop - part.start > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return list(range(part.start, part.stop))

    pieces = Pieces(16)
    found = [each for _, part in pieces.run(21, work) for each in part]
    assert found == list(range(21))
    assert pieces.at_once <= 3
    assert tried[:4] == [16, 8, 4, 2]


def test_other_errors_are_not_swallowed_and_the_last_half_is_one_line():
    with pytest.raises(ZeroDivisionError):
        list(Pieces(4).run(4, lambda _part: 1 // 0))

    def never(_part):
        raise MemoryError

    with pytest.raises(blurnet.BlurnetError, match="memory ran out with one image"):
        list(Pieces(4).run(4, never))
    assert list(in_halves([1, 2], lambda each: each * 2, lambda _: [])) == [(1, 2), (2, 4)]


def test_what_running_out_of_memory_looks_like():
    said = "[enforce fail at alloc_cpu.cpp:124] . DefaultCPUAllocator: can't allocate memory"
    assert is_out_of_memory(RuntimeError(said))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    wrapped = ValueError("what it said")
    wrapped.__cause__ = torch.OutOfMemoryError("CUDA")
    assert is_out_of_memory(wrapped)
