"""blurnet report: one run again, several side by side, figures as files; clear refusals."""

import csv
import io
import json
import os
import shutil

import pytest
import torch
from made_runs import LONG, SMALL, blackbox_run, changed_row, defenses_run, write_results
from PIL import Image

from blurnet import Blur, BlurnetError, RP2Settings, evaluate, harden
from blurnet.engine import Records
from blurnet.evaluation import Suite, SuiteAttack
from blurnet.experiments import load_results
from blurnet.models import build
from blurnet.report import write_page, write_report
from blurnet.report.page.compared import compared_tables, differences, named
from blurnet.report.page.raw import flat, to_csv
from blurnet.report.page.reading import read_run
from blurnet.report.page.source import read_source


def read(*folders):
    return named([read_source(folder) for folder in folders])


@pytest.fixture
def two(tmp_path):
    first = blackbox_run(tmp_path / "zeros")
    second = blackbox_run(tmp_path / "reflect", padding="reflect")
    results = load_results(changed_row(second, 0, attack_success_rate=0.5))
    write_results(second, results.model_copy(update={"rows": results.rows[:3]}))
    return first, second


def state(folder):
    return {f: f.stat().st_mtime_ns for f in folder.rglob("*")}


def test_a_run_again_from_its_records(blurnet, tmp_path):
    folder = blackbox_run(tmp_path / "run")
    page = write_page(folder).read_bytes()
    (folder / "report.html").unlink()
    before = state(folder)
    status, out, _ = blurnet("report", folder, "--out", "there", "--figures", "drawn", "--json")
    assert status == 0
    assert state(folder) == before, "a run's folder is only read"
    told = json.loads(out)
    assert told["report"] == "there/report.html"
    assert (blurnet.folder / told["report"]).read_bytes() == page
    assert told["runs"][0]["experiment"] == "blackbox"
    names = {path.removeprefix("drawn/") for path in told["figures"]}
    assert {name.removesuffix(".png") for name in names if name.endswith(".png")} == {
        name.removesuffix(".svg") for name in names if name.endswith(".svg")
    }
    assert "rp2-s-loss-surrogate.png" in names
    assert sum("attack-success" in name for name in names) == 4
    for path in told["figures"]:
        if path.endswith(".png"):
            Image.open(blurnet.folder / path).verify()
        else:
            assert "<svg" in (blurnet.folder / path).read_text()


def test_by_default_page_and_figures_go_into_the_run(blurnet, tmp_path):
    folder = blackbox_run(tmp_path / "run")
    status, out, _ = blurnet("report", folder)
    assert status == 0
    assert str(folder / "report.html") in out
    assert list((folder / "figures").glob("*.svg"))


def test_side_by_side_matches_rows_by_name(two):
    runs = read(*two)
    assert [run.name for run in runs] == ["zeros", "reflect"]
    assert differences(runs) == {"padding": ["zeros", "reflect"]}
    success, *_ = compared_tables(runs)
    assert success.title.endswith("attack success")
    plain, filtered = success.rows
    assert (plain.name, filtered.name) == ("baseline", LONG)
    assert [rate.value for rate in plain.rates] == [1.0, 0.5]
    assert plain.rates[1].limits.low == pytest.approx(0.2152, abs=1e-4)
    surrogate = next(t for t in compared_tables(runs) if "another seed" in t.title)
    assert surrogate.rows[1].rates[1] is None, "a row that one run lacks"


def test_the_comparison_page(blurnet, two):
    status, out, _ = blurnet("report", *two, "--out", "both", "--json")
    assert status == 0
    told = json.loads(out)
    assert told["differences"] == {"padding": ["zeros", "reflect"]}
    row = told["rows"][0]
    assert row["rates"]["reflect"]["value"] == 0.5
    assert row["rates"]["reflect"]["images"] == 8
    assert row["rates"]["reflect"].keys() == {"value", "low", "high", "images"}
    page = (blurnet.folder / "both" / "report.html").read_text()
    assert "2 runs side by side" in page
    assert "−50.0" in page
    assert "Over what differs" not in page, "a border is no number"
    assert page.count("<script") == 1


def test_runs_that_differ_in_one_number_give_curves(blurnet, tmp_path):
    folders = [blackbox_run(tmp_path / str(seed), seed=seed) for seed in (0, 1, 2)]
    status, out, _ = blurnet("report", *folders, "--out", "curves", "--json")
    assert status == 0
    assert any("over-seed.svg" in path for path in json.loads(out)["figures"])


