// SPDX-License-Identifier: Apache-2.0
// The page encrypts: what is dropped, chosen or pasted comes back as a file and a key that others decrypt.
import assert from "node:assert/strict";
import { readFile, rm } from "node:fs/promises";
import { basename } from "node:path";
import { test } from "node:test";
import { ageKeyPair, decryptAge, decryptFernet } from "./support/decrypt.mjs";
import { dropFiles, useClipboard } from "./support/devtools.mjs";
import { MIB, randomFile } from "./support/files.mjs";
import {
  chooseToEncrypt, downloadOf, encryptCard, encryptOne, finished, failed, keyOf, openPage, pageSetUp, removeCard,
  savedKeyOf, setUpFolder, submitEncryption,
} from "./support/the_page.mjs";
import { cutAnswers } from "./support/relay.mjs";
import { runLines } from "./support/lines.mjs";

const { server, newPage } = await pageSetUp();
const open = (t, options) => openPage(t, newPage, server.url, options);

test("a file that is dropped comes back encrypted, and Python decrypts it", async (t) => {
  const page = await open(t);
  const file = await randomFile(t, "report.pdf", 100_000);
  await dropFiles(page, "#encrypt .target", [file.path]);
  await page.keyboard.press("Enter"); // the button has the focus
  const card = await finished(encryptCard(page));
  assert.match(await card.innerText(), /report\.pdf is encrypted/);
  assert.match(await card.innerText(), /Download encrypted_report\.pdf \(133 kB\)/);
  const { path, name } = await downloadOf(t, card);
  assert.equal(name, "encrypted_report.pdf");
  const { size, sha256 } = await decryptFernet(path, await keyOf(card));
  assert.deepEqual([size, sha256], [file.size, file.sha256]);
});

test("with age the program age decrypts it, with the key that the page saved", async (t) => {
  const page = await open(t);
  const file = await randomFile(t, "report.pdf", 200_000);
  for (const armor of [false, true]) {
    const card = await encryptOne(page, file, { format: "age", armor });
    const { path, name } = await downloadOf(t, card);
    assert.equal(name, "report.pdf.age");
    assert.equal((await readFile(path, "latin1")).startsWith("-----BEGIN AGE"), armor);
    const key = await savedKeyOf(t, card);
    assert.equal(key.name, "report.pdf.age.key");
    assert.equal((await decryptAge(path, await readFile(key.path, "utf8"))).sha256, file.sha256);
    await removeCard(card);
  }
});

test("with recipients there is no key, and each of them decrypts", async (t) => {
  const page = await open(t);
  const file = await randomFile(t, "report.pdf", 1000);
  const pairs = [await ageKeyPair(), await ageKeyPair()];
  const recipients = `# colleagues\n${pairs[0].recipient}, \n\n ${pairs[1].recipient}\r\n`;
  const card = await encryptOne(page, file, { format: "age", recipients });
  assert.match(await card.innerText(), /There is no key: who has the identity of a recipient opens it/);
  assert.equal(await card.locator("textarea").isVisible(), false);
  const { path } = await downloadOf(t, card);
  for (const { identity } of pairs) assert.equal((await decryptAge(path, identity)).sha256, file.sha256);
});

test("several files get a card and a key each", async (t) => {
  const page = await open(t);
  const files = [];
  for (const size of [0, 1, 70_000]) files.push(await randomFile(t, `file ${size}.bin`, size));
  await dropFiles(page, "#encrypt .target", files.map((file) => file.path));
  assert.deepEqual(await page.locator("#encrypt [data-chosen] li").allInnerTexts(),
    ["file 0.bin, 0 bytes", "file 1.bin, 1 byte", "file 70000.bin, 70.0 kB"]);
  await submitEncryption(page);
  const keys = new Set();
  for (const [i, file] of files.entries()) {
    const card = await finished(encryptCard(page, i));
    const { path, name } = await downloadOf(t, card);
    assert.equal(name, `encrypted_${file.name}`);
    const key = await keyOf(card);
    assert.equal((await decryptFernet(path, key)).sha256, file.sha256);
    keys.add(key);
  }
  assert.equal(keys.size, files.length);
});

test("a text that is pasted is encrypted like a file, and leaves its field", async (t) => {
  const page = await open(t);
  await page.getByText("Paste text instead").click();
  const field = page.getByLabel("Text to encrypt");
  await field.fill("Grüße, 世界\n");
  await submitEncryption(page);
  const card = await finished(encryptCard(page));
  const { path, name } = await downloadOf(t, card);
  assert.equal(name, "encrypted_text.txt");
  assert.equal((await decryptFernet(path, await keyOf(card))).size, Buffer.byteLength("Grüße, 世界\n"));
  assert.equal(await field.inputValue(), "");
});

test("the key can be copied, and saved to a file", async (t) => {
  const page = await open(t);
  const clipboard = await useClipboard(page);
  const card = await encryptOne(page, await randomFile(t, "a.txt", 10));
  const key = await keyOf(card);
  assert.match(key, /^[\w-]{43}=$/);
  await card.getByText("Copy the key").click();
  await card.getByText("Copied").waitFor();
  assert.equal(await clipboard(), key);
  const saved = await savedKeyOf(t, card);
  assert.equal(saved.name, "encrypted_a.txt.key");
  assert.equal(await readFile(saved.path, "utf8"), `${key}\n`);
  assert.match(await card.innerText(), /Keep this key/);
  assert.match(await card.innerText(), /nobody can open the\s+file/);
});

