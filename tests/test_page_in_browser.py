"""Pages in real Chromium, from disk, without network: controls, console, accessibility."""

import shutil
from pathlib import Path

import pytest
from made_runs import (
    DEEPER,
    SMALL,
    SPECTRA_ROWS,
    blackbox_run,
    defenses_run,
    spectra_run,
)

from blurnet.report import write_page, write_report

sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright on this machine")
axe = pytest.importorskip("axe_playwright_python", reason="no axe-core on this machine")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
AXE = "axe.min.js"


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The page of a run of each kind, and of two runs side by side."""
    folder = tmp_path_factory.mktemp("pages")
    first = blackbox_run(folder / "zeros")
    second = blackbox_run(folder / "reflect", shape=(3, 96, 80), seed=2)
    whitebox = defenses_run(folder / "whitebox", *SMALL)
    return {
        "blackbox": write_page(first),
        "whitebox": write_page(whitebox),
        "spectra": write_page(spectra_run(folder / "spectra", "spectra", SPECTRA_ROWS)),
        "deeper": write_page(spectra_run(folder / "deeper", "deeper", *DEEPER)),
        "large photographs": write_page(second),
        "comparison": write_report([first, second], folder / "together").page,
    }


@pytest.fixture
def opened(browser, pages):
    """Open a page; at the end nothing may have been loaded, and nothing complained of."""
    contexts, said = [], []

    def open_page(name, width=1280, **more):
        context = browser.new_context(
            offline=True, viewport={"width": width, "height": 900}, **more
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith(("data:", pages[name].as_uri()))
                else said.append(request.url)
            ),
        )
        page.goto(pages[name].as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


NAMES = ("blackbox", "whitebox", "spectra", "deeper", "large photographs", "comparison")


@pytest.mark.parametrize(
    ("name", "scheme"), [*((name, "light") for name in NAMES), ("whitebox", "dark")]
)
def test_axe_finds_nothing_serious(opened, name, scheme):
    page = opened(name, color_scheme=scheme)
    page.evaluate((Path(axe.__file__).parent / AXE).read_text("utf-8"))
    for enlarged in (False, True):
        if enlarged:
            page.locator(".enlarge:visible").first.click()
        found = page.evaluate("axe.run()")
        assert found["passes"], "axe ran"
        bad = [v for v in found["violations"] if v["impact"] in {"serious", "critical"}]
        assert not bad, [(v["id"], [n["html"] for n in v["nodes"]][:3]) for v in bad]


@pytest.mark.parametrize("name", NAMES)
def test_every_select_shows_what_was_chosen_and_nothing_else(opened, name):
    page = opened(name)
    selects = page.locator("[data-switch] select:visible:enabled").element_handles()
    assert selects
    for select in selects:
        axis = select.evaluate("select => select.parentElement.firstChild.data")
        values = select.eval_on_selector_all("option", "all => all.map(one => one.value)")
        assert len(values) > 1, axis
        for value in [*values[1:], values[0]]:
            select.select_option(value)
            assert select.evaluate(SHOWN, axis) == [value], axis


SHOWN = """(select, axis) => {
  const parts = [...select.closest("[data-switch]").querySelectorAll("[data-for]")];
  const shown = parts.filter((part) => part.checkVisibility());
  const values = shown.map((part) => JSON.parse(part.dataset.for)[axis]);
  return [...new Set(values.filter((value) => value !== undefined))];
}"""


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_is_enlarged_by_keyboard_and_focus_comes_back(opened, name):
    page = opened(name)
    dialog = page.locator("dialog")
    more = page.locator(".enlarge:visible").first
    more.focus()
    page.keyboard.press("Enter")
    assert dialog.is_visible()
    assert dialog.locator("img").first.evaluate("image => image.naturalWidth") > 0
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert more.evaluate("button => button === document.activeElement")


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_is_enlarged_by_a_click_and_next_goes_round(opened, name):
    page = opened(name)
    dialog, figures = page.locator("dialog"), page.locator("[data-zoom]:visible")
    names = figures.evaluate_all("all => all.map(one => one.dataset.zoom)")
    for place in range(0, len(names), 5):
        figures.nth(place).locator("img:visible").first.click()
        assert dialog.locator("h2").inner_text() == names[place]
        dialog.get_by_role("button", name="Close").click()
    figures.first.locator("img:visible").first.click()
    seen = [dialog.locator("h2").inner_text()]
    for _ in range(60):
        dialog.get_by_role("button", name="Next").click()
        if dialog.locator("h2").inner_text() == seen[0]:
            break
        seen.append(dialog.locator("h2").inner_text())
    assert len(seen) == len(set(seen))
    page.keyboard.press("ArrowLeft")
    assert dialog.locator("h2").inner_text() == seen[-1]


@pytest.mark.parametrize("name", NAMES)
def test_links_go_somewhere_and_downloads_are_there(opened, name):
    page = opened(name)
    links = page.locator("nav a").evaluate_all("all => all.map((a) => [a.hash, a.download])")
    for anchor, file in links:
        assert file or page.locator(anchor).count() == 1
    for link in page.locator("a[download]").all():
        with page.expect_download() as download:
            link.click()
        assert Path(download.value.path()).stat().st_size > 100


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_as_wide_as_the_window(opened, name, width):
    page = opened(name, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("name", NAMES)
def test_without_script_and_in_print_everything_is_there(opened, name):
    page = opened(name, java_script_enabled=False)
    parts = page.locator("[data-for]")
    assert parts.count() > 1
    assert page.locator("select, dialog, .enlarge").count() == 0
    scripted = opened(name)
    scripted.emulate_media(media="print")
    for shown in (page, scripted):
        assert all(part.is_visible() for part in shown.locator("[data-for]").all()[:60])
    assert scripted.locator("button:visible, select:visible").count() == 0


def test_a_script_in_a_name_does_not_run(opened):
    page = opened("blackbox")
    assert "<script>alert('x')</script>" in page.locator("main").inner_text()
    assert page.locator("script").count() == 1
