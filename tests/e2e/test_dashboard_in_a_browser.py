"""The dashboard in a real Chromium: every page, on a desk and on a phone, in light and dark."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest
from support.chromium import DESKTOP, PHONE, log_in, open_browser, open_page
from support.dashboard_site import OPERATOR, READER, dashboard_settings, open_site
from support.proof import one_told
from support.topic_writer import TopicWriter

from schemas.result import Outcome

pytestmark = [pytest.mark.kafka, pytest.mark.e2e, pytest.mark.timeout(300)]

PAGES = (
    *("/", "/lag", "/letters", "/letters?all=1", "/replay", "/jobs", "/trace?target=1", "/tail"),
    *("/mapping", "/health"),
)
NARROW = (360, 740)
LOOKS = (("light", DESKTOP), ("dark", PHONE), ("light", NARROW))
AXE_LOCK = Path(__file__).parents[1] / "axe"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture
async def writer(make_settings, topics):
    async with TopicWriter(make_settings()) as writer:
        yield writer


@pytest.fixture
async def site(make_settings, topics):
    async with open_site(dashboard_settings(make_settings)) as visit:
        yield visit()


@pytest.mark.parametrize("look", one_told(LOOKS, told=LOOKS[-1]))
async def test_every_page_fits_and_breaks_no_policy_on_a_desk_and_on_a_phone(writer, site, look):
    scheme, size = look
    for number in range(5):
        event = await writer.accept(str(number), {"store_id": 1})
        await writer.bury(event, message="a_very_long_word_" * 20)
    await site.letters(5)
    async with (
        open_browser() as browser,
        open_page(browser, size=size, scheme=scheme) as page,
    ):
        await log_in(page, site.url, "Ann", OPERATOR)
        for path in PAGES:
            answer = await page.goto(site.url + path)
            assert answer.status == 200, path
            over = "document.documentElement.scrollWidth - window.innerWidth"
            assert await page.evaluate(over) <= 0, f"{path} is wider than the screen"
            assert await page.locator("h1").count() == 1, path
        ground = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(15, 18, 23)") is (scheme == "dark")
        assert page.complaints == []


@pytest.fixture(scope="session")
def axe(tmp_path_factory) -> str:
    """The text of axe-core, from npm and by the lock's digest; skips where there is no npm."""
    if (npm := shutil.which("npm")) is None:
        pytest.skip("needs npm, for axe-core")
    folder = tmp_path_factory.mktemp("axe")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(AXE_LOCK / name, folder / name)
    command = [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=100, check=False)
    if done.returncode != 0:
        pytest.skip(f"npm cannot fetch axe-core: {done.stderr.decode()[-200:]}")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


async def violations(page, axe: str) -> list[str]:
    await page.evaluate(axe)
    found = await page.evaluate("options => axe.run(document, options)", RULES)
    return [
        f"{item['id']}: {node['html']}" for item in found["violations"] for node in item["nodes"]
    ]


@pytest.mark.parametrize("look", one_told(LOOKS, told=LOOKS[1]))
async def test_axe_finds_nothing_to_complain_about_on_any_page(writer, site, axe, look):
    scheme, size = look
    letter = None
    for number in range(3):
        event = await writer.accept(str(number), {"store_id": 1})
        letter = await writer.bury(event)
    assert letter
    await site.letters(3)
    more = (f"/letters/{letter.partition}-{letter.offset}", "/letters/drop?code=X", "/no/such/page")
    async with (
        open_browser() as browser,
        open_page(browser, size=size, scheme=scheme) as page,
    ):
        await page.goto(f"{site.url}/login")
        assert await violations(page, axe) == []
        await log_in(page, site.url, "Ann", OPERATOR)
        for path in (*PAGES, *more):
            await page.goto(site.url + path)
            assert await violations(page, axe) == [], path


async def test_pages_follow_what_happens_without_being_loaded_again(writer, site):
    events = await writer.accept_many(["41", "42"])
    async with open_browser() as browser, open_page(browser) as first, open_page(browser) as tail:
        await log_in(first, site.url, "Ann", OPERATOR)
        await log_in(tail, site.url, "Rob", READER)
        await tail.goto(f"{site.url}/tail")
        await tail.wait_for_selector("text=connected")
        await first.wait_for_selector(".term-pending:has-text('2')")
        await asyncio.gather(*(writer.conclude(event, Outcome.SYNCED) for event in events))
        await first.wait_for_selector(".term-synced:has-text('2')")
        await tail.wait_for_selector("#tail >> text=42")
        assert first.complaints == tail.complaints == []


async def test_a_reader_is_offered_nothing_to_press_and_a_wrong_password_is_told(writer, site):
    await writer.bury(await writer.accept("1"))
    await site.letters(1)
    async with open_browser() as browser, open_page(browser) as page:
        await page.goto(site.url)
        await page.fill("[name=name]", "Rob")
        await page.fill("[name=password]", "wrong")
        await page.click("text=Log in")
        await page.wait_for_selector("text=The password is wrong")
        assert await page.input_value("[name=name]") == "Rob"
        await log_in(page, site.url, "Rob", READER)
        for path in ("/letters", "/letters?all=1", "/replay"):
            await page.goto(site.url + path)
            assert await page.locator("button.main, button.danger").count() == 0, path
