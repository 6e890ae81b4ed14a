// SPDX-License-Identifier: Apache-2.0
// What must not be taken for something else: an answer of somebody else's for the service's, a part for the
// whole, a file for a key, a name for a command.
import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { answerSavePicker, dropFiles } from "./support/devtools.mjs";
import { randomFile, temporaryFolder } from "./support/files.mjs";
import {
  chooseToEncrypt, encryptCard, encryptOne, failed, finished, openPage, pageSetUp, removeCard, submitEncryption,
} from "./support/the_page.mjs";

const { server, newPage } = await pageSetUp();
const open = (t, options) => openPage(t, newPage, server.url, options);

const KEY = `${"A".repeat(43)}=`;
const GOOD = {
  "Encryption-Format": "fernet", "Encryption-Key": KEY, "Content-Disposition": 'attachment; filename="a"',
};

// What the card says when something answers the upload in the service's place.
async function textAfter(t, page, answer) {
  await page.route("**/encrypt_file/**", (route) => route.fulfill(answer));
  await chooseToEncrypt(page, [(await randomFile(t, "a.txt", 100)).path]);
  await submitEncryption(page);
  const text = await (await failed(encryptCard(page))).innerText();
  await page.getByText("Remove from this page").click();
  await page.unroute("**/encrypt_file/**");
  return text;
}

test("a page to sign in is not taken for an encrypted file without a key", async (t) => {
  const page = await open(t);
  const text = await textAfter(t, page, { status: 200, contentType: "text/html", body: "<h1>Sign in</h1>" });
  assert.match(text, /Something else than the service has answered/);
});

test("an encrypted file whose key was lost on the way is not offered", async (t) => {
  const page = await open(t);
  const { "Encryption-Key": _, ...headers } = GOOD;
  assert.match(await textAfter(t, page, { headers, body: "gAAAA" }), /Something else than the service has answered/);
});

test("an answer that is shorter than it says is not offered, though the browser takes it", async (t) => {
  const page = await open(t);
  const text = await textAfter(t, page, { headers: { ...GOOD, "Content-Length": "1000" }, body: "gAAAA" });
  assert.match(text, /The answer broke off, so the file is not whole/);
});

test("an answer that is shorter than it says is not saved either", async (t) => {
  const page = await newPage(t);
  await page.addInitScript(() => { globalThis.savePickerIsAnswered = true; });
  await answerSavePicker(page);
  await page.route("**/page/service.js", async (route) => {
    const response = await route.fetch();
    const text = await response.text();
    await route.fulfill({ response, body: text.replace(/LARGE_BYTES = [^;]*/, "LARGE_BYTES = 1") });
  });
  await page.goto(server.url);
  const text = await textAfter(t, page, { headers: { ...GOOD, "Content-Length": "1000" }, body: "gAAAA" });
  assert.match(text, /The answer broke off, so the file is not whole/);
  assert.deepEqual(await page.evaluate(async () => {
    const names = [];
    for await (const name of (await navigator.storage.getDirectory()).keys()) names.push(name);
    return names;
  }), []);
});

test("an error of somebody else's, in JSON of any kind, is a sentence", async (t) => {
  const page = await open(t, { expected: [/^status: 400/, /^status: 409/, /status of 4/] });
  for (const body of ["{}", "null", '{"code": 7, "error": {}}', '{"code": "payload_too_large", "error": []}', '"no"']) {
    const text = await textAfter(t, page, { status: 400, contentType: "application/json", body });
    assert.match(text, /The server did not understand the request/, body);
  }
  const body = '{"code": "constructor", "error": "Ask Ann."}';
  assert.match(await textAfter(t, page, { status: 409, body }), /did not work\s+Ask Ann\./);
});

test("a name that is malformed on the way does not take the file along", async (t) => {
  const page = await open(t);
  const headers = { ...GOOD, "Content-Disposition": "attachment; filename=\"plain.txt\"; filename*=UTF-8''%E4%" };
  await page.route("**/encrypt_file/**", (route) => route.fulfill({ headers, body: "gAAAA" }));
  const card = await encryptOne(page, await randomFile(t, "a.txt", 100));
  assert.equal(await card.locator("[data-part=download]").getAttribute("download"), "plain.txt");
});

