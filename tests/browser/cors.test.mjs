// SPDX-License-Identifier: Apache-2.0
// A page of another origin uses the service from a browser, if the configuration lets it.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { servePages } from "./support/pages.mjs";
import { serverAndBrowser, serverFor } from "./support/setup.mjs";

const pages = await servePages({ "/": "<!DOCTYPE html><html lang=en><title>Another page</title>" });
after(() => pages.close());
const { server, newPage } = await serverAndBrowser({ cors_origins: pages.url });

async function open(t, options) {
  const page = await newPage(t, { tolerated: [/favicon\.ico/], ...options });
  await page.goto(pages.url);
  return page;
}

test("a page of an origin that is allowed encrypts, reads the key, and decrypts", async (t) => {
  const page = await open(t);
  const [encrypted, decrypted, names] = await page.evaluate(async (url) => {
    const form = new FormData();
    form.append("file", new File(["Grüße"], "report.txt"));
    const answer = await fetch(`${url}/encrypt_file`, { method: "POST", body: form });
    const headers = { "Encryption-Key": answer.headers.get("Encryption-Key"), "Content-Type": "application/x-other" };
    const back = await fetch(`${url}/decrypt_file/encrypted_report.txt`,
      { method: "PUT", headers, body: await answer.blob() });
    return [answer.headers.get("Encryption-Format"), await back.text(),
      [answer, back].map((a) => a.headers.get("Content-Disposition"))];
  }, server.url);
  assert.deepEqual([encrypted, decrypted], ["fernet", "Grüße"]);
  assert.deepEqual(names, ['attachment; filename="encrypted_report.txt"', 'attachment; filename="report.txt"']);
});

test("it can read errors, too", async (t) => {
  const page = await open(t, { tolerated: [/favicon\.ico/, /Failed to load resource/, /status: 4\d\d/] });
  const codes = await page.evaluate((url) => Promise.all([["POST", "/encrypt_file?format=rot13"], ["GET", "/nowhere"]]
    .map(async ([method, path]) => (await (await fetch(url + path, { method })).json()).code)), server.url);
  assert.deepEqual(codes, ["unknown_format", "not_found"]);
});

test("as shipped the browser lets no page of another origin read anything", async (t) => {
  const shipped = await serverFor(t);
  const page = await open(t, { expected: [/blocked by CORS policy/], tolerated: [/favicon|net::ERR|status: 405/] });
  const results = await page.evaluate((url) => Promise.all([["GET", "/"], ["POST", "/encrypt_file"], ["PUT", "/encrypt_file"]]
    .map(([method, path]) => fetch(url + path, { method, body: method === "GET" ? undefined : new Blob(["x"]) })
      .then((answer) => answer.status, (error) => error.name))), shipped.url);
  assert.deepEqual(results, ["TypeError", "TypeError", "TypeError"]);
});
