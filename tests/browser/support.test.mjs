// SPDX-License-Identifier: Apache-2.0
// What the other tests rely on, tried on a page of these tests' own.
import assert from "node:assert/strict";
import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { launchBrowser } from "./support/browser.mjs";
import { ageKeyPair, decryptAge, decryptFernet } from "./support/decrypt.mjs";
import {
  accessibilityViolations, answerSavePicker, dropFiles, peakHeapWhile, pickedFile, throttleUploads,
  useClipboard,
} from "./support/devtools.mjs";
import { MIB, digestOfFile, sha256Of, temporaryFolder } from "./support/files.mjs";
import { servePages } from "./support/pages.mjs";
import { startServer } from "./support/server.mjs";
import { serverFor } from "./support/setup.mjs";

const html = `<!DOCTYPE html>
<html lang="en"><head><title>A page</title><link rel="stylesheet" href="/page.css"></head>
<body><main><h1>A page</h1><p id="target">Drop files here</p><p id="seen"></p></main>
<noscript><p id="without">Without scripts</p></noscript>
<script src="/page.js"></script></body></html>
`;
const css = "#target { height: 100px }";
const js = `
const say = (text) => { document.querySelector("#seen").textContent = text };
const target = document.querySelector("#target");
target.addEventListener("dragover", (event) => event.preventDefault());
target.addEventListener("drop", async (event) => {
  event.preventDefault();
  const files = [...event.dataTransfer.files];
  say((await Promise.all(files.map(async (f) => f.name + ": " + await f.text()))).join("; "));
});
globalThis.upload = (n) => new Promise((done) => {
  const request = new XMLHttpRequest();
  globalThis.seen = [];
  request.upload.onprogress = (event) => globalThis.seen.push(event.loaded);
  request.onload = () => done(globalThis.seen);
  request.open("POST", "/sink");
  request.send(new Blob([new Uint8Array(n)]));
});
globalThis.save = async (name, n) => {
  const handle = await showSaveFilePicker({ suggestedName: name });
  const writable = await handle.createWritable();
  for (let at = 0; at < n; at += 1 << 20) await writable.write(new Uint8Array(1 << 20).fill(97));
  await writable.close();
};
`;
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'";

const [browser, pages] = await Promise.all([
  launchBrowser(),
  servePages({ "/": html, "/page.js": js, "/page.css": css, "/cut": () => null },
    { "Content-Security-Policy": policy }),
]);
after(() => Promise.all([browser.close(), pages.close()]));

async function open(t, options) {
  const page = await browser.newPage(t, options);
  await page.goto(pages.url);
  return page;
}

// What a page knows of its test. Its end can be looked at.
function inner() {
  let end;
  return { after: (judge) => (end = judge), end: () => end() };
}

test("files are dropped as a mouse drops them", async (t) => {
  const folder = await temporaryFolder(t);
  const paths = ["ä.txt", "b.txt"].map((name) => join(folder, name));
  for (const path of paths) await writeFile(path, "in it");
  const page = await open(t);
  await dropFiles(page, "#target", paths);
  await page.getByText("ä.txt: in it; b.txt: in it").waitFor();
});

test("a throttled upload reports its progress more than once", async (t) => {
  const page = await open(t);
  const release = await throttleUploads(page, 512 << 10);
  const loaded = await page.evaluate("upload(256 << 10)");
  assert.ok(loaded.length > 2, `${loaded}`);
  assert.equal(loaded.at(-1), 256 << 10);
  await release();
  assert.ok((await page.evaluate("upload(256 << 10)")).length >= 1);
});

test("the peak of the heap counts what JavaScript held meanwhile, buffers and objects", async (t) => {
  const page = await open(t);
  const nothing = await peakHeapWhile(page, () => page.evaluate("1 + 1"));
  assert.equal(nothing.result, 2);
  assert.ok(nothing.heapBytes + nothing.bufferBytes < 16 * MIB, `${nothing.heapBytes}`);
  const hold = (what) => page.evaluate(`(async () => {
    const held = ${what};
    await new Promise((done) => setTimeout(done, 200));
    return held.length;
  })()`);
  const buffers = await peakHeapWhile(page, () => hold("[new Uint8Array(64 << 20).fill(1)]"));
  assert.ok(buffers.bufferBytes >= 64 * MIB, `${buffers.bufferBytes}`);
  const list = "Array.from({ length: 1e6 }, (_, i) => ({ i }))";
  const objects = await peakHeapWhile(page, () => hold(list));
  assert.ok(objects.heapBytes > 12 * MIB, `${objects.heapBytes}`);
});

