// SPDX-License-Identifier: Apache-2.0
// The page is for everybody: by keyboard alone, with a screen reader, on any screen, without scripts.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { decryptAge, decryptFernet } from "./support/decrypt.mjs";
import { accessibilityViolations } from "./support/devtools.mjs";
import { MIB, randomFile } from "./support/files.mjs";
import {
  decryptCard, decryptOne, downloadOf, encryptCard, encryptOne, failed, finished, keyOf, openPage, pageSetUp,
} from "./support/the_page.mjs";
import { ServiceError } from "../../web/page/service.js";

const { server, newPage } = await pageSetUp();
const FERNET_KEY = "k_8nntdutGjo_4N77X_97eMJMikL1dIEIib7BxDh__g=";
const refused = { tolerated: [/status: 4\d\d/, /Failed to load resource/] };
const screens = {
  "320 px": { viewport: { width: 320, height: 640 } },
  "2560 px": { viewport: { width: 2560, height: 1300 } },
  "1280 px in the dark": { viewport: { width: 1280, height: 800 }, colorScheme: "dark" },
};

// Everything that a page can show, open: cards that went well and badly, of both forms.
async function showAll(t, page) {
  const file = await randomFile(t, "a rather long name of a file, as people have them - final (2).docx", 100);
  const card = await encryptOne(page, file, { format: "age" });
  await card.getByText("Open it without this page").click();
  await page.getByText("Paste text instead").click();
  await decryptOne(page, file.path, FERNET_KEY);
  await failed(decryptCard(page));
  await decryptOne(page, (await downloadOf(t, card)).path, await keyOf(card));
  await finished(decryptCard(page, 1));
  await page.locator("#decrypt button[type=submit]").click();
  await page.getByText("No file was chosen").waitFor();
}

for (const [name, screen] of Object.entries(screens)) {
  test(`on a screen of ${name} nothing is cut off, and axe finds nothing`, async (t) => {
    const page = await openPage(t, newPage, server.url, { ...refused, ...screen });
    const check = async () => {
      const [wide, tooWide] = await page.evaluate(() => [document.documentElement.scrollWidth,
        [...document.querySelectorAll("main *")].filter((e) => e.getBoundingClientRect().right > innerWidth).length]);
      assert.equal(wide, screen.viewport.width);
      assert.equal(tooWide, 0);
      assert.deepEqual(await accessibilityViolations(page), []);
    };
    await check();
    await showAll(t, page);
    await check();
  });
}

test("in the dark the page is dark, and without motion it has none", async (t) => {
  const colours = [];
  for (const colorScheme of ["light", "dark"]) {
    const page = await openPage(t, newPage, server.url, { colorScheme, reducedMotion: "reduce" });
    const [background, duration] = await page.evaluate(() => [
      getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number),
      getComputedStyle(document.querySelector(".button")).transitionDuration]);
    colours.push(Math.max(...background));
    assert.equal(duration, "0s");
  }
  assert.ok(colours[0] > 200 && colours[1] < 60, colours);
});

// Presses Tab until an element has the focus.
async function tabTo(page, pattern, key = "Tab") {
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press(key);
    const text = await page.evaluate(() => {
      const e = document.activeElement;
      return e === document.body ? "" : `${e.localName} ${e.id} ${e.labels?.[0]?.textContent ?? ""} ${e.textContent}`;
    });
    if (pattern.test(text)) return;
  }
  assert.fail(`Tab does not come to ${pattern}`);
}

test("by keyboard alone a file is encrypted, its key copied, and the file decrypted", async (t) => {
  const page = await openPage(t, newPage, server.url);
  page.on("filechooser", () => {}); // or the browser is told too late that a test answers it
  const file = await randomFile(t, "report.pdf", 1000);
  const choose = async (path) => {
    const chooser = page.waitForEvent("filechooser");
    await page.keyboard.press("Enter");
    await (await chooser).setFiles(path);
  };
  await tabTo(page, /Drop files here/);
  await choose(file.path);
  await tabTo(page, /Options/);
  await page.keyboard.press("Enter");
  await tabTo(page, /Fernet/);
  await page.keyboard.press("ArrowDown");
  await tabTo(page, /Recipients/);
  await tabTo(page, /^button +Encrypt$/);
  await page.keyboard.press("Enter");
  const card = await finished(encryptCard(page));
  await tabTo(page, /Download/);
  const coming = page.waitForEvent("download");
  await page.keyboard.press("Enter");
  const path = await (await coming).path();
  await tabTo(page, /Key of report\.pdf\.age/);
  const key = await page.evaluate(() => getSelection().toString());
  assert.equal(key, await keyOf(card));
  await tabTo(page, /Copy the key/);
  await page.keyboard.press("Space");
  await tabTo(page, /Remove from this page/);

  await tabTo(page, /Drop the encrypted file/);
  await choose(path);
  await tabTo(page, /^input key Key/);
  await page.keyboard.type(key);
  await page.keyboard.press("Enter");
  await finished(decryptCard(page));
  // Nobody is thrown about meanwhile.
  assert.equal(await page.evaluate(() => document.activeElement.id), "key");
});

test("who listens hears what begins, what ends and what fails", async (t) => {
  const page = await openPage(t, newPage, server.url, refused);
  await page.evaluate(() => {
    globalThis.heard = [];
    new MutationObserver(() => globalThis.heard.push(document.getElementById("status").textContent))
      .observe(document.getElementById("status"), { childList: true });
  });
  const file = await randomFile(t, "report.pdf", 1000);
  await encryptOne(page, file);
  await decryptOne(page, file.path, FERNET_KEY);
  const card = await failed(decryptCard(page));
  const heard = await page.evaluate(() => globalThis.heard);
  assert.equal(heard[0], "Encrypting report.pdf");
  assert.ok(heard.includes("report.pdf is encrypted"));
  assert.match(heard.at(-1), /^Decrypting report\.pdf/);
  assert.match(await card.getByRole("alert").innerText(), /not an encrypted file/);
  assert.equal(await page.locator("#status").getAttribute("role"), "status");
});

