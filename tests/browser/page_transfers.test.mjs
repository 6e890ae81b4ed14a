// SPDX-License-Identifier: Apache-2.0
// Files under way: progress, cancelling, and large ones, which the page must not hold.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { decryptFernet } from "./support/decrypt.mjs";
import { answerSavePicker, peakHeapWhile, pickedFile, throttleUploads } from "./support/devtools.mjs";
import { digestOfFile, MIB, randomFile, scaledMib } from "./support/files.mjs";
import { cutAnswers } from "./support/relay.mjs";
import {
  chooseToEncrypt, decryptCard, decryptOne, downloadOf, encryptCard, encryptOne, failed, finished, keyOf, openPage,
  pageSetUp, savedKeyOf, submitEncryption,
} from "./support/the_page.mjs";

const { server, newPage } = await pageSetUp();

// Of what goes through as a stream, the buffers that V8 has not collected yet are counted, too.
function assertLittle({ heapBytes, bufferBytes }) {
  assert.ok(heapBytes < 64 * MIB, `${heapBytes} bytes of heap`);
  assert.ok(bufferBytes < 200 * MIB, `${bufferBytes} bytes of buffers`);
}

// A page that may ask where to save, and calls files of n bytes large.
async function openPicking(t, url, n, options = {}) {
  // Chromium says so of some requests with streams after it has given the page all of the answer.
  const page = await newPage(t, { tolerated: [/ERR_ABORTED/], ...options });
  await page.addInitScript(() => { globalThis.savePickerIsAnswered = true; });
  await answerSavePicker(page);
  await page.route("**/page/service.js", async (route) => {
    const response = await route.fetch();
    const text = await response.text();
    await route.fulfill({ response, body: text.replace(/LARGE_BYTES = [^;]*/, `LARGE_BYTES = ${n}`) });
  });
  await page.goto(url);
  return page;
}

const pickedFiles = (page) => page.evaluate(async () => {
  const names = [];
  for await (const name of (await navigator.storage.getDirectory()).keys()) names.push(name);
  return names;
});

test("progress moves, tells its pace, and ends; and a transfer can be cancelled in the middle", async (t) => {
  const page = await openPage(t, newPage, server.url, { expected: [/ERR_ABORTED/] });
  const file = await randomFile(t, "large.bin", 8 * MIB);
  const stopThrottling = await throttleUploads(page, 2 * MIB);
  await chooseToEncrypt(page, [file.path, file.path]);
  await submitEncryption(page);

  const card = encryptCard(page);
  const bar = card.getByRole("progressbar", { name: "Encrypting large.bin" });
  const numbers = card.locator("[data-part=numbers]");
  const seen = [];
  while (seen.length < 3) {
    const value = await bar.evaluate((element) => element.value);
    if (value > (seen.at(-1) ?? 0)) seen.push(value);
    assert.ok(value < 1);
  }
  await numbers.getByText(/^Sending: \d\.\d MB of 8\.4 MB, .*[kM]B\/s, \d+ s left$/).waitFor();
  assert.match(await page.locator("#status").textContent(), /^Encrypting large\.bin/);
  assert.equal(await encryptCard(page, 1).locator("[data-part=numbers]").innerText(), "Waits for its turn");

  await card.getByRole("button", { name: "Cancel" }).click();
  await failed(card);
  assert.match(await card.innerText(), /large\.bin: cancelled/);
  assert.match(await card.innerText(), /Nothing was saved/);
  await stopThrottling();
  // The next one goes on.
  const next = await finished(encryptCard(page, 1));
  assert.equal((await decryptFernet((await downloadOf(t, next)).path, await keyOf(next))).sha256, file.sha256);
});

test("one that waits for its turn can be cancelled", async (t) => {
  const page = await openPage(t, newPage, server.url, { expected: [/ERR_ABORTED/] });
  const file = await randomFile(t, "large.bin", 4 * MIB);
  await throttleUploads(page, MIB);
  await chooseToEncrypt(page, [file.path, file.path]);
  await submitEncryption(page);
  await encryptCard(page, 1).getByRole("button", { name: "Cancel" }).click();
  await failed(encryptCard(page, 1));
  await encryptCard(page, 0).getByRole("button", { name: "Cancel" }).click();
  await failed(encryptCard(page, 0));
});

test("the page asks before a key that was not kept goes, with the page or with its card", async (t) => {
  const page = await openPage(t, newPage, server.url);
  const asked = [];
  page.on("dialog", (dialog) => { asked.push(dialog.type()); dialog.dismiss(); });
  const leave = () => page.evaluate(() => { location.href = "about:blank"; });
  const card = await encryptOne(page, await randomFile(t, "a.txt", 10));
  await leave();
  while (asked.length === 0) await page.evaluate(() => 0);
  await card.getByText("Remove from this page").click();
  assert.deepEqual(asked, ["beforeunload", "confirm"]);
  await savedKeyOf(t, card); // the card is still there; and now its key is elsewhere
  await card.getByText("Remove from this page").click();
  await page.goto("about:blank");
  assert.equal(asked.length, 2);
});