def test_different_kinds_stand_side_by_side(tmp_path):
    runs = read(blackbox_run(tmp_path / "a"), defenses_run(tmp_path / "b", *SMALL))
    assert differences(runs)["experiment"] == ["blackbox", "whitebox"]
    tables = compared_tables(runs)
    assert any(table.title == "short on stop: mean success" for table in tables)
    assert all(len(row.rates) == 2 for table in tables for row in table.rows)


def test_what_was_asked_differently_is_short(tmp_path):
    other = [each.replace("{label: plain}", "{label: bare}") for each in SMALL]
    other = [
        each.replace("short: {settings: {steps: 5}}", "short: {settings: {steps: 6}}")
        for each in other
    ]
    folders = [
        defenses_run(tmp_path / "a", *SMALL),
        defenses_run(tmp_path / "b", *other, "seeds=[2]"),
    ]
    data = [f"folder:{folder / 'data'}" for folder in folders]
    assert differences(read(*folders)) == {
        "data": data,
        "seeds": ["0, 1", "2"],
        "attack short.settings.steps": ["5", "6"],
        "row plain": ["asked for", "–"],
        "row bare": ["–", "asked for"],
    }


def test_names_tell_runs_apart(tmp_path):
    runs = read(*(blackbox_run(tmp_path / name / "run") for name in ("a", "b")))
    assert [run.name for run in runs] == ["a/run", "b/run"]


def test_a_page_of_something_else_is_not_replaced(blurnet, two, tmp_path):
    third = blackbox_run(tmp_path / "third")
    assert blurnet("report", *two)[0] == 0
    page = blurnet.folder / "runs" / "comparison" / "report.html"
    before = page.read_bytes()
    assert blurnet("report", *two)[0] == 0, "the same comparison again"
    said = one_line(blurnet("report", two[0], third))
    assert "another comparison of zeros, reflect" in said
    assert "--out" in said
    assert page.read_bytes() == before
    said = one_line(blurnet("report", third, "--out", "runs/comparison"))
    assert "another comparison of zeros, reflect" in said
    assert not (blurnet.folder / "runs" / "comparison" / "figures").joinpath("rp2").exists()


def test_a_run_s_own_page_is_always_renewed(two, tmp_path):
    write_page(two[0])
    shutil.copy(two[0] / "report.html", two[1] / "report.html")
    write_page(two[1])
    assert "reflect</dd>" in (two[1] / "report.html").read_text()
    write_page(two[0].rename(tmp_path / "moved"))


def test_raw_rows_are_a_line_for_each_attack_and_scene(tmp_path):
    rows = load_results(defenses_run(tmp_path, *SMALL)).rows
    lines = list(csv.DictReader(io.StringIO(to_csv(rows).decode())))
    scenes = [(attack, s) for attack, of in rows[0].attacks.items() for s in range(len(of))]
    assert len(lines) == len(rows) * len(scenes)
    assert [(line["attack"], int(line["scene"])) for line in lines[: len(scenes)]] == scenes
    one = rows[2].attacks["short"][1]
    line = next(
        each
        for each in lines[2 * len(scenes) :]
        if (each["attack"], each["scene"]) == ("short", "1")
    )
    assert float(line["mean.value"]) == one.mean.value
    assert float(line["mean.low"]) == one.mean.low
    assert line["true_class"] == "yield"
    assert dict(flat({"a": {"b": [1, None]}})) == {"a.b.0": "1", "a.b.1": None}


def one_line(result):
    status, out, err = result
    assert status == 2
    assert not out
    last = err.splitlines()[-1]
    assert last.startswith("blurnet: ")
    assert "Traceback" not in err
    return last


def test_what_cannot_be_shown_is_said_in_one_line(blurnet, tmp_path):
    assert "nowhere: no such folder" in one_line(blurnet("report", "nowhere"))
    (blurnet.folder / "empty").mkdir()
    assert "empty/results.json: no such file" in one_line(blurnet("report", "empty"))
    folder = blackbox_run(tmp_path / "run")
    assert "given twice" in one_line(blurnet("report", folder, folder / ".." / "run"))
    assert not list((blurnet.folder / "empty").iterdir())
    content = (folder / "results.json").read_text()
    (folder / "results.json").write_text(content.replace('"kind": "blackbox"', '"kind": "new"'))
    assert "not results that this version of blurnet wrote" in one_line(blurnet("report", folder))