test("focus goes to the card when its Cancel button had it and is gone", async (t) => {
  const page = await openPage(t, newPage, server.url, { tolerated: [/ERR_ABORTED/] });
  await page.route("**/encrypt_file/**", () => {}); // it never ends
  await page.locator("#encrypt-file").setInputFiles((await randomFile(t, "a.txt", 10)).path);
  await page.locator("#encrypt button[type=submit]").click();
  await encryptCard(page).getByRole("button", { name: "Cancel" }).press("Enter");
  await failed(encryptCard(page));
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "a.txt: cancelled");
});

test("every error of the contract has a sentence of its own for people", async () => {
  const contract = await readFile(new URL("../../docs/http-api.md", import.meta.url), "utf8");
  const codes = new Set([...contract.matchAll(/^\| \d{3} \| `(\w+)` \|/gm)].map(([, code]) => code));
  assert.ok(codes.size >= 25);
  for (const code of codes) {
    const { message } = new ServiceError(code, "what the server says");
    assert.doesNotMatch(message, /what the server says/, code);
    assert.match(message, /^[A-Z].*\.$/s, code);
  }
  assert.equal(new ServiceError("a_new_code", "What the server says.").message, "What the server says.");
});

test("the page is a handful of small files, compressed, and asked for again with 304", async (t) => {
  const page = await newPage(t);
  const answers = [];
  page.on("response", (response) => answers.push(response));
  await page.goto(server.url);
  await page.waitForFunction(() => !document.querySelector("[data-script][hidden]"));
  const loaded = [...new Set(answers.map((answer) => new URL(answer.url()).pathname))].sort();
  assert.deepEqual(loaded.filter((path) => path !== "/page/icon.svg"),
    ["/", "/page/page.js", "/page/service.js", "/page/style.css"]);
  let all = 0;
  for (const path of new Set([...loaded, "/page/icon.svg"])) {
    const get = (headers) => fetch(server.url + path, { headers: { Accept: "text/html", ...headers } });
    const packed = await get({ "Accept-Encoding": "gzip" });
    const plain = await (await get({ "Accept-Encoding": "identity" })).text();
    assert.equal(packed.headers.get("content-encoding"), "gzip");
    assert.equal(await packed.text(), plain);
    const again = await get({ "Accept-Encoding": "gzip", "If-None-Match": packed.headers.get("etag") });
    assert.equal(again.status, 304);
    all += Buffer.byteLength(plain);
  }
  assert.ok(all < 60_000, `${all} bytes`);
});

test("the policy lets no other script in, nor any frame, nor any other place", async (t) => {
  const page = await openPage(t, newPage, server.url, { expected: [/Content Security Policy|Trusted(HTML|Script)|violates/] });
  const did = await page.evaluate(async () => {
    const script = document.createElement("script");
    const raised = [];
    document.addEventListener("securitypolicyviolation", (event) => raised.push(event.effectiveDirective));
    try { document.body.innerHTML = "<p>"; } catch { raised.push("innerHTML"); }
    try { script.textContent = "window.ran = true"; } catch { raised.push("script text"); }
    document.body.append(script);
    await fetch("http://localhost:9/").catch(() => {});
    while (!raised.includes("connect-src")) await new Promise((resolve) => setTimeout(resolve, 10));
    return [globalThis.ran ?? false, raised];
  });
  assert.equal(did[0], false);
  assert.ok(did[1].includes("innerHTML"), did[1]);
});

const withoutScripts = { javaScriptEnabled: false, tolerated: [/page\/service\.js/, /status: 4\d\d/, /Failed to load resource/] };

for (const [button, format] of [["Encrypt", "fernet"], ["Encrypt with age", "age"]]) {
  test(`without scripts a form gives a page with the key and the ${format} file`, async (t) => {
    const page = await newPage(t, withoutScripts);
    await page.goto(server.url);
    const file = await randomFile(t, "it's <b>\"it\"<i> & 世界.txt", 300_000);
    await page.locator("#encrypt-file").setInputFiles(file.path);
    await page.getByRole("button", { name: button, exact: true }).click();
    const link = page.locator("a[download]");
    await link.waitFor();
    const key = (await page.locator(".key").first().innerText()).trim();
    const coming = page.waitForEvent("download");
    await link.click();
    const path = await (await coming).path();
    const { sha256 } = await (format === "age" ? decryptAge(path, key) : decryptFernet(path, key));
    assert.equal(sha256, file.sha256);
    assert.equal(page.url().includes(key), false);
    assert.equal(await page.locator("b, i").count(), 0);
  });
}

test("without scripts a file over 1 MiB, or none, gives a page that says what to do", async (t) => {
  const page = await newPage(t, withoutScripts);
  for (const [size, sentence] of [[MIB + 1, /1 MiB/], [30 * MIB, /1 MiB/], [null, /no file|choose/i]]) {
    await page.goto(server.url);
    if (size !== null) await page.locator("#encrypt-file").setInputFiles((await randomFile(t, "a.bin", size)).path);
    await page.getByRole("button", { name: "Encrypt", exact: true }).click();
    await page.waitForURL(/answer=page/);
    assert.match(await page.locator("main").innerText(), sentence);
    assert.equal(await page.locator("a[download]").count(), 0);
    assert.deepEqual(await page.locator("html").getAttribute("lang"), "en");
  }
});
