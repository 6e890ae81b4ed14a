# SPDX-License-Identifier: Apache-2.0
"""A real Chromium that fills in a real form. It can reach nothing but this machine."""

import html
import http.server
import json
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
FLAGS = [
    "headless=new", "no-sandbox",  # its sandbox does not run as root
    "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
    "disable-component-update", "disable-sync", "disable-default-apps", "disable-extensions",
    "host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    "ignore-certificate-errors",  # the tests' certificate is of their own making
]
PAGE = """<!DOCTYPE html>
<title>A form</title>
<form action="{action}" method="post" enctype="multipart/form-data">
<input type="file" name="file"><button>Encrypt</button>
</form>
"""


class FormServer(http.server.ThreadingHTTPServer):
    """Serves a page with a form, as the first users' pages do: its action is the query."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            action = self.path.partition("?")[2]
            page = PAGE.format(action=html.escape(action)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_):
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url_of_form(self, action):
        return f"http://127.0.0.1:{self.server_port}/?{action}"


@dataclass
class Answer:
    """What the browser made of the answer to a form."""
    request: str = None  # the browser's name for it
    status: int = None
    headers: dict = None  # their names in small letters
    protocol: str = None
    name: str = None  # of the download
    state: str = None  # completed, canceled: of the download; shown, failed: of a page
    error: str = None

    def take(self, method, event):
        """One event of the browser's protocol; those of other requests are none of ours."""
        if method == "Network.requestWillBeSent" and event["request"]["method"] == "POST":
            self.request = event["requestId"]
        elif method == "Page.downloadWillBegin":
            self.name = event["suggestedFilename"]
        elif method == "Page.downloadProgress" and event["state"] != "inProgress":
            self.state = event["state"]
        elif self.request is not None and event.get("requestId") == self.request:
            self.take_response(method, event)

    def take_response(self, method, event):
        if method == "Network.responseReceived":
            response = event["response"]
            self.status = response["status"]
            self.headers = {name.lower(): value for name, value in response["headers"].items()}
            self.protocol = response["protocol"]
        elif method == "Network.loadingFinished":
            self.state = self.state or "shown"  # after a failure it is the browser's own page
        elif method == "Network.loadingFailed" and not self.is_download():
            self.state, self.error = "failed", event["errorText"]

    def is_download(self):
        return self.headers is not None and "content-disposition" in self.headers


class Browser:
    def __init__(self, driver, forms, folder):
        self.driver = driver
        self.forms = forms
        self.downloads = folder / "downloads"

    def send(self, url, path, seconds=120):
        """Chooses a file (None: none), presses the button, and waits for what becomes of it."""
        self.driver.get(self.forms.url_of_form(url + "/encrypt_file"))
        if path is not None:
            self.driver.find_element("css selector", "input").send_keys(str(path))
        self.driver.get_log("performance")  # what was before
        self.driver.find_element("css selector", "button").click()
        answer, end = Answer(), time.monotonic() + seconds
        while answer.state is None and time.monotonic() < end:
            for entry in self.driver.get_log("performance"):
                message = json.loads(entry["message"])["message"]
                answer.take(message["method"], message["params"])
            time.sleep(0.05)
        assert answer.state, f"nothing came of it in {seconds} seconds: {answer}"
        return answer

    def text(self):
        return self.driver.find_element("css selector", "body").text


@contextmanager
def browser():
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    folder = Path(tempfile.mkdtemp(prefix="encrypter-browser-", dir="/tmp"))
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in [*FLAGS, f"user-data-dir={folder}/profile"]:
        options.add_argument("--" + flag)
    options.add_experimental_option("prefs", {
        "download.default_directory": f"{folder}/downloads", "download.prompt_for_download": False})
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    forms = FormServer()
    driver = None
    try:
        driver = webdriver.Chrome(service=Service(str(DRIVER)), options=options)
        yield Browser(driver, forms, folder)
    finally:
        if driver:
            driver.quit()
        forms.shutdown()
        forms.server_close()
        rmtree(folder, ignore_errors=True)
