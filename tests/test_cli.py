"""The command line: the contract's commands, and every mistake one line and exit status 2."""

import json
import shutil
import signal
import subprocess
import sys
from importlib.resources import files

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from blurnet.data.rp2 import RP2_CLASSES
from blurnet.experiments import load_results
from blurnet.models import LisaCNN, build


def one_line(result, folder):
    status, out, err = result
    assert status == 2
    assert not out
    assert err.startswith("blurnet: ")
    assert err.count("\n") == 1
    assert not list(folder.iterdir()), "something was written"
    return err


def test_run_writes_table_results_and_page(blurnet, artifacts, tmp_path):
    out = tmp_path / "out"
    status, printed, progress = blurnet("run", "blackbox", "--rp2", artifacts, "--out", out)
    assert status == 0
    assert "5×5 filter on L1 maps" in printed
    assert str(out / "report.html") in printed.replace("\n", "")
    assert "1/16" in progress
    results = load_results(out)
    assert (results.kind, results.experiment) == ("blackbox", "blackbox")
    assert results.rows[0].label == "baseline"
    assert len(results.rows) == 5
    row = results.rows[4]
    assert row.rates.accuracy.total == 3
    assert (row.published.accuracy, row.published.attack_success_rate) == (0.875, 0.175)
    for rate in (row.rates.accuracy, row.rates.attack_success_rate, row.rates.target_reached_rate):
        assert 0 <= rate.low <= rate.value <= rate.high <= 1
    before = {f: f.stat().st_mtime_ns for f in out.rglob("*") if f.is_file() and f.name != ".lock"}
    status, _, progress = blurnet("run", "blackbox", "--rp2", artifacts, "--out", out)
    assert (status, progress) == (0, "")
    assert all(f.stat().st_mtime_ns == time for f, time in before.items())


def test_json_prints_the_result_alone(blurnet, artifacts, tmp_path):
    out = tmp_path / "out"
    status, printed, progress = blurnet(
        "run", "blackbox", "--rp2", artifacts, "--out", out, "--json", "--quiet"
    )
    assert (status, progress) == (0, "")
    assert printed == (out / "results.json").read_text()


def test_settings_reach_the_rows_and_their_own_folder(blurnet, artifacts):
    assert blurnet("run", "blackbox", "--rp2", artifacts, "--set", "padding=reflect")[0] == 0
    assert blurnet("run", "blackbox", "--rp2", artifacts)[0] == 0
    folders = sorted((blurnet.folder / "runs").iterdir())
    assert len(folders) == 2
    found = {load_results(folder).rows[1].filters[0].padding for folder in folders}
    assert found == {"zeros", "reflect"}


def test_replace_is_needed_for_other_settings(blurnet, artifacts):
    run = ["run", "blackbox", "--rp2", artifacts, "--out", "out"]
    assert blurnet(*run)[0] == 0
    before = (blurnet.folder / "out" / "results.json").read_bytes()
    status, out, error = blurnet(*run, "--set", "padding=reflect")
    assert (status, out) == (2, "")
    assert error.startswith("blurnet: out: holds other results: padding is 'zeros' there")
    assert error.count("\n") == 1
    assert (blurnet.folder / "out" / "results.json").read_bytes() == before
    assert blurnet(*run, "--set", "padding=reflect", "--replace")[0] == 0
    assert load_results(blurnet.folder / "out").rows[1].filters[0].padding == "reflect"


def test_data_beside_rp2_adds_test_accuracy_and_surrogate_rows(blurnet, artifacts, tmp_path):
    signs = tmp_path / "signs"
    for place, name in enumerate(("stop", "speedLimit45", "yield")):
        for part in ("train", "test"):
            folder = signs / part / name
            folder.mkdir(parents=True)
            for k in range(2):
                Image.new("RGB", (32, 32), (80 * place, 200 - k, 90)).save(folder / f"{k}.png")
    status, _, _ = blurnet(
        "run", "blackbox", "--rp2", artifacts, "--data", f"folder:{signs}", "--out", "out",
        "--classes", "stop,speedLimit45,yield",
        "--set", "training.epochs=1", "--set", "attack.steps=2",
    )  # fmt: skip
    assert status == 0
    rows = load_results(blurnet.folder / "out").rows
    assert [row.transfer for row in rows] == ["same_weights"] * 5 + ["surrogate"] * 5
    assert all(row.rates.test_accuracy.total == 6 for row in rows)
    assert all(row.published is None for row in rows[5:])


