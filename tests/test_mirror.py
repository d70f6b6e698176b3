"""A copy of a run's records at places that fsspec knows: sent, fetched, damaged, out of reach."""

import shutil

import fsspec
import pytest
from test_jobs import Seen, contents, one, step, sweep

from blurnet import BlurnetError
from blurnet.engine import FailedSteps, Records, run_steps
from blurnet.engine.mirror import Mirror


def raises(needs, on_step, folder):
    raise ValueError("wrong")


@pytest.fixture(params=["file", "memory"])
def url(request, tmp_path):
    return f"file://{tmp_path / 'far'}" if request.param == "file" else f"memory://{tmp_path.name}"


def test_what_is_lost_here_is_fetched_from_there(tmp_path, url):
    first, lost = Records(tmp_path / "1"), Records(tmp_path / "2")
    run_steps(sweep(), first, threads=1, mirror=url)
    seen = Seen()
    run_steps(sweep(), lost, seen, threads=1, mirror=url)
    assert contents(lost) == contents(first)
    assert seen.lines == []
    for each in sweep():
        assert lost.files(each.key) == first.files(each.key)


def test_a_damaged_copy_is_told_and_renewed(tmp_path, url):
    first, second, steps = Records(tmp_path / "1"), Records(tmp_path / "2"), sweep()
    run_steps(steps, first, threads=1, mirror=url)
    files, root = fsspec.core.url_to_fs(url)
    tensors = f"{root}/records/{steps[0].key}/tensors.safetensors"
    files.pipe_file(tensors, files.cat_file(tensors)[:-4])
    seen = Seen()
    run_steps(steps, second, seen, threads=1, mirror=url)
    assert contents(second) == contents(first)
    assert "tensors.safetensors: not what was written there" in seen.lines[0]
    assert [line for line in seen.lines if "done" in line] == [f"{steps[0].title}: done"]
    assert files.cat_file(tensors) == first.files(steps[0].key)["tensors.safetensors"]


def test_records_of_before_are_sent_and_a_failure_costs_none(tmp_path, url):
    records, sound, wrong = Records(tmp_path / "1"), step("sound", one), step("wrong", raises)
    run_steps([sound], records)
    with pytest.raises(FailedSteps):
        run_steps([sound, wrong], records, mirror=url)
    again = Records(tmp_path / "2")
    run_steps([sound], again, seen := Seen(), mirror=url)
    assert sound.key in again
    assert seen.lines == []


def test_a_config_that_names_other_files_is_no_record(tmp_path):
    first, second, each = Records(tmp_path / "1"), Records(tmp_path / "2"), step("sound", one)
    run_steps([each], first)
    files = first.files(each.key)
    config = files["config.json"].replace(b'"result.json"', b'"../../evil.json"')
    with pytest.raises(BlurnetError, match="names files that no record has"):
        second.keep(each.key, {**files, "config.json": config})
    assert not list(tmp_path.glob("**/evil.json"))


def test_a_place_out_of_reach(tmp_path):
    records, each = Records(tmp_path / "1"), step("sound", one)
    with pytest.raises(BlurnetError, match=r"^--mirror nowhere://x: .*nowhere"):
        run_steps([each], records, mirror="nowhere://x")
    assert not records.root.exists(), "nothing was done"
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(BlurnetError, match=r"^--mirror file:///.*file/x: "):
        run_steps([each], records, seen := Seen(), mirror=f"file://{blocked}/x")
    assert each.key in records, "what is done is kept"
    assert seen.lines[2].startswith("--mirror file://")
    blocked.unlink()
    run_steps([each], records, mirror=f"file://{blocked}/x")
    shutil.rmtree(records.folder)
    Mirror(f"file://{blocked}/x", records).fetch([each], Seen())
    assert each.key in records


def test_whole_experiments(tmp_path, drawn_folder, blurnet):
    asked = ["run", "blackbox", "--data", f"folder:{drawn_folder}", "--classes", "all", "--quiet"]
    asked += ["--set", "training.epochs=1", "--set", "attack.steps=3"]
    asked += ["--mirror", f"file://{tmp_path / 'far'}"]
    assert blurnet(*asked, "--out", tmp_path / "1")[0] == 0
    assert blurnet(*asked, "--out", tmp_path / "2")[0] == 0
    first, second = (
        {f.parent.name: f.read_bytes() for f in (tmp_path / n / "records").glob("*/config.json")}
        for n in "12"
    )
    assert first == second, "seconds and dates too: nothing was computed again"
