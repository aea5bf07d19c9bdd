"""
Chromium for tests: one browser, driven from a thread of its own.

Playwright's synchronous face would leave an event loop running in the thread of the tests, and no
other test could start one.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Self, TypeVar

from playwright.async_api import Browser, BrowserContext, Error, Page, async_playwright

T = TypeVar("T")
_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_WITHOUT = (
    # A list below the address bar of each window, which takes three times what a small page does.
    *("WebUIOmniboxPopup", "WebUIOmniboxFullPopup", "WebUIOmniboxAimPopup"),
    # Playwright's own: the last list counts.
    *("AimEnabled", "AvoidCorsURLLoaderRestartOnRedirect", "AvoidUnnecessaryBeforeUnloadCheckSync"),
    *("DestroyProfileOnBrowserClose", "HttpsFirstBalancedModeAutoEnable", "HttpsUpgrades"),
    *("LensOverlay", "MediaRouter", "NetworkTimeServiceQuerying", "OptimizationHints"),
    *("PaintHolding", "PreconnectToSearch", "ThirdPartyStoragePartitioning"),
)
PATIENCE_SECONDS = 60.0


class Chromium:
    """A headless browser; each `window()` has its own cookies, storage and connections."""

    def __init__(self, program: str) -> None:
        self._program = program
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._playwright: Any = None
        self._browser: Browser = self.call(self._launch())

    def call(self, step: Coroutine[Any, Any, T]) -> T:
        """Run something in the browser's thread and return what it gives."""
        return asyncio.run_coroutine_threadsafe(step, self._loop).result(120)

    async def _launch(self) -> Browser:
        self._playwright = await async_playwright().start()
        return await self._playwright.chromium.launch(
            executable_path=self._program,
            args=[*_FLAGS, f"--disable-features={','.join(_WITHOUT)}"],
            # Playwright's own default takes from web pages what users' browsers have.
            ignore_default_args=["--disable-back-forward-cache"],
        )

    def window(self) -> "Window":
        """Open a window without tabs."""
        return Window(self, self.call(self._browser.new_context()))

    def close(self) -> None:
        """End the browser and its thread."""
        self.call(self._browser.close())
        self.call(self._playwright.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


class Window:
    """Tabs that share cookies, storage and connections."""

    def __init__(self, chromium: Chromium, context: BrowserContext) -> None:
        self.call = chromium.call
        self._context = context

    def tab(self, url: str, *, before: str = "") -> "Tab":
        """Open a tab; `before` is run before its own scripts."""
        page = self.call(self._context.new_page())
        tab = Tab(self, page)
        if before:
            self.call(page.add_init_script(before))
        self.call(page.goto(url))
        return tab

    def offline(self, value: bool) -> None:
        """Take the network from all tabs, or give it back."""
        self.call(self._context.set_offline(value))

    def close(self) -> None:
        """Close the window with all its tabs."""
        self.call(self._context.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Tab:
    """One tab; `errors` is what its scripts threw."""

    def __init__(self, window: Window, page: Page) -> None:
        self.call = window.call
        self.page = page
        self.errors: list[str] = []
        self.on("pageerror", lambda error: self.errors.append(str(error)))

    def on(self, event: str, heard: Callable[[Any], object]) -> None:
        """Hear an event of the tab; to subscribe is the browser's thread's business too."""

        async def subscribe() -> None:
            self.page.on(event, heard)  # type: ignore[call-overload]

        self.call(subscribe())

    def run(self, script: str, argument: Any = None) -> Any:
        """Evaluate a script and return what it gives."""
        return self.call(self.page.evaluate(script, argument))

    def until(self, claim: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + seconds
        while not self.run(claim):
            assert time.monotonic() < deadline, f"never true: {claim}; {self.run('window.log')}"
            time.sleep(0.02)

    def devtools(self, method: str, **parameters: Any) -> None:
        """Do what only the developer tools can."""

        async def send() -> None:
            session = await self.page.context.new_cdp_session(self.page)
            await session.send(method, parameters)

        self.call(send())

    def crash(self) -> None:
        """Let the tab's process die, without a last word."""

        async def crash() -> None:
            with suppress(Error):
                await self.page.goto("chrome://crash")

        self.call(crash())

    def close(self) -> None:
        """Close the tab as a user does."""
        self.call(self.page.close(run_before_unload=True))