def replace_text(path, text="not what it seems"):
    path.write_text(text)


def replace_mask(path):
    Image.new("L", (30, 30), 255).save(path)


def replace_labels(path):
    save_file(load_file(path), path, {"labels": json.dumps(["a"] * 17)})


def replace_target(path):
    save_file(load_file(path), path, {"source_class": "stop", "target": "giraffe"})


def replace_weights(path):
    save_file(
        build("small_resnet", 17, seed=0).state_dict(), path, {"labels": json.dumps(RP2_CLASSES)}
    )


def replace_with_pickle(path):
    torch.save(LisaCNN(17).state_dict(), path)


def replace_with_bomb(path):
    with path.open("wb") as file:
        file.write(b"P6 60000 60000 255\n")


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def remove(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def empty(path):
    remove(path)
    path.mkdir()


@pytest.mark.parametrize(
    ("where", "damage", "message"),
    [
        (".", remove, "no such folder; --rp2 takes one with"),
        (".", empty, "victims: no such folder"),
        ("lisa_cnn.safetensors", remove, "lisa_cnn.safetensors: no such file"),
        ("victims", remove, "victims: no such folder"),
        ("victims", empty, "victims: no photographs"),
        ("victims/02.png", replace_text, "02.png: not a picture"),
        ("victims/02.png", truncate, "02.png: this picture cannot be read"),
        ("victims/02.png", replace_with_bomb, "02.png: a picture of more than 64 megapixels"),
        ("masks/sticker.png", replace_mask, "sticker.png: 30 × 30 pixels"),
        ("masks/sticker.png", remove, "no mask 'sticker'"),
        ("lisa_cnn.safetensors", replace_weights, "weights of another architecture than LisaCNN"),
        ("lisa_cnn.safetensors", replace_with_pickle, "looks like a pickle"),
        ("lisa_cnn.safetensors", truncate, "lisa_cnn.safetensors: not a whole safetensors file"),
        ("lisa_cnn.safetensors", replace_labels, "'stop', 'speedLimit45' are not among the netw"),
        ("sticker_noise.safetensors", replace_target, "'giraffe' is not among the network's outp"),
    ],
)
def test_broken_artifacts(blurnet, artifacts, where, damage, message):
    damage(artifacts / where)
    error = one_line(blurnet("run", "blackbox", "--rp2", artifacts), blurnet.folder)
    assert message in error
    assert str(artifacts) in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "no experiment 'nothing'; there are: adaptive, alphas, area, blackbox"),
        (["nothing.yaml"], "no experiment 'nothing.yaml'"),
        (["--data", "folder:missing"], "missing: no such folder"),
        (["--data", "zip:missing"], "no such kind; there are: synthetic, folder:DIR"),
        (["--data", "folder:"], "the folder is missing"),
        (["--set", "colour=red"], "unknown setting 'colour'; there are: kind, rp2, data, classes"),
        (
            ["--set", "attack.colour=red"],
            "unknown setting 'attack.colour'; there are in attack: st",
        ),
        (["--set", "rows.colour=red"], "--set rows.colour=red: 'rows' has no settings inside it"),
        (["--set", "padding"], "write key=value"),
        (["--set", "padding=wrap"], "setting padding: Input should be 'zeros', 'reflect'"),
        (["--set", "attack.steps=0"], "steps is at least 1, not 0"),
        (["--set", "attack.steps=many"], "setting attack.steps: Input should be a valid integer"),
        (["--set", "training.epochs=0"], "epochs and batch_size are at least 1"),
        (
            ["--set", "model=vgg"],
            "no model 'vgg'; there are: grey_resnet, lisa_cnn",
        ),
        (["--set", "target=giraffe"], "'giraffe' is not among the network's outputs"),
        (["--set", "true_class=giraffe"], "giraffe"),
        (["--classes", "stop,giraffe"], "giraffe"),
        (["--classes", "stop,yield"], "'stopAhead' is not among the network's outputs"),
        (["--rp2", "missing"], "missing: no such folder; --rp2 takes one with"),
        (["--set", "target=stop"], "the target is 'stop', which the scene shows"),
        (["--data", ""], "no such kind"),
        (["--model", "mine.py:build"], "mine.py: no such file"),
        (["--size", "20"], "20 × 20"),
        (["--rp2", "missing", "--classes", "all"], "setting classes: --rp2 brings its own"),
    ],
)
def test_wrong_arguments(blurnet, arguments, message):
    experiment = [] if arguments[0].startswith("nothing") else ["blackbox"]
    assert message in one_line(blurnet("run", *experiment, *arguments), blurnet.folder)


