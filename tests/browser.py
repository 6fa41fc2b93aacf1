"""Debian's Chromium without a screen, and pictures of what it shows."""

import base64
import os
import time
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver


@contextmanager
def chromium(downloads):
    """A browser that puts files into the folder `downloads`."""
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument("--window-size=1280,1000")
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    options.binary_location = "/usr/bin/chromium"
    started = webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver"))
    try:
        yield started
    finally:
        started.quit()


def keep(browser, name):
    """A picture of the whole page in the folder SHOTS, where one is wanted."""
    if folder := os.environ.get("SHOTS"):
        height = browser.execute_script("return document.documentElement.scrollHeight")
        width = browser.execute_script("return window.innerWidth")
        view = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        time.sleep(0.2)  # what is drawn anew fades in
        shot = browser.execute_cdp_cmd(
            "Page.captureScreenshot",
            {"captureBeyondViewport": True, "clip": view},
        )
        Path(folder).mkdir(parents=True, exist_ok=True)
        (Path(folder) / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))