def test_an_unfinished_run_says_what_is_there(blurnet, tmp_path):
    folder = blackbox_run(tmp_path / "run")
    (folder / "results.json").unlink()
    (folder / "records" / ".train-00000000000000000000.working").mkdir()
    said = one_line(blurnet("report", folder))
    assert "unfinished run: recorded so far: 1 filter, 2 sticker, 2 train, 4 transfer" in said
    assert "1 begun" in said
    (folder / "network.safetensors").touch()
    assert "a folder of blurnet train, which has no page" in one_line(blurnet("report", folder))


def test_missing_records_are_counted_and_named(tmp_path):
    folder = blackbox_run(tmp_path)
    key = load_results(folder).rows[0].step
    shutil.rmtree(folder / "records" / key)
    named_key = f"1 of the 4 records .* missing, such as records/{key}"
    with pytest.raises(BlurnetError, match=named_key):
        read_run(folder)


def test_a_page_of_someone_else_is_left_alone(blurnet, tmp_path):
    folder = blackbox_run(tmp_path / "run")
    (folder / "report.html").write_text("<title>mine</title>")
    assert "not a page of blurnet's; choose another folder with --out" in one_line(
        blurnet("report", folder)
    )
    assert (folder / "report.html").read_text() == "<title>mine</title>"
    assert not (folder / "figures").exists()


def test_a_finished_run_in_a_read_only_folder_shows_its_table(blurnet, tmp_path, monkeypatch):
    folder = defenses_run(tmp_path / "run", *SMALL)
    described = [
        "run", "whitebox", "--data", f"folder:{folder / 'data'}", "--classes", "stop,yield,merge",
        "--out", folder, *(part for each in SMALL for part in ("--set", each)),
    ]  # fmt: skip
    before = state(folder)

    def refuse(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Records, "locked", refuse)
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    status, out, _ = blurnet(*described)
    assert status == 0
    assert "short on 6 views of stop" in out
    assert "not renewed: a read-only folder" in out
    assert state(folder) == before


def test_nothing_to_report_is_a_mistake(tmp_path):
    with pytest.raises(BlurnetError, match="at least one folder"):
        write_report([], tmp_path)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """Folders of two evaluations, of a network without training and of the same with a blur."""
    images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(32, 32)
    mask[10:20, 8:24] = 1
    suite = Suite(
        name="tiny",
        attacks=(SuiteAttack(name="formula", describes="", rp2=RP2Settings(steps=2)),),
    )
    network = build("lisa_cnn", 3, seed=0)
    folder, folders = tmp_path_factory.mktemp("evidence"), []
    for name, model in (("plain", network), ("blurred", harden(network, Blur("box", 5)))):
        found = evaluate(
            model, images, torch.zeros(4, dtype=torch.int64), mask,
            classes=("stop", "yield", "merge"), suite=suite, network=name, certify=("any:4",),
        )  # fmt: skip
        folders.append(found.save(folder / name))
    return folders


def test_an_evaluation_again(blurnet, evaluated):
    status, out, _ = blurnet("report", evaluated[0], "--out", "there", "--json")
    assert status == 0
    told = json.loads(out)
    assert told["runs"][0]["experiment"] == "plain"
    page = (blurnet.folder / "there" / "report.html").read_text()
    assert "Evidence on “plain”" in page
    assert "evidence.json" in page


def test_evaluations_side_by_side(blurnet, evaluated):
    status, out, _ = blurnet("report", *evaluated, "--out", "both", "--json")
    assert status == 0
    rows = json.loads(out)["rows"]
    assert {"plain", "blurred"} == set(rows[0]["rates"])
    assert any(row["row"] == "formula" for row in rows)
    page = (blurnet.folder / "both" / "report.html").read_text()
    assert "2 evaluations side by side" in page
    assert "The brackets" in page


def test_an_evaluation_beside_a_run(blurnet, evaluated, tmp_path):
    run = blackbox_run(tmp_path / "run")
    assert blurnet("report", run, evaluated[0], "--out", "both")[0] == 0
    page = (blurnet.folder / "both" / "report.html").read_text()
    assert "2 runs and evaluations side by side" in page


def test_damaged_evidence_is_said_in_one_line(blurnet, evaluated, tmp_path):
    folder = shutil.copytree(evaluated[0], tmp_path / "damaged")
    (folder / "evidence.json").write_text('{"network": 1}')
    said = one_line(blurnet("report", folder))
    assert "evidence.json" in said