def test_wrong_data_folders(blurnet, tmp_path):
    signs = tmp_path / "signs"
    signs.mkdir()
    run = ["run", "blackbox", "--data", f"folder:{signs}", "--classes", "all"]
    assert "no folder 'train'" in one_line(blurnet(*run), blurnet.folder)
    for part in ("train", "test"):
        (signs / part / "stop").mkdir(parents=True)
    assert "stop: a class folder without pictures" in one_line(blurnet(*run), blurnet.folder)
    for part in ("train", "test"):
        (signs / part / "stop" / "1.png").write_text("hello")
    assert "1.png: not a picture" in one_line(blurnet(*run), blurnet.folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1, 2]", "an experiment is a mapping"),
        ("a: [", "not YAML"),
        ("kind: dance", "kind: 'dance' is not one of: blackbox, defenses, matrix, spectra"),
        ("experiment: blackbox", "a line such as kind: blackbox is missing; there are: blackbox"),
        ("kind: blackbox", "the setting 'rows' is missing"),
        ("kind: blackbox\nrows: [{label: a, filters: []}]", "unknown setting 'rows.0.filters'"),
    ],
)
def test_wrong_experiment_files(blurnet, tmp_path, content, message):
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    assert message in one_line(blurnet("run", path), blurnet.folder)


def test_a_filter_that_makes_no_sense_writes_nothing(blurnet, artifacts, tmp_path):
    status, shipped, _ = blurnet("list", "experiments")
    first, then = "adaptive alphas area blackbox deeper", "fixed-blur spectra train-defenses"
    names = f"{first} {then} undertraining whitebox"
    assert (status, shipped.split()) == (0, names.split())
    path = tmp_path / "mine.yaml"
    text = files("blurnet.experiments").joinpath("blackbox.yaml").read_text("utf-8")
    for wrong, message in (("relu9", "no layer 'relu9'"), ("fc", "layer 'fc' is 1 × 17")):
        path.write_text(text.replace("after: relu1", f"after: {wrong}"))
        assert message in one_line(blurnet("run", path, "--rp2", artifacts), blurnet.folder)
    path.write_text(text.replace("size: 3", "size: 4"))
    assert "size is odd" in one_line(blurnet("run", path, "--rp2", artifacts), blurnet.folder)


def test_a_foreign_results_file_is_left_alone(blurnet, artifacts):
    (blurnet.folder / "results.json").write_text('{"mine": 1}')
    status, _, error = blurnet("run", "blackbox", "--rp2", artifacts, "--out", blurnet.folder)
    assert status == 2
    assert "not a file of blurnet's" in error
    assert [f.name for f in blurnet.folder.iterdir()] == ["results.json"]


def test_a_file_where_the_folder_should_be(blurnet, artifacts):
    (blurnet.folder / "out").write_text("")
    status, _, error = blurnet("run", "blackbox", "--rp2", artifacts, "--out", "out")
    assert status == 2
    assert error.startswith("blurnet: out: cannot write there")


def test_data_check_counts_and_lists(blurnet, tmp_path):
    signs = tmp_path / "signs"
    for part in ("train", "test"):
        (signs / part / "stop").mkdir(parents=True)
        Image.new("RGB", (32, 32)).save(signs / part / "stop" / "1.png")
    status, out, _ = blurnet("data", "check", f"folder:{signs}", "--json")
    assert status == 0
    found = json.loads(out)
    assert (found["train"], found["test"], found["problems"]) == ({"stop": 1}, {"stop": 1}, [])
    assert found["sizes"] == {"32x32": 2}
    (signs / "test" / "stop" / "2.png").write_text("hello")
    status, out, _ = blurnet("data", "check", f"folder:{signs}")
    assert status == 2
    assert "2.png: not a picture" in out.replace("\n", " ")


