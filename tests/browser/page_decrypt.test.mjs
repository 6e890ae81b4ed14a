// SPDX-License-Identifier: Apache-2.0
// The page decrypts: with the right key the file comes back under its own name, otherwise a sentence does.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { dropFiles } from "./support/devtools.mjs";
import { digestOfFile, randomFile } from "./support/files.mjs";
import {
  decryptCard, decryptOne, downloadOf, encryptOne, failed, finished, keyOf, openPage, pageSetUp, savedKeyOf,
  setUpFolder,
} from "./support/the_page.mjs";

const { server, newPage } = await pageSetUp();
const FERNET_KEY = "k_8nntdutGjo_4N77X_97eMJMikL1dIEIib7BxDh__g=";
const IDENTITY = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
const refused = { expected: [/status: 4\d\d/, /Failed to load resource/] };

// A file that the page encrypted, in a folder with the file of its key: { page, folder, name, key }.
async function encrypted(t, file, options, pageOptions) {
  const page = await openPage(t, newPage, server.url, pageOptions);
  const card = await encryptOne(page, file, options);
  const download = await downloadOf(t, card);
  const saved = await savedKeyOf(t, card);
  return { page, folder: await setUpFolder(t, [download, saved]), name: download.name, key: await keyOf(card) };
}

for (const format of ["fernet", "age"]) {
  test(`a ${format} file and the file of its key, dropped together, give the file under its own name`, async (t) => {
    const file = await randomFile(t, "Bericht für März.pdf", 150_000);
    const { page, folder, name } = await encrypted(t, file, { format });
    await dropFiles(page, "#decrypt .target", [join(folder, `${name}.key`), join(folder, name)]);
    await page.waitForFunction(() => document.activeElement.textContent === "Decrypt");
    await page.keyboard.press("Enter");
    const card = await finished(decryptCard(page));
    assert.match(await card.innerText(), new RegExp(`${name} is decrypted`));
    const download = await downloadOf(t, card);
    assert.equal(download.name, file.name);
    assert.equal((await digestOfFile(download.path)).sha256, file.sha256);
  });
}

test("an empty file comes back empty", async (t) => {
  const file = await randomFile(t, "nothing.txt", 0);
  const { page, folder, name, key } = await encrypted(t, file);
  await decryptOne(page, join(folder, name), `  ${key} `);
  const { path } = await downloadOf(t, await finished(decryptCard(page)));
  assert.equal((await readFile(path)).length, 0);
});

test("the key is found in the file that age-keygen makes, and in a saved header", async (t) => {
  const file = await randomFile(t, "a.txt", 500);
  const { page, folder, name, key } = await encrypted(t, file, { format: "age" });
  const comments = `# created: 2026-01-01T00:00:00Z\n# public key: age1xyz\n${key}\n`;
  for (const [i, text] of [comments, `encryption-key: ${key}\r\n`].entries()) {
    const path = join(folder, "key.txt");
    await writeFile(path, text);
    await page.locator("#key").fill("");
    await page.locator("#key-file").setInputFiles(path);
    await page.waitForFunction((k) => document.getElementById("key").value === k, key);
    await page.locator("#decrypt-file").setInputFiles(join(folder, name));
    await page.locator("#decrypt button[type=submit]").click();
    await finished(decryptCard(page, i));
  }
});

test("what goes wrong is explained in plain words", async (t) => {
  const file = await randomFile(t, "report.pdf", 10_000);
  const { page, folder, name, key } = await encrypted(t, file, {}, refused);
  const path = join(folder, name);
  const bytes = await readFile(path);
  const damaged = async (title, change) => {
    const other = join(folder, title);
    await writeFile(other, change(Buffer.from(bytes)));
    return other;
  };
  const cases = [
    [path, FERNET_KEY, /The key does not open this file/],
    [path, IDENTITY, /not the right kind of key for this file/],
    [file.path, key, /This is not an encrypted file/],
    [await damaged("cut", (b) => b.subarray(0, 5000)), key, /changed or is not all there/],
    [await damaged("flipped", (b) => { b[6000] ^= 1; return b; }), key, /changed or is not all there/],
    [await damaged("longer", (b) => Buffer.concat([b, Buffer.from("AAAA")])), key, /changed or is not all there/],
  ];
  for (const [i, [what, withKey, sentence]] of cases.entries()) {
    await decryptOne(page, what, withKey);
    const card = await failed(decryptCard(page, i));
    assert.match(await card.innerText(), sentence);
    assert.equal(await card.locator("[data-part=download]").isVisible(), false);
  }
  await decryptOne(page, path, key);
  await finished(decryptCard(page, cases.length));
});

test("what is missing is said by the form, and nothing is sent", async (t) => {
  const page = await openPage(t, newPage, server.url);
  const file = await randomFile(t, "report.age", 100);
  const problem = page.locator("#decrypt [data-problem]");
  const button = page.locator("#decrypt button[type=submit]");
  await button.click();
  assert.match(await problem.innerText(), /No file was chosen/);
  await page.locator("#decrypt-file").setInputFiles(file.path);
  await button.click();
  assert.match(await problem.innerText(), /The key is missing/);
  await page.locator("#key").fill(`${IDENTITY}X`);
  await button.click();
  assert.match(await problem.innerText(), /not the right kind of key/);
  assert.equal(await page.evaluate(() => document.activeElement.id), "key");
  await page.locator("#key-file").setInputFiles(file.path);
  await problem.getByText("There is no key in report.age").waitFor();
  assert.equal(await page.locator("#decrypt-jobs li").count(), 0);
});

test("keys are in no address, no storage and no title", async (t) => {
  const addresses = [];
  const file = await randomFile(t, "report.pdf", 1000);
  const page = await openPage(t, newPage, server.url);
  page.context().on("request", (request) => addresses.push(request.url()));
  page.on("framenavigated", (frame) => addresses.push(frame.url()));
  const card = await encryptOne(page, file);
  const key = await keyOf(card);
  const { path } = await downloadOf(t, card);
  await savedKeyOf(t, card);
  await decryptOne(page, path, key);
  await finished(decryptCard(page));

  const kept = await page.evaluate(async () => JSON.stringify([
    document.title, location.href, document.cookie, { ...localStorage }, { ...sessionStorage }, history.state,
    await indexedDB.databases(), await caches.keys(), await navigator.serviceWorker.getRegistrations(),
    [...document.querySelectorAll("[href], [src], [action]")].map((e) => e.href ?? e.src ?? e.action),
  ]));
  assert.ok(addresses.some((address) => address.includes("decrypt_file")));
  for (const text of [kept, ...addresses]) assert.equal(decodeURIComponent(text).includes(key), false, text);
  for (const log of [server.accessLog, server.errorLog]) {
    assert.equal((await readFile(log, "utf8")).includes(key), false);
  }
  assert.equal(JSON.parse(kept)[0], "IIGM Encrypter");
});
