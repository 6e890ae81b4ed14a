// SPDX-License-Identifier: Apache-2.0
// What a person does on the page, and waits for.
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "./files.mjs";
import { serverAndBrowser, serverFor } from "./setup.mjs";

// A server and a browser for a file of tests. Where a page may ask where to save, it could not be answered:
// tests of that give an answer.
export const pageSetUp = serverAndBrowser;
pageSetUp.server = serverFor;

export async function openPage(t, newPage, url, options = {}) {
  const page = await newPage(t, options);
  await page.addInitScript(() => { if (!globalThis.savePickerIsAnswered) delete globalThis.showSaveFilePicker; });
  await page.goto(url);
  return page;
}

export const encryptCard = (page, i = 0) => page.locator("#encrypt-jobs > li").nth(i);
export const decryptCard = (page, i = 0) => page.locator("#decrypt-jobs > li").nth(i);

// Wait for the end of a card, and give the card.
export async function finished(card) {
  await card.locator("[data-part=done]:visible, [data-part=failure]:visible").first().waitFor({ timeout: 120_000 });
  if (await card.locator("[data-part=failure]").isVisible()) throw new Error(await card.innerText());
  return card;
}

export async function failed(card) {
  await card.locator("[data-part=failure]").waitFor({ timeout: 60_000 });
  return card;
}

export async function chooseToEncrypt(page, paths, { format = "fernet", armor = false, recipients = "" } = {}) {
  const options = page.locator("#options");
  if (!await options.evaluate((details) => details.open)) await options.locator("summary").click();
  await page.locator(`#encrypt input[value=${format}]`).check();
  if (format === "age") {
    await page.locator("#armor").setChecked(armor);
    await page.locator("#recipients").fill(recipients);
  }
  await page.locator("#encrypt-file").setInputFiles(paths);
}

export const submitEncryption = (page) => page.locator("#encrypt button[type=submit]").click();

// Encrypts a file where there is no card yet.
export async function encryptOne(page, file, options) {
  await chooseToEncrypt(page, [file.path], options);
  await submitEncryption(page);
  return finished(encryptCard(page));
}

export async function decryptOne(page, path, key) {
  await page.locator("#decrypt-file").setInputFiles(path);
  await page.locator("#key").fill(key);
  await page.locator("#decrypt button[type=submit]").click();
}

// Removes a card, and says yes where the page asks whether its key may go.
export async function removeCard(card) {
  const accept = (dialog) => dialog.accept();
  card.page().on("dialog", accept);
  await card.getByText("Remove from this page").click();
  card.page().off("dialog", accept);
}

export const keyOf = (card) => card.locator("textarea").inputValue();

async function downloadBy(t, card, element) {
  const coming = card.page().waitForEvent("download");
  await element.click();
  const download = await coming;
  return { path: await download.path(), name: download.suggestedFilename() };
}

// { path, name } of what a card offers.
export const downloadOf = (t, card) => downloadBy(t, card, card.locator("[data-part=download]"));
export const savedKeyOf = (t, card) => downloadBy(t, card, card.locator("[data-part=save-key]"));

// A folder with downloads under their own names.
export async function setUpFolder(t, downloads) {
  const folder = await temporaryFolder(t);
  for (const { path, name } of downloads) await copyFile(path, join(folder, name));
  return folder;
}