test("an armored file whose last line looks like a Fernet key is not taken for a key when it is dropped", async (t) => {
  const page = await open(t);
  const path = join(await temporaryFolder(t), "report.pdf.age");
  const lines = ["-----BEGIN AGE ENCRYPTED FILE-----", "B".repeat(64), KEY, "-----END AGE ENCRYPTED FILE-----", ""];
  await writeFile(path, lines.join("\n"));
  await dropFiles(page, "#decrypt .target", [path]);
  await page.waitForFunction(() => document.getElementById("decrypt-file").files.length === 1);
  assert.equal(await page.locator("#key").inputValue(), "");
});

test("a file that goes away while it is sent is not called a network that broke", async (t) => {
  const page = await open(t, { expected: [/ERR_/] });
  const file = await randomFile(t, "gone.txt", 100);
  await page.route("**/encrypt_file/**", async (route) => {
    await rm(file.path);
    await route.abort();
  });
  await chooseToEncrypt(page, [file.path]);
  await submitEncryption(page);
  assert.match(await (await failed(encryptCard(page))).innerText(), /The file cannot be read/);
});

test("a file's name ends no line in a terminal that its commands are pasted into", async (t) => {
  const page = await open(t);
  const file = await randomFile(t, "a\u0003\ntouch x;\u001b[201~.txt", 100);
  const card = await encryptOne(page, file, { format: "age" });
  await card.getByText("Open it without this page").click();
  const lines = (await card.locator("[data-part=lines]").textContent()).split("\n");
  assert.equal(lines.length, 2);
  assert.doesNotMatch(lines[1], /\p{Cc}/u);
});

test("a server that does not answer what it takes keeps nobody from trying", async (t) => {
  const page = await open(t, { expected: [/info/] });
  await page.route("**/info", () => {});
  await page.evaluate(() => {
    const timeout = AbortSignal.timeout.bind(AbortSignal);
    AbortSignal.timeout = () => timeout(50);
  });
  await encryptOne(page, await randomFile(t, "a.txt", 100));
});

test("what is typed and chosen while the server is asked for its limits is not taken for sent", async (t) => {
  const page = await open(t);
  let answerInfo;
  const isAsked = new Promise((resolve) => {
    page.route("**/info", (route) => { answerInfo = () => route.continue(); resolve(); });
  });
  const [one, two] = [await randomFile(t, "one.txt", 100), await randomFile(t, "two.txt", 100)];
  await chooseToEncrypt(page, [one.path]);
  await page.getByText("Paste text instead").click();
  await page.locator("#encrypt-text").fill("first");
  await submitEncryption(page);
  await isAsked;
  await page.locator("#encrypt-text").fill("second");
  await page.locator("#encrypt-file").setInputFiles(two.path);
  await answerInfo();
  await finished(encryptCard(page, 1));
  assert.equal(await page.locator("#encrypt-text").inputValue(), "second");
  const names = await page.locator("#encrypt-file").evaluate((input) => [...input.files].map((f) => f.name));
  assert.deepEqual(names, ["two.txt"]);
  assert.match(await page.locator("#encrypt-jobs").innerText(), /one\.txt is encrypted[^]*text\.txt is encrypted/);
});

test("browsers that know no other way ask before a key is lost", async (t) => {
  const page = await open(t);
  await encryptOne(page, await randomFile(t, "a.txt", 100));
  const leave = () => page.evaluate(() => {
    const event = document.createEvent("BeforeUnloadEvent");
    event.initEvent("beforeunload", false, false); // which preventDefault does nothing to
    window.dispatchEvent(event);
    return event.returnValue;
  });
  assert.equal(await leave(), "true");
  await removeCard(encryptCard(page));
  assert.equal(await leave(), "");
});

test("a key is kept by no browser's memory of forms, and told to no translator", async (t) => {
  const page = await open(t);
  const card = await encryptOne(page, await randomFile(t, "a.txt", 100));
  const key = await card.locator("textarea").evaluate((area) => [area.autocomplete, area.spellcheck, area.translate]);
  assert.deepEqual(key, ["off", false, false]);
  const field = await page.locator("#key").evaluate((input) => [input.autocomplete, input.spellcheck]);
  assert.deepEqual(field, ["off", false]);
  const plain = await newPage(t, { javaScriptEnabled: false, tolerated: [/^request: csp/] });
  await plain.goto(server.url);
  await plain.locator("#encrypt-file").setInputFiles((await randomFile(t, "a.txt", 100)).path);
  await plain.getByRole("button", { name: "Encrypt", exact: true }).click();
  assert.equal(await plain.locator("output.key[translate=no]").count(), 1);
});
