// SPDX-License-Identifier: Apache-2.0
// Somebody's page has a form that posts to the service; the browser saves the answer as a file. It
// reads nothing before it has sent everything.
import assert from "node:assert/strict";
import { readdir, stat } from "node:fs/promises";
import { after, test } from "node:test";
import { downloads } from "./support/browser.mjs";
import { decryptFernet } from "./support/decrypt.mjs";
import { MIB, randomFile, scaledMib } from "./support/files.mjs";
import { formPage, servePages } from "./support/pages.mjs";
import { serverAndBrowser, serverFor } from "./support/setup.mjs";

const [{ server, newPage }, cutting] = await Promise.all([
  serverAndBrowser({ workers: 2 }), serverFor(null, { spool_request_max: "8m" }),
]);
const elsewhere = await servePages({ "/": (url) => formPage(url.searchParams.get("action")) });
after(() => elsewhere.close());

const protocols = [
  { protocol: "HTTP/1.1", address: "url", version: "HTTP/1.1" },
  { protocol: "HTTP/2", address: "tlsUrl", version: "HTTP/2.0" },
];
const SIZES = { "nothing": 0, "1000 bytes": 1000, "1 MiB": MIB, "50 MiB": scaledMib(50) };
const NAMES = ["Prüfung 1.txt", "見本.pdf", "no extension", "a;b,c=d'e.txt"];

// The characters of the token of a file of n bytes.
const tokenSize = (n) => 4 * Math.ceil((57 + 16 * (Math.floor(n / 16) + 1)) / 3);

// Chooses a file (null: none) in a page from elsewhere, and presses the button.
async function send(page, url, path) {
  const action = encodeURIComponent(`${url}/encrypt_file`);
  await page.goto(`${elsewhere.url}/?action=${action}`, { waitUntil: "commit" });
  if (path !== null) await page.setInputFiles("input", path);
  await page.click("button", { noWaitAfter: true });
}

// The answer's head, and the file that the browser makes of its body.
async function sendForDownload(page, url, path) {
  const [response, download] = await Promise.all([
    page.waitForEvent("response", (r) => r.url() === `${url}/encrypt_file`),
    page.waitForEvent("download"),
    send(page, url, path),
  ]);
  const key = await response.headerValue("encryption-key");
  return { response, key, name: download.suggestedFilename(), path: await download.path() };
}

async function comesBack(t, page, size, { address, version }) {
  const file = await randomFile(t, "upload.bin", size);
  const answer = await sendForDownload(page, server[address], file.path);
  assert.equal(answer.response.status(), 200);
  assert.equal(await answer.response.httpVersion(), version);
  assert.equal(answer.name, "encrypted_upload.bin");
  assert.equal((await stat(answer.path)).size, tokenSize(size));
  assert.deepEqual(await decryptFernet(answer.path, answer.key), { size, sha256: file.sha256 });
}

for (const over of protocols) {
  const { protocol, address } = over;

  test(`a form comes back as a download, over ${protocol}`, async (t) => {
    const page = await newPage(t);
    for (const [label, size] of Object.entries(SIZES)) {
      await t.test(label, (t) => comesBack(t, page, size, over));
    }
  });

  test(`a download has the name of the upload, over ${protocol}`, async (t) => {
    const page = await newPage(t);
    for (const name of NAMES) {
      await t.test(name, async (t) => {
        const file = await randomFile(t, name, 100);
        const answer = await sendForDownload(page, server[address], file.path);
        assert.equal(answer.name, `encrypted_${name}`);
        assert.equal((await decryptFernet(answer.path, answer.key)).sha256, file.sha256);
      });
    }
  });

  test(`somebody who has chosen no file is told so, over ${protocol}`, async (t) => {
    const expected = [/^status: 400 .*encrypt_file$/, /^console: .* 400 .*encrypt_file$/];
    const page = await newPage(t, { expected, tolerated: [/favicon\.ico$/] });
    await send(page, server[address], null);
    await page.getByText("missing_file").waitFor();
  });

  test(`an answer that is cut leaves no file that passes for a whole one, over ${protocol}`,
    async (t) => {
      const page = await newPage(t, { tolerated: [/^request: net::ERR_\w+ .*encrypt_file$/] });
      const file = await randomFile(t, "cut.bin", 32 * MIB);
      const before = await readdir(downloads);
      const download = new Promise((resolve) => page.once("download", resolve));
      const [request] = await Promise.all([
        page.waitForEvent("requestfailed"), send(page, cutting[address], file.path),
      ]);
      // Either the browser shows a page of its own, or it has begun a download.
      if (request.existingResponse()) assert.notEqual(await (await download).failure(), null);
      assert.deepEqual(await readdir(downloads), before);
    });
}

test("a form with a large file comes back as a download", async (t) => {
  // What HTTP/2 changes shows with less.
  await comesBack(t, await newPage(t), scaledMib(300), protocols[0]);
});