def test_data_check_of_a_folder_in_one_piece(blurnet, tmp_path):
    for label in ("stop", "yield"):
        (tmp_path / "signs" / label).mkdir(parents=True)
        Image.new("RGB", (40, 32)).save(tmp_path / "signs" / label / "1.png")
    status, out, _ = blurnet("data", "check", f"folder:{tmp_path / 'signs'}")
    assert status == 0
    assert "pixels: 40 × 32 (2)" in out
    assert "in one piece: a fifth of each class will be held out" in out
    status, out, _ = blurnet("data", "check", f"folder:{tmp_path / 'signs' / 'stop'}")
    assert status == 0, "a folder of photographs"
    assert "1 class" in out


def test_help_answers_without_torch():
    code = """
import sys
from blurnet.cli.main import main
sys.argv = ["blurnet", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert not end.code
assert "torch" not in sys.modules
"""
    commands = (
        "inspect",
        "harden",
        "train",
        "attack rp2",
        "evaluate",
        "certify",
        "run",
        "report",
        "spectrum",
    )
    helps = [[*command.split(), "--help"] for command in (*commands, "list", "data check")]
    for arguments in (["--help"], ["--version"], *helps):
        subprocess.run(
            [sys.executable, "-c", code, *arguments], check=True, stdout=subprocess.DEVNULL
        )


def test_wrong_usage_is_exit_status_2(blurnet):
    assert blurnet("run")[0] == 2
    assert blurnet("fly")[0] == 2
    assert blurnet("run", "blackbox", "--fast")[0] == 2


def test_a_foreign_page_is_left_alone(blurnet, artifacts):
    (blurnet.folder / "report.html").write_text("mine")
    status, _, error = blurnet("run", "blackbox", "--rp2", artifacts, "--out", blurnet.folder)
    assert status == 2
    assert "report.html: not a page of blurnet's" in error
    assert [f.read_text() for f in blurnet.folder.iterdir()] == ["mine"]


def test_settings_say_what_rp2s_artifacts_decide(blurnet, artifacts):
    assert blurnet("run", "blackbox", "--rp2", artifacts, "--out", "out")[0] == 0
    results = load_results(blurnet.folder / "out")
    assert (results.true_class, results.target) == ("stop", "speedLimit45")
    assert (results.settings.true_class, results.settings.target) == ("stop", "speedLimit45")


def test_experiment_files_of_one_name_have_folders_of_their_own(blurnet, artifacts, tmp_path):
    text = files("blurnet.experiments").joinpath("blackbox.yaml").read_text("utf-8")
    for place in ("a", "b"):
        path = tmp_path / place / "mine.yaml"
        path.parent.mkdir()
        path.write_text(f"{text}# {place}\n")
        assert blurnet("run", path, "--rp2", artifacts)[0] == 0
    assert len(list((blurnet.folder / "runs").iterdir())) == 2


def test_ctrl_c_says_what_is_kept(drawn_folder, tmp_path):
    arguments = [
        "run", "blackbox", "--data", f"folder:{drawn_folder}", "--classes", "all",
        "--set", "training.epochs=5000", "--out", tmp_path / "out",
    ]  # fmt: skip
    code = "from blurnet.cli.main import main; main()"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert "what is finished is kept" in process.stderr.read()
    assert process.returncode == 130


LISTED = {
    "transforms": ("rotation", "degrees=5"),
    "views": ("rotation", "degrees=5"),
    "penalties": ("tikhonov_high_pass", "alpha, layers=[], kernel=box, size=5"),
    "augmentations": ("occlusion", "smallest=0.1"),
    "adversaries": ("pgd", "steps=10"),
    "models": ("lisa_cnn", ""),
    "kernels": ("binomial", ""),
    "experiments": ("fixed-blur", ""),
    "data": ("folder:DIR", ""),
    "classes": ("rp2", ""),
}


@pytest.mark.parametrize("kind", LISTED)
def test_list_says_settings_and_defaults(blurnet, kind):
    name, settings = LISTED[kind]
    status, printed, _ = blurnet("list", kind)
    assert status == 0
    lines = {line.split()[0]: line for line in printed.splitlines()}
    assert settings in lines[name]


def test_list_lists_everything(blurnet):
    printed = blurnet("list")[1]
    assert [line.partition(":")[0] for line in printed.splitlines()] == [
        "experiments", "models", "kernels", "penalties", "augmentations", "adversaries", "data",
        "classes", "transforms",
    ]  # fmt: skip
