import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file

from blurnet.data.rp2 import load_noise, load_scene
from blurnet.data.tensors import read_safetensors
from blurnet.errors import BlurnetError

PHOTOGRAPH = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)
MASK = np.zeros((6, 5), np.uint8)
MASK[0, 0], MASK[1, 1] = 1, 255
METADATA = {"target": "yield", "source_class": "stop"}


def save_noise(
    directory: Path,
    noise: torch.Tensor,
    metadata: dict[str, str] | None = None,
    name: str = "noise",
) -> None:
    save_file({name: noise}, directory / "sticker_noise.safetensors", metadata or METADATA)


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    (tmp_path / "victims").mkdir()
    (tmp_path / "masks").mkdir()
    for number in (1, 2, 10):
        Image.fromarray(PHOTOGRAPH // number).save(tmp_path / f"victims/{number}.png")
    Image.fromarray(MASK).save(tmp_path / "masks/sticker.png")
    Image.fromarray(MASK // 2 + 1).save(tmp_path / "masks/octagon.png")
    save_noise(tmp_path, torch.rand(3, 6, 5))
    return tmp_path


def test_the_scene_is_read(artifacts: Path) -> None:
    scene = load_scene(artifacts)
    assert scene.names == ("1", "2", "10")
    assert scene.true_class == "stop"
    assert torch.equal(scene.images[0].permute(1, 2, 0), torch.from_numpy(PHOTOGRAPH))
    assert scene.mask[0, 0] == torch.tensor(1) / 255
    assert scene.mask[1, 1] == 1
    assert load_scene(artifacts, "octagon").mask.min() > 0


def test_the_class_may_be_named_where_there_is_no_noise(artifacts: Path) -> None:
    (artifacts / "sticker_noise.safetensors").unlink()
    assert load_scene(artifacts, true_class="yield").true_class == "yield"
    with pytest.raises(BlurnetError, match=r"sticker_noise\.safetensors: no such file"):
        load_scene(artifacts)


def test_an_unknown_mask_lists_the_masks(artifacts: Path) -> None:
    with pytest.raises(BlurnetError, match="no mask 'circle'; there are: octagon, sticker"):
        load_scene(artifacts, "circle")


def test_sizes_that_differ_are_named(artifacts: Path) -> None:
    Image.fromarray(MASK[:4]).save(artifacts / "masks/sticker.png")
    with pytest.raises(BlurnetError, match=r"sticker\.png: 5 × 4 pixels, .* have 5 × 6 pixels"):
        load_scene(artifacts)
    Image.fromarray(PHOTOGRAPH[:, :4]).save(artifacts / "victims/2.png")
    with pytest.raises(BlurnetError, match=r"2\.png: 4 × 6 pixels, and 1\.png has 5 × 6"):
        load_scene(artifacts)


def test_missing_photographs_and_a_black_mask_are_named(artifacts: Path) -> None:
    Image.fromarray(MASK * 0).save(artifacts / "masks/sticker.png")
    with pytest.raises(BlurnetError, match=r"sticker\.png: the mask is black"):
        load_scene(artifacts)
    for photograph in (artifacts / "victims").iterdir():
        photograph.unlink()
    with pytest.raises(BlurnetError, match="victims: no photographs"):
        load_scene(artifacts)
    shutil.rmtree(artifacts / "victims")
    with pytest.raises(BlurnetError, match="victims: no such folder"):
        load_scene(artifacts)


def test_the_noise_is_read(artifacts: Path) -> None:
    wanted = torch.rand(3, 6, 5)
    save_noise(artifacts, wanted)
    noise, target = load_noise(artifacts)
    assert torch.equal(noise, wanted)
    assert target == "yield"


def test_noise_that_does_not_fit_is_refused(artifacts: Path) -> None:
    save_noise(artifacts, torch.rand(3, 5, 6))
    with pytest.raises(BlurnetError, match=r"noise is 3 × 5 × 6; .* must be 3 × 6 × 5"):
        load_noise(artifacts)
    save_noise(artifacts, torch.full((3, 6, 5), torch.nan))
    with pytest.raises(BlurnetError, match="not finite"):
        load_noise(artifacts)
    save_noise(artifacts, torch.rand(3, 6, 5), {"source_class": "stop"})
    with pytest.raises(BlurnetError, match="does not name its 'target'"):
        load_noise(artifacts)
    save_noise(artifacts, torch.rand(3, 6, 5), name="delta")
    with pytest.raises(BlurnetError, match="no tensor 'noise'; there are: delta"):
        load_noise(artifacts)


def test_tensors_and_metadata_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    tensors = {"a": torch.rand(2, 3), "b": torch.tensor([1, 2]), "c": torch.empty(0)}
    save_file(tensors, path)
    found, metadata = read_safetensors(path)
    assert metadata == {}
    assert found.keys() == tensors.keys()
    path.write_bytes(b"")  # the tensors do not lean on the file
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)


class Unpickled:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return pytest.fail, ("the pickle was opened",)


def test_a_pickle_is_refused_unopened(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(pickle.dumps(Unpickled()))
    with pytest.raises(BlurnetError, match=r"a\.safetensors: .*looks like a pickle"):
        read_safetensors(path)
    torch.save({"a": torch.rand(1)}, path)
    with pytest.raises(BlurnetError, match="looks like a pickle"):
        read_safetensors(path)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(BlurnetError, match=r"missing\.safetensors: no such file"):
        read_safetensors(tmp_path / "missing.safetensors")
    with pytest.raises(BlurnetError, match=f"{tmp_path}: "):
        read_safetensors(tmp_path)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_cut_or_foreign_file_is_refused_in_one_line(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a.safetensors"
    save_file({"a": torch.rand(2, 3)}, path, {"k": "v"})
    content = path.read_bytes()
    foreign = st.binary(max_size=40) | st.builds(
        lambda header: len(header).to_bytes(8, "little") + header,
        st.builds(
            lambda value: json.dumps(value).encode(),
            st.dictionaries(st.text(max_size=3), st.integers() | st.text(), max_size=2),
        ),
    )
    cut = st.integers(0, len(content) - 1).map(lambda end: content[:end])
    path.write_bytes(data.draw(cut | foreign))
    try:
        read_safetensors(path)
    except BlurnetError as error:
        message = str(error)
    else:
        message = f"{path}: "
        assert path.read_bytes()[8:] in (b"{}",)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message


def test_the_published_artifacts_are_read(shared_data: Path) -> None:
    scene = load_scene(shared_data / "rp2")
    assert scene.images.shape == (40, 3, 32, 32)
    assert scene.true_class == "stop"
    assert (int((scene.mask == 1).sum()), int((scene.mask > 0).sum())) == (30, 38)
    assert load_scene(shared_data / "rp2", "octagon").mask.sum() > scene.mask.sum()
    noise, target = load_noise(shared_data / "rp2")
    assert (noise.shape, noise.dtype, target) == ((3, 32, 32), torch.float32, "speedLimit45")