test("a file of 300 MiB goes and comes, both ways, with little in the page's memory", async (t) => {
  const page = await openPage(t, newPage, server.url);
  const file = await randomFile(t, "large.bin", scaledMib(300));
  const there = await peakHeapWhile(page, () => encryptOne(page, file));
  assertLittle(there);
  const { path } = await downloadOf(t, there.result);
  const key = await keyOf(there.result);
  assert.equal((await decryptFernet(path, key)).sha256, file.sha256);

  const back = await peakHeapWhile(page, async () => {
    await decryptOne(page, path, key);
    return finished(decryptCard(page));
  });
  assertLittle(back);
  assert.equal((await digestOfFile((await downloadOf(t, back.result)).path)).sha256, file.sha256);
});

for (const [protocol, url] of [["HTTP/1.1", server.url], ["HTTP/2", server.tlsUrl]]) {
  test(`a large file is saved where the person says, over ${protocol}`, async (t) => {
    const page = await openPicking(t, url, MIB);
    const file = await randomFile(t, "large.bin", scaledMib(protocol === "HTTP/2" ? 300 : 50));
    const there = await peakHeapWhile(page, () => encryptOne(page, file));
    const card = there.result;
    assertLittle(there);
    assert.match(await card.innerText(), /Saved as encrypted_large\.bin/);
    assert.equal(await card.locator("[data-part=download]").isVisible(), false);
    const key = await keyOf(card);
    const path = await pickedFile(page, "encrypted_large.bin");
    assert.equal((await decryptFernet(path, key)).sha256, file.sha256);

    await decryptOne(page, path, key); // playwright names downloads by a number
    const back = await finished(decryptCard(page));
    const [, name] = (await back.innerText()).match(/Saved as (\S+)/);
    assert.equal((await digestOfFile(await pickedFile(page, name))).sha256, file.sha256);
  });

  test(`a large file that is cancelled, or refused, leaves no file there, over ${protocol}`, async (t) => {
    const page = await openPicking(t, url, MIB);
    const file = await randomFile(t, "large.bin", 8 * MIB);
    const stopThrottling = await throttleUploads(page, 2 * MIB);
    await chooseToEncrypt(page, [file.path]);
    await submitEncryption(page);
    await encryptCard(page).locator("[data-part=numbers]").getByText("Sending").waitFor();
    await encryptCard(page).getByRole("button", { name: "Cancel" }).click();
    await failed(encryptCard(page));
    assert.deepEqual(await pickedFiles(page), []);
    await stopThrottling();

    page.expected.push(/status: 422/, /Failed to load resource/);
    await decryptOne(page, file.path, "k_8nntdutGjo_4N77X_97eMJMikL1dIEIib7BxDh__g=");
    assert.match(await (await failed(decryptCard(page))).innerText(), /not an encrypted file/);
    assert.deepEqual(await pickedFiles(page), []);
  });
}

test("an answer that is cut on its way to the disk leaves no file there", async (t) => {
  const cut = await cutAnswers(t, server.tlsUrl, 10 * MIB); // of 10.7
  const page = await openPicking(t, cut.url, MIB, { expected: [/net::ERR/] });
  const file = await randomFile(t, "large.bin", 8 * MIB);
  await chooseToEncrypt(page, [file.path]);
  await submitEncryption(page);
  assert.match(await (await failed(encryptCard(page))).innerText(), /The answer broke off/);
  assert.deepEqual(await pickedFiles(page), []);
});

test("a file that was there before stays as it was, if what was to replace it fails", async (t) => {
  const page = await openPicking(t, server.url, MIB, { expected: [/status: 422/, /Failed to load resource/] });
  const file = await randomFile(t, "notes.txt.age", 2 * MIB);
  await page.evaluate(async () => {
    const storage = await navigator.storage.getDirectory();
    const writable = await (await storage.getFileHandle("notes.txt", { create: true })).createWritable();
    await writable.write("older notes");
    await writable.close();
  });
  await decryptOne(page, file.path, "k_8nntdutGjo_4N77X_97eMJMikL1dIEIib7BxDh__g=");
  await failed(decryptCard(page));
  assert.equal(await readFile(await pickedFile(page, "notes.txt"), "utf8"), "older notes");
});

test("who dismisses the question where to save is asked again by a button", async (t) => {
  const page = await openPicking(t, server.url, MIB);
  await page.evaluate(() => {
    const answer = globalThis.showSaveFilePicker;
    globalThis.showSaveFilePicker = async () => {
      globalThis.showSaveFilePicker = answer;
      throw new DOMException("dismissed", "AbortError");
    };
  });
  const file = await randomFile(t, "large.bin", 2 * MIB);
  await chooseToEncrypt(page, [file.path]);
  await submitEncryption(page);
  await encryptCard(page).getByRole("button", { name: "Choose where to save it" }).click();
  const card = await finished(encryptCard(page));
  const path = await pickedFile(page, "encrypted_large.bin");
  assert.equal((await decryptFernet(path, await keyOf(card))).sha256, file.sha256);
});
