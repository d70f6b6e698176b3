"""``blurnet audit``, and the audit on the page, in tables, brackets and comparisons."""

import json
import re
import shutil
from html import unescape

import pytest

import blurnet
from blurnet import Evidence
from blurnet.evaluation.evidence import AuditCheck
from blurnet.report.evidence import page_of, sections
from blurnet.report.evidence.bracket import bracket_of

OWN = ("--model", "mynet.py:build", "--weights", "w.safetensors")
ASKED = ("--data", "folder:signs", "--mask", "bars.png", "--images", 10)


@pytest.fixture(scope="module")
def there(own, tmp_path_factory):
    """A user's folder with an evaluation in ``mine``, and another network's weights."""
    from safetensors.torch import save_file

    from blurnet.models import import_model

    folder = tmp_path_factory.mktemp("audit") / "own"
    shutil.copytree(own, folder)
    other = import_model(f"{folder / 'mynet.py'}:build")
    save_file(other.model.state_dict(), folder / "other.safetensors")
    signs = blurnet.load_images(f"folder:{folder / 'signs'}").test.spread(10)
    net = import_model(f"{folder / 'mynet.py'}:build", weights=folder / "w.safetensors")
    from blurnet.attacks.masks import bars

    evidence = blurnet.evaluate(
        net,
        signs.floats,
        signs.labels,
        bars((64, 64)),
        classes=signs.classes,
        suite="quick",
        names=signs.names,
        network="mine",
        certify=(),
    )
    evidence.save(folder / "mine")
    return folder


@pytest.fixture
def at_home(blurnet, there):
    """Run the command in a copy of it."""
    shutil.copytree(there, blurnet.folder, dirs_exist_ok=True)
    return blurnet


def test_an_evaluation_again(at_home):
    before = Evidence.load(at_home.folder / "mine")
    status, printed, said = at_home("audit", "mine", *OWN, "--quiet")
    after = Evidence.load(at_home.folder / "mine")
    assert after.audit == before.audit, said
    assert status == int(any(check.verdict == "failed" for check in after.audit))
    for check in after.audit:
        assert check.name in printed
    assert "report    mine/report.html" in printed


def test_another_network_is_told_and_nothing_written(at_home):
    page = at_home.folder / "mine/report.html"
    before = page.stat().st_mtime_ns, (at_home.folder / "mine/evidence.json").read_text()
    other = ("--model", "mynet.py:build", "--weights", "other.safetensors")
    status, printed, _ = at_home("audit", "mine", *other, "--quiet")
    assert status == 1
    assert "The attacks were made on weights" in " ".join(printed.split())
    assert (page.stat().st_mtime_ns, (at_home.folder / "mine/evidence.json").read_text()) == before


def test_evaluate_remembers_its_network(at_home):
    given = ("evaluate", *OWN, *ASKED, "--suite", "quick", "--quiet", "--out", "b")
    assert at_home(*given, "--no-audit")[0] in {0, 1}
    assert Evidence.load(at_home.folder / "b").audit == ()
    status, _, said = at_home("audit", "b", "--quiet")
    assert status in {0, 1}, said
    evidence = Evidence.load(at_home.folder / "b")
    assert evidence.audit
    assert evidence.conditions[-1].name == "audit"
    assert "Audit of mynet.py:build" in (at_home.folder / "b/report.html").read_text()


def test_a_network_alone(at_home):
    there = sorted(at_home.folder.rglob("*"))
    given = ("audit", *OWN, *ASKED, "--suite", "quick", "--quiet", "--json")
    status, printed, said = at_home(*given)
    checks = json.loads(printed)
    assert status == int(any(each["verdict"] == "failed" for each in checks)), said
    assert {each["name"] for each in checks} > {"gradient", "unbounded"}
    assert [p for p in sorted(at_home.folder.rglob("*")) if "__pycache__" not in str(p)] == there


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mine",), "it does not say how its network was named; name it beside the folder"),
        (("mine", *OWN, "--mask", "bars"), "an evaluation, which has its own mask"),
        (("mine", *OWN, "--data", "folder:signs"), "is audited on its own photographs"),
        ((*OWN, "--data", "folder:signs"), "where may a sticker be? Give --mask"),
        ((*OWN, *ASKED, "--suite", "huge"), "no suite 'huge'; there are: standard, quick"),
        (("nowhere", *ASKED), "nowhere"),
    ],
)
def test_what_makes_no_sense_is_one_line(at_home, arguments, message):
    status, printed, said = at_home("audit", *arguments, "--quiet")
    assert status == 2, said
    assert message in said
    assert len(said.strip().splitlines()) == 1
    assert not printed


def text_of(page):
    body = re.sub(r"<(script|style).*?</\1>", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body)))


def struck_through(there, *strikes):
    failed = AuditCheck(
        name="gradient-free",
        verdict="failed",
        value=0.4,
        threshold=0.002,
        sentence="The search does better. Attack again.",
        strikes=strikes,
        stronger="“random search”",
    )
    passed = AuditCheck(
        name="gradient", verdict="passed", value=0, threshold=0, sentence="It is there."
    )
    loaded = Evidence.load(there / "mine")
    return loaded.model_copy(update={"audit": (failed, passed)})


def test_a_struck_figure_stays_and_says_why(there):
    loaded = Evidence.load(there / "mine")
    first = loaded.attacks[0].attack.name
    evidence = struck_through(there, first).with_tensors(loaded.tensors)
    page = page_of(evidence)
    struck = re.findall(r"struck through, ([^:]+: [^;]+; stronger: [^<]+): </span><s", page)
    assert len(struck) >= 4
    assert "stronger: “random search”" in text_of(page)
    assert "The audit strikes this figure through" in text_of(page)
    (rung,) = [each for each in bracket_of(evidence).rungs if each.struck]
    assert rung.name == first
    assert "Audit" in [section.title for section in sections(evidence)]
    assert "1 of 2 checks fail" in text_of(page)
    assert "✗ failed" in text_of(page)
    printed = evidence.table()
    value = f"~{100 * evidence.attacks[0].success.value:.1f} %~"
    assert value in printed
    assert "audit, gradient-free: The search does better." in printed
    assert "Stronger: “random search”." in printed


def test_the_worst_case_is_struck_where_every_attack_is(there):
    loaded = Evidence.load(there / "mine")
    names = [found.attack.name for found in loaded.attacks]
    some = bracket_of(struck_through(there, *names[:-1]))
    assert not some.rungs[-1].struck
    every = struck_through(there, *names)
    assert bracket_of(every).rungs[-1].struck
    assert f"~{100 * every.worst.success.value:.1f} %~" in every.table()


def test_struck_figures_side_by_side(there, tmp_path):
    loaded = Evidence.load(there / "mine")
    evidence = struck_through(there, loaded.attacks[0].attack.name).with_tensors(loaded.tensors)
    loaded.save(tmp_path / "one")
    evidence.save(tmp_path / "two")
    page = blurnet.report(tmp_path / "one", tmp_path / "two", out=tmp_path / "both").page
    assert "<s title=" in page.read_text()
    assert "not to be quoted: gradient-free" in text_of(page.read_text())


def test_without_an_audit_the_page_says_so(there):
    evidence = Evidence.load(there / "mine").model_copy(update={"audit": ()})
    assert "No audit was made" in text_of(page_of(evidence))


def test_rp2s_own(blurnet, shared_data):
    status, printed, said = blurnet(
        "audit", "--rp2", shared_data / "rp2", "--suite", "quick", "--images", 10, "--quiet"
    )
    assert status in {0, 1}, said
    assert "Audit of RP2's own network" in printed
