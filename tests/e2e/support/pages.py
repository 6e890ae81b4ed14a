# SPDX-License-Identifier: Apache-2.0
"""Pages that answer a form (answer=page), taken apart as a browser would."""

import base64
import re
from html.parser import HTMLParser
from urllib.parse import urljoin

from support.answers import KEY
from support.age_files import IDENTITY

VOID = {"meta", "link", "br", "img", "input", "hr"}
DATA = "data:application/octet-stream;base64,"
POLICY = {"default-src 'none'", "script-src 'self'", "style-src 'self'", "base-uri 'none'",
          "form-action 'self'", "frame-ancestors 'none'"}


class Page(HTMLParser):
    """Of an answer. Fails if it is no well-formed page, or loads what it must not."""

    def __init__(self, response):
        super().__init__(convert_charrefs=True)
        self.tags = []  # (name, attributes)
        self.texts = []  # (the path of open tags, text)
        self._open = []
        assert response.header("Content-Type") == "text/html; charset=utf-8"
        assert response.header("Content-Length") == str(len(response.body))
        text = response.body.decode("utf-8")
        assert text.startswith("<!DOCTYPE html>\n<html lang=\"en\">\n")
        self.feed(text)
        self.close()
        assert not self._open, self._open
        self._check()

    def handle_starttag(self, tag, attributes):
        assert len(dict(attributes)) == len(attributes), f"repeated attribute: {attributes}"
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self._open.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self._open and self._open.pop()[0] == tag, tag

    def handle_data(self, data):
        self.texts.append((list(self._open), data))

    def _check(self):
        names = {name for name, _ in self.tags}
        assert not names & {"script", "style", "img", "iframe", "object", "base", "form"}
        assert {"main", "h1", "title"} <= names
        assert len(self.all("h1")) == 1
        for name, attributes in self.tags:
            assert not any(key == "style" or key.startswith("on") for key in attributes)
        ids = [attributes["id"] for _, attributes in self.tags if "id" in attributes]
        assert len(set(ids)) == len(ids)
        assert {a["aria-labelledby"] for _, a in self.tags if "aria-labelledby" in a} <= set(ids)
        loaded = [urljoin("/encrypt_file?answer=page", link["href"]) for link in self.all("link")]
        assert sorted(loaded) == ["/page/icon.svg", "/page/style.css"]
        assert ("meta", {"name": "viewport",
                         "content": "width=device-width, initial-scale=1"}) in self.tags

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    def text(self, tag=None, css_class=None):
        """What stands within the elements of a kind, in one string; None if there are none."""
        def counts(name, attributes):
            return (tag in (None, name)
                    and css_class in (None, *(attributes.get("class") or "").split()))
        found = [t for path, t in self.texts if any(counts(*element) for element in path)]
        return "".join(found) if found else None

    def urls(self):
        return [attributes[key] for _, attributes in self.tags for key in ("href", "src", "action")
                if key in attributes]

    def key(self):
        return self.text("output", "key")

    def download(self):
        """The one file to save: its name and its content."""
        [link] = [link for link in self.all("a") if "download" in link]
        assert link["href"].startswith(DATA)
        # Chromium goes to no longer address.
        assert len(link["href"]) < 2 << 20
        return link["download"], base64.b64decode(link["href"][len(DATA):], validate=True)

    def commands(self):
        """The lines that decrypt the file elsewhere."""
        return self.text("pre")


def assert_page_headers(response):
    policy = {part.strip() for part in response.header("Content-Security-Policy").split(";")}
    assert POLICY <= policy and not any("unsafe" in part for part in policy)
    assert response.header("Referrer-Policy") == "no-referrer"
    assert response.header("Cache-Control") == "no-store"
    assert response.header("X-Content-Type-Options") == "nosniff"
    for name in ("Encryption-Key", "Content-Disposition", "Content-Encoding", "ETag"):
        assert response.header(name) is None, name


def read_page(response, encryption_format="fernet"):
    """A good page, from its answer."""
    assert (response.status, response.complete) == (200, True), response.body[:3000]
    assert_page_headers(response)
    assert response.header("Encryption-Format") == encryption_format
    page = Page(response)
    key = page.key()
    assert "Nobody can recover a lost" in page.text(css_class="warning")
    if key is None:
        assert "There is no key here" in page.text("h2")
    else:
        assert re.fullmatch(KEY if encryption_format == "fernet" else IDENTITY, key), key
        assert response.body.count(key.encode()) == 1
        assert not any(key in url for url in page.urls())
    return page


def assert_refused(response, status, code, sentence=""):
    """An error as a page."""
    assert (response.status, response.complete) == (status, True), response.body[:300]
    assert_page_headers(response)
    assert response.header("Encryption-Format") is None
    page = Page(response)
    assert code in page.text("code")
    assert str(status) in page.text("main")
    assert re.search(sentence, page.text(css_class="warning")), page.text("main")
    return page
