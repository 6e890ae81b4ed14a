// SPDX-License-Identifier: Apache-2.0
// Takes the pictures of the page in docs/images (make screenshots). What they show happens for real.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { throttleUploads } from "./support/devtools.mjs";
import { MIB, randomFile, temporaryFolder } from "./support/files.mjs";
import {
  chooseToEncrypt, decryptCard, decryptOne, downloadOf, encryptCard, encryptOne, failed, finished, keyOf, openPage,
  pageSetUp, removeCard, setUpFolder, submitEncryption,
} from "./support/the_page.mjs";

const images = fileURLToPath(new URL("../../docs/images/", import.meta.url));
const { server, newPage } = await pageSetUp();
const wide = { viewport: { width: 1200, height: 760 } };
const tolerated = [/./];

async function picture(page, name) {
  // A server of the tests has another port each time.
  await page.locator("#address").evaluateAll(([address]) => { if (address) address.textContent = "http://localhost:5000/"; });
  await page.screenshot({ path: `${images}${name}.png`, fullPage: true });
}
const report = async (t) => {
  const path = join(await temporaryFolder(t), "report.pdf");
  await writeFile(path, Buffer.alloc(400_000, "%PDF"));
  return { path, name: "report.pdf" };
};

test("a file is encrypted", async (t) => {
  const page = await openPage(t, newPage, server.url, { ...wide, tolerated });
  const card = await encryptOne(page, await report(t), { format: "age" });
  await card.getByText("Open it without this page").click();
  await page.locator("#options > summary").click();
  await page.locator("h1").click();
  await picture(page, "page-encrypted");
});

test("one is under way, and a key was wrong", async (t) => {
  const page = await openPage(t, newPage, server.url, { ...wide, colorScheme: "dark", tolerated });
  const card = await encryptOne(page, await report(t));
  const download = await downloadOf(t, card);
  const path = join(await setUpFolder(t, [download]), download.name);
  const key = await keyOf(card);
  await decryptOne(page, path, "k_8nntdutGjo_4N77X_97eMJMikL1dIEIib7BxDh__g=");
  await failed(decryptCard(page));
  await decryptOne(page, path, key);
  await finished(decryptCard(page, 1));
  await removeCard(card);
  await throttleUploads(page, 4 * MIB);
  await chooseToEncrypt(page, [(await randomFile(t, "holidays.mp4", 24 * MIB)).path]);
  await page.locator("#options > summary").click();
  await submitEncryption(page);
  await encryptCard(page).getByText(/Sending: 1\d\.\d MB.*left/).waitFor();
  await picture(page, "page-dark");
});

test("on a narrow screen", async (t) => {
  const page = await openPage(t, newPage, server.url, { viewport: { width: 320, height: 640 }, tolerated });
  await encryptOne(page, await report(t));
  await picture(page, "page-narrow");
});

test("without scripts", async (t) => {
  const page = await newPage(t, { ...wide, javaScriptEnabled: false, tolerated });
  await page.goto(server.url);
  await page.locator("#encrypt-file").setInputFiles((await report(t)).path);
  await page.getByRole("button", { name: "Encrypt", exact: true }).click();
  await page.locator("a[download]").waitFor();
  await picture(page, "page-without-scripts");
});

after(() => console.log(`in ${images}`));
