// SPDX-License-Identifier: Apache-2.0
// What takes the protocol of the developer tools, or a script that the page's Content-Security-Policy
// would not let in.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { packageFolder } from "../../e2e/clients/npm.mjs";

// Drops files on an element as a person's mouse does; moves over it first.
export async function dropFiles(page, selector, paths) {
  await page.locator(selector).scrollIntoViewIfNeeded();
  const box = await page.locator(selector).boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"]) {
    await session.send("Input.dispatchDragEvent", { type, x, y, data });
  }
  await session.detach();
}

// Limits what the page sends, in bytes a second; gives a function that takes the limit away.
export async function throttleUploads(page, uploadThroughput) {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  const conditions = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput };
  await session.send("Network.emulateNetworkConditions", conditions);
  return () => session.detach();
}

// The most bytes that the page's JavaScript holds while work() runs: { heapBytes, bufferBytes, result }. Its
// array buffers count apart, with those that nobody needs any more: V8 collects them after some 64 MiB.
export async function peakHeapWhile(page, work) {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const peak = { heapBytes: 0, bufferBytes: 0 };
  let running = true;
  const sample = async () => {
    while (running) {
      const use = await session.send("Runtime.getHeapUsage");
      peak.heapBytes = Math.max(peak.heapBytes, use.usedSize + use.embedderHeapUsedSize);
      peak.bufferBytes = Math.max(peak.bufferBytes, use.backingStorageSize);
    }
  };
  const sampling = sample();
  try {
    const result = await work();
    return { ...peak, result };
  } finally {
    running = false;
    await sampling;
    await session.detach();
  }
}

// What axe-core objects to, each with the elements: an empty list where all is well.
export async function accessibilityViolations(page, options = {}) {
  const source = await readFile(join(packageFolder("axe-core"), "axe.min.js"), "utf8");
  await page.evaluate(source);
  const { violations } = await page.evaluate((o) => globalThis.axe.run(document, o), options);
  return violations.map(({ id, help, nodes }) =>
    `${id}: ${help}: ${nodes.map((node) => node.target.join(" ")).join(", ")}`);
}

// Headless, nobody can choose where to save. This gives the page a file of its own storage instead,
// under the name that it suggests; call it before the page is loaded.
export async function answerSavePicker(page) {
  await page.addInitScript(() => {
    globalThis.showSaveFilePicker = async ({ suggestedName = "untitled" } = {}) => {
      const storage = await navigator.storage.getDirectory();
      return await storage.getFileHandle(suggestedName, { create: true });
    };
  });
}

// What the page has saved so: the path of a copy, which goes with the page.
export async function pickedFile(page, name) {
  const coming = page.waitForEvent("download");
  await page.evaluate(async (name) => {
    const storage = await navigator.storage.getDirectory();
    const file = await (await storage.getFileHandle(name)).getFile();
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = name;
    link.click();
  }, name);
  return await (await coming).path();
}

// Lets the page use the clipboard, and gives a function that reads it.
export async function useClipboard(page) {
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  return () => page.evaluate(() => navigator.clipboard.readText());
}
