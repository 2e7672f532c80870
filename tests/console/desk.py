"""The console's page as a test uses it: by the names that a person reads."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Browser, Locator, Page, expect

SCREENSHOTS = Path(__file__).parents[2] / "docs/console"
# An outcome is held back for six seconds, and the machine may be busy.
MILLISECONDS_TO_WAIT = 30_000

expect.set_options(timeout=MILLISECONDS_TO_WAIT)


class Desk:
    """One open page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.verdict = page.locator("#verdict")
        self.timeline = page.locator("#timeline")
        self.steps = page.get_by_role("list", name="Steps")
        self.phone = page.get_by_role("list", name="Messages on the phone")

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        browser: Browser,
        url: str,
        *,
        width: int = 1280,
        height: int = 900,
        colors: Literal["light", "dark"] = "light",
    ) -> AsyncIterator["Desk"]:
        """Open the page; at the end nothing may have gone wrong in it."""
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=colors,
            reduced_motion="reduce",
            permissions=["clipboard-read", "clipboard-write"],
        )
        page = await context.new_page()
        page.set_default_timeout(MILLISECONDS_TO_WAIT)
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on(
            "console",
            lambda one: wrong.append(one.text) if "Content Security" in one.text else None,
        )
        page.on(
            "request",
            lambda one: (
                None if urlsplit(one.url).hostname == "127.0.0.1" else wrong.append(one.url)
            ),
        )
        await page.goto(url)
        await expect(page.locator("#live")).to_have_text("live")
        try:
            yield cls(page)
            assert wrong == []
        finally:
            await context.close()

    def button(self, name: str, *, within: str = "body") -> Locator:
        return self.page.locator(within).get_by_role("button", name=name, exact=True)

    async def send(self, number: str, text: str = "") -> None:
        await self.page.get_by_label("Mobile number").fill(number)
        if text:
            await self.page.get_by_label("Text", exact=True).fill(text)
        await self.button("Send test SMS").click()

    async def type_macro(self, key: str, value: str) -> None:
        await self.page.get_by_label(f"Body {key}: value").fill(value)

    async def show_details(self) -> None:
        await self.page.get_by_label("Technical details").check()

    async def choose_tab(self, name: str) -> None:
        await self.page.get_by_role("tab", name=name).click()

    async def map_success(self, values: str) -> None:
        """Type the success values, and save the mapping."""
        await self.page.get_by_label("Success values").fill(values)
        await self.button("Save mapping").click()
        await expect(self.page.locator("#tracking")).to_contain_text("Saved.")

    async def open_tracking(self) -> None:
        await self.page.get_by_text("Delivery tracking", exact=True).click()

    async def serious_findings(self) -> list[Any]:
        """Let axe look for what keeps people out."""
        found = await Axe().run(self.page)
        return [
            (one["id"], one["impact"], [node["html"][:160] for node in one["nodes"]])
            for one in found.response["violations"]
            if one["impact"] in ("serious", "critical")
        ]

    async def is_too_wide(self) -> bool:
        """Tell whether the page has to be scrolled sideways."""
        wide = await self.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        return bool(wide)

    async def picture(self, name: str, *, part: str = "") -> None:
        """Take a picture for the README, of a part or of the window, where that was asked for."""
        path = SCREENSHOTS / f"{name}.png"
        if os.environ.get("SCREENSHOTS") and part:
            await self.page.locator(part).screenshot(path=path)
        elif os.environ.get("SCREENSHOTS"):
            await self.page.evaluate("scrollTo(0, 0)")
            await self.page.screenshot(path=path)
