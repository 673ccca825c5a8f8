"""Pages in a real browser, without a window or a network."""

import html
import json
import re
import shutil
import subprocess

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")

# Browsers request updates and the like by themselves; host names are not resolved.
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--hide-scrollbars",
)

# Initiator in the log of requests by the browser itself.
BROWSER = "not an origin"

# Loads a page in a frame as wide as a phone, and records its properties.
FRAME = """<!DOCTYPE html><title>frame</title>
<iframe id="phone" width="{width}" height="800" style="border:0" src="{page}"></iframe>
<pre id="found"></pre>
<script>
onload = () => {{
  const page = document.getElementById("phone").contentDocument;
  const root = page.documentElement;
  const found = {{
    title: page.title,
    width: root.clientWidth,
    needed: Math.max(root.scrollWidth, page.body.scrollWidth),
    // Elements wider than the page, except in boxes that scroll.
    outside: [...page.body.querySelectorAll("*")].filter(
      (e) => e.getBoundingClientRect().right > root.clientWidth + 1
        && !e.closest(".box")
    ).map((e) => e.outerHTML.slice(0, 80)),
    images: [...page.images].map((e) => e.complete && e.naturalWidth),
    styled: getComputedStyle(page.querySelector("nav ul")).display,
  }};
  document.getElementById("found").textContent = JSON.stringify(found);
}};
</script>
"""


def find_chromium():
    """Return the path of Chromium, or skip the test."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("needs the browser CHROMIUM")
    return found


def run_chromium(folder, page, *options):
    """Open a page in a new browser; return its output, console and requests.

    Returns the standard output, the lines of the console, and the addresses that the
    page has requested from anywhere but the disk.
    """
    log = folder / "net.json"
    result = subprocess.run(
        [
            find_chromium(),
            *QUIET,
            f"--user-data-dir={folder / 'profile'}",
            "--enable-logging=stderr",
            "--v=0",
            f"--log-net-log={log}",
            "--net-log-capture-mode=Everything",
            *options,
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    console = re.findall(r"^.*CONSOLE.*$", result.stderr, re.M)
    net = json.loads(log.read_text())
    start = net["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    begun = [
        event.get("params", {}) for event in net["events"] if event["type"] == start
    ]
    requested = {
        params["url"]
        for params in begun
        if "url" in params and params.get("initiator") != BROWSER
    }
    return result.stdout, console, requested


def print_page(folder, page):
    """Print a page to a PDF file; return its bytes."""
    file = folder / "printed.pdf"
    run_chromium(folder, page, "--no-pdf-header-footer", f"--print-to-pdf={file}")
    return file.read_bytes()


def look_at(folder, page, width):
    """Return the properties of a page in a frame of a given width: see `FRAME`."""
    frame = folder / "frame.html"
    frame.write_text(FRAME.format(width=width, page=page.as_uri()))
    dom, console, requested = run_chromium(
        folder, frame, "--allow-file-access-from-files", "--dump-dom"
    )
    found = re.search(r'<pre id="found">(.*?)</pre>', dom, re.S).group(1)
    return json.loads(html.unescape(found)), console, requested