test("what a page saves under a chosen name can be read back, without its heap", async (t) => {
  const page = await browser.newPage(t);
  await answerSavePicker(page);
  await page.goto(pages.url);
  await page.evaluate("save('b.bin', 32 << 20)");
  const { bufferBytes, result } = await peakHeapWhile(page, () => pickedFile(page, "b.bin"));
  assert.ok(bufferBytes < 16 * MIB, `${bufferBytes}`);
  const plain = sha256Of(Buffer.alloc(32 << 20, "a"));
  assert.deepEqual(await digestOfFile(result), { size: 32 << 20, sha256: plain });
});

test("the clipboard can be read", async (t) => {
  const page = await open(t);
  const clipboard = await useClipboard(page);
  await page.evaluate(() => navigator.clipboard.writeText("copied"));
  assert.equal(await clipboard(), "copied");
});

test("a page may have no scripts, be dark, still, and narrow", async (t) => {
  const without = await open(t, { javaScriptEnabled: false });
  await without.locator("#without").waitFor(); // getByText skips what is in noscript
  const viewport = { width: 320, height: 640 };
  const page = await open(t, { colorScheme: "dark", reducedMotion: "reduce", viewport });
  const matches = (query) => page.evaluate((q) => matchMedia(q).matches, query);
  assert.ok(await matches("(prefers-color-scheme: dark)"));
  assert.ok(await matches("(prefers-reduced-motion: reduce)"));
  assert.ok(await matches("(width: 320px)"));
});

test("axe-core finds what is wrong, and nothing where nothing is", async (t) => {
  const page = await open(t);
  assert.deepEqual(await accessibilityViolations(page), []);
  await page.evaluate(() => document.querySelector("main").append(document.createElement("input")));
  assert.match((await accessibilityViolations(page)).join(), /^label: .*: input$/);
});

// What goes wrong in a page, and the script that makes it.
const mistakes = [
  [/^exception: .*oops/, `new Promise((done) => {
    setTimeout(() => { setTimeout(done); throw new Error("oops"); });
  })`],
  [/^console: alas/, "console.error('alas')"],
  [/^console: .*Content Security Policy/, `(() => {
    document.body.append(Object.assign(document.createElement("script"), { text: "1" }));
  })()`],
  [/^status: 404 .*nowhere/, "fetch('/nowhere').then((answer) => answer.text())"],
  [/^console: .* 404 .*nowhere/, "1"],
  [/^request: net::ERR_\w+ .*cut/, "fetch('/cut').catch(() => 1)"],
  [/^console: .* net::ERR_\w+ .*cut/, "1"],
];

test("a page with an error fails its test, unless that declares it", async (t) => {
  const make = async (page) => {
    for (const [, script] of mistakes) await page.evaluate(script);
  };
  const patterns = mistakes.map(([pattern]) => pattern);
  const strict = inner();
  await make(await open(strict));
  await make(await open(t, { expected: patterns }));
  await assert.rejects(strict.end(), ({ actual }) => {
    for (const pattern of patterns) assert.match(actual.join("\n"), new RegExp(pattern, "m"));
    return actual.length === patterns.length;
  });
});

test("a test that declares an error that does not come fails", async () => {
  const strict = inner();
  await open(strict, { expected: [/never/] });
  await assert.rejects(strict.end(), { message: /did not come/ });
});

test("Python and age decrypt for the tests, and refuse a wrong key", async (t) => {
  const [pair, server] = await Promise.all([ageKeyPair(), serverFor(t)]);
  const put = async (query) => {
    const url = `${server.url}/encrypt_file?${query}`;
    const response = await fetch(url, { method: "PUT", body: "plaintext" });
    const path = join(await temporaryFolder(t), "encrypted");
    await writeFile(path, Buffer.from(await response.arrayBuffer()));
    return { path, key: response.headers.get("encryption-key") };
  };
  const plaintext = { size: 9, sha256: sha256Of("plaintext") };
  const token = await put("format=fernet");
  assert.deepEqual(await decryptFernet(token.path, token.key), plaintext);
  await assert.rejects(decryptFernet(token.path, "A".repeat(43) + "="), /InvalidToken/);
  const own = await put("format=age");
  assert.deepEqual(await decryptAge(own.path, own.key), plaintext);
  const theirs = await put(`format=age&recipient=${pair.recipient}`);
  assert.deepEqual(await decryptAge(theirs.path, pair.identity), plaintext);
  await assert.rejects(decryptAge(theirs.path, own.key), /no identity matched/);
});

test("a server with trouble in its log fails its test, unless that says so", async () => {
  const [strict, declaring] = await Promise.all([
    startServer(), startServer({ workers: 2 }, { expectedTrouble: ["made up"] }),
  ]);
  for (const server of [strict, declaring]) await appendFile(server.errorLog, "[alert] made up\n");
  await Promise.all([assert.rejects(strict.stop(), /logged: .*made up/), declaring.stop()]);
});

test("a server that cannot start says why", async () => {
  await assert.rejects(startServer({ spool_request_max: "much" }), /nginx does not start/);
});