for (const format of ["fernet", "age"]) {
  const names = ["report.txt", "-o it's \"quoted\" & $HOME `x` 世界.txt"];
  test(`the lines on the page open a ${format} file elsewhere, whatever its name`, async (t) => {
    const page = await open(t);
    for (const name of names) {
      const file = await randomFile(t, name, 5000);
      const card = await encryptOne(page, file, { format });
      const folder = await setUpFolder(t, [await downloadOf(t, card), await savedKeyOf(t, card)]);
      await card.getByText("Open it without this page").click();
      const lines = await card.locator("[data-part=lines]").innerText();
      const { sha256 } = await runLines(format, lines, folder, basename(file.path));
      assert.equal(sha256, file.sha256, name);
      await removeCard(card);
    }
  });
}

test("what cannot be sent is said by the form, and nothing is sent", async (t) => {
  const page = await open(t);
  const sent = [];
  page.on("request", (request) => { if (/_file|info/.test(request.url())) sent.push(request.url()); });
  const problem = page.locator("#encrypt [data-problem]");
  await submitEncryption(page);
  assert.match(await problem.innerText(), /No file was chosen/);
  assert.equal(await page.evaluate(() => document.activeElement.id), "encrypt-file");

  const { identity } = await ageKeyPair();
  for (const [text, sentence] of [
    ["age1nonsense", /A recipient is not valid/],
    [identity, /This is a key, and a secret/],
    [`${(await ageKeyPair()).recipient}\n`.repeat(21), /20 recipients at the most/],
  ]) {
    await chooseToEncrypt(page, [(await randomFile(t, "a.txt", 10)).path], { format: "age", recipients: text });
    await submitEncryption(page);
    await page.locator("#recipients[aria-invalid=true]").waitFor();
    assert.match(await problem.innerText(), sentence);
  }
  assert.deepEqual(sent, []);
  assert.equal(await page.locator("#encrypt-jobs li").count(), 0);
});

test("a file over the limit is refused before it is sent, and the limit is named", async (t) => {
  const small = await pageSetUp.server(t, { body_limit: "1m" });
  const page = await openPage(t, newPage, small.url);
  const file = await randomFile(t, "large.bin", MIB + 1);
  await chooseToEncrypt(page, [file.path]);
  await submitEncryption(page);
  const problem = page.locator("#encrypt [data-problem]");
  await problem.waitFor();
  assert.match(await problem.innerText(), /too large.* The limit here is 1\.0 MB, and large\.bin has more/);
  assert.equal(await page.locator("#encrypt-jobs li").count(), 0);
});

test("a file that is gone, or is changed, after it was chosen cannot be read", async (t) => {
  const page = await open(t);
  const file = await randomFile(t, "gone.txt", 100);
  await chooseToEncrypt(page, [file.path]);
  await rm(file.path);
  await submitEncryption(page);
  const card = await failed(encryptCard(page));
  assert.match(await card.innerText(), /The file cannot be read/);
});

test("an answer that is cut leaves nothing that passes for a file", async (t) => {
  const cut = await cutAnswers(t, server.url, 5 * MIB);
  const expected = [/ERR_INCOMPLETE_CHUNKED|ERR_CONTENT_LENGTH|ERR_CONNECTION_RESET/];
  const page = await openPage(t, newPage, cut.url, { expected });
  await chooseToEncrypt(page, [(await randomFile(t, "cut.bin", 8 * MIB)).path]);
  await submitEncryption(page);
  const card = await failed(encryptCard(page));
  assert.match(await card.innerText(), /The answer broke off, so the file is not whole/);
  assert.equal(await card.locator("[data-part=download]").isVisible(), false);
  assert.equal(await card.locator("textarea").isVisible(), false);
});

test("a file that the server has no room for is said to be", async (t) => {
  const full = await pageSetUp.server(t, { spool_request_max: "1m", full_duplex: "off" });
  const page = await openPage(t, newPage, full.url, { expected: [/507|ERR_CONNECTION_RESET/] });
  await chooseToEncrypt(page, [(await randomFile(t, "large.bin", 3 * MIB)).path]);
  await submitEncryption(page);
  assert.match(await (await failed(encryptCard(page))).innerText(), /no room for this file/);
});

test("a server that is gone is said to be", async (t) => {
  const leaving = await pageSetUp.server(null);
  const page = await openPage(t, newPage, leaving.url, { expected: [/ERR_CONNECTION_REFUSED/] });
  await leaving.stop();
  await chooseToEncrypt(page, [(await randomFile(t, "a.txt", 100)).path]);
  await submitEncryption(page);
  assert.match(await (await failed(encryptCard(page))).innerText(), /connection broke off before the server had answered/);
});

test("a card that is removed takes its key and its file along", async (t) => {
  // The page's policy lets no script of its own read such an address: for this test it does.
  const page = await open(t, { bypassCSP: true, expected: [/ERR_FILE_NOT_FOUND/] });
  const card = await encryptOne(page, await randomFile(t, "a.txt", 100));
  const key = await keyOf(card);
  const url = await card.locator("[data-part=download]").getAttribute("href");
  const isThere = () => page.evaluate((u) => fetch(u).then(() => true, () => false), url);
  assert.equal(await isThere(), true);
  await removeCard(card);
  assert.equal(await isThere(), false);
  assert.equal(await page.locator("#encrypt-jobs li").count(), 0);
  assert.equal((await page.content()).includes(key), false);
  assert.equal(await page.evaluate(() => document.activeElement.id), "encrypt-file");
});
