// SPDX-License-Identifier: Apache-2.0
// Debian's Chromium. One serves all tests of a file; each page has a profile of its own, and must end
// without an error that its test has not declared.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { importPackage } from "../../e2e/clients/npm.mjs";
import { folder, removeFolderAtExit } from "./files.mjs";

const flags = [
  "--disable-gpu", "--disable-quic", "--disable-sync", "--disable-default-apps",
  // It can reach nothing but this machine.
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
];

const PATIENCE_MS = 120_000; // with what a test waits for; sanitizers are slow

export const downloads = join(folder, "downloads");

const endsOf = new WeakMap(); // from a test to what ends each of its pages

// Closes the pages of a test, and judges them. nginx waits for the connections of a browser: a server of the
// test's own stops after this.
export async function endPages(t) {
  const ends = endsOf.get(t) ?? [];
  endsOf.delete(t);
  const results = await Promise.allSettled(ends.map((end) => end()));
  const failure = results.find(({ status }) => status === "rejected");
  if (failure) throw failure.reason;
}

function endWith(t, end) {
  if (!endsOf.has(t)) {
    endsOf.set(t, []);
    t.after(() => endPages(t));
  }
  endsOf.get(t).push(end);
}

export async function launchBrowser() {
  const { chromium } = (await importPackage("playwright-core")).default;
  mkdirSync(downloads, { recursive: true });
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    chromiumSandbox: false, // does not run as root
    args: flags,
    downloadsPath: downloads,
  });
  removeFolderAtExit(); // after playwright has ended the browser
  // options: Playwright's of a context (javaScriptEnabled, colorScheme, reducedMotion, viewport,
  // permissions, ...). expected: patterns of the errors that this test means to make, tolerated: of
  // those that may come or not. The page is closed, and judged, when the test t ends; until then
  // page.expected may be added to.
  const newPage = async (t, { expected = [], tolerated = [], ...options } = {}) => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true, ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    const noted = watch(context);
    const page = await context.newPage();
    page.expected = [...expected];
    endWith(t, async () => {
      // What went wrong so far is on its way here, before these answers. To be closed is no error.
      await Promise.all(context.pages().map((open) => open.title().catch(() => {})));
      const trouble = [...noted];
      await context.close();
      const isDeclared = (line) => [...page.expected, ...tolerated].some((p) => p.test(line));
      assert.deepEqual(trouble.filter((line) => !isDeclared(line)), [], "errors of the page");
      const absent = page.expected.filter((pattern) => !noted.some((line) => pattern.test(line)));
      assert.deepEqual(absent, [], "errors that the test declares, and that did not come");
    });
    return page;
  };
  return { newPage, version: () => browser.version(), close: () => browser.close() };
}

// The list of what goes wrong in the pages of a context, a line each, from now on.
function watch(context) {
  const trouble = [];
  context.on("console", (message) => {
    if (message.type() !== "error") return;
    trouble.push(`console: ${message.text()} ${message.location().url}`);
  });
  context.on("weberror", (error) => trouble.push(`exception: ${error.error()}`));
  context.on("response", (response) => {
    if (response.status() >= 400) trouble.push(`status: ${response.status()} ${response.url()}`);
  });
  context.on("requestfailed", (request) => {
    const why = request.failure()?.errorText;
    if (!becameDownload(request, why)) trouble.push(`request: ${why} ${request.url()}`);
  });
  return trouble;
}

// To a page that is left for a download, it is a request that was given up.
function becameDownload(request, why) {
  const disposition = request.existingResponse()?.headers()["content-disposition"] ?? "";
  return request.isNavigationRequest() && why === "net::ERR_ABORTED" &&
    disposition.startsWith("attachment");
}
