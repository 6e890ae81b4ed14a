// SPDX-License-Identifier: Apache-2.0
// Files that tests make: in one folder, which goes with the process.
import { createHash, randomFillSync } from "node:crypto";
import { createReadStream, mkdtempSync, rmSync } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";

export const MIB = 1 << 20;
const largeMib = Number(process.env.ENCRYPTER_E2E_LARGE_MIB ?? "256");

// n MiB in bytes, where large files have 1024 MiB; fewer in a quick round.
export const scaledMib = (n) => Math.floor((n * largeMib) / 1024) * MIB;

export const folder = mkdtempSync("/tmp/encrypter-browser-");
// Chromium's profile, and what else makes temporary files of its own, goes there too.
process.env.TMPDIR = folder;

// Last of what happens at exit: whoever starts a program that writes there calls this afterwards.
export function removeFolderAtExit() {
  process.off("exit", removeFolder).on("exit", removeFolder);
}

function removeFolder() {
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  } catch (error) {
    // The runner of tests would take an exception, and the process would not exit.
    console.error(error.message);
  }
}

removeFolderAtExit();
for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"]) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
}

// A folder that goes when the test ends.
export async function temporaryFolder(t) {
  const path = await mkdtemp(join(folder, "test-"));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

// n random bytes in a new file of that name: { path, name, size, sha256 }.
export async function randomFile(t, name, size) {
  const path = join(await temporaryFolder(t), name);
  const hash = createHash("sha256");
  const block = randomFillSync(Buffer.alloc(Math.min(size, MIB)));
  const file = await open(path, "wx");
  try {
    for (let at = 0; at < size; at += MIB) {
      const piece = block.subarray(0, size - at);
      // No two blocks are alike.
      randomFillSync(piece, 0, Math.min(16, piece.length));
      hash.update(piece);
      await file.writeFile(piece);
    }
  } finally {
    await file.close();
  }
  return { path, name, size, sha256: hash.digest("hex") };
}

export const sha256Of = (data) => createHash("sha256").update(data).digest("hex");

// { size, sha256 } of what a stream still has.
export async function digest(stream) {
  const hash = createHash("sha256");
  let size = 0;
  for await (const piece of stream) {
    hash.update(piece);
    size += piece.length;
  }
  return { size, sha256: hash.digest("hex") };
}

export const digestOfFile = (path) => digest(createReadStream(path, { highWaterMark: MIB }));
