// SPDX-License-Identifier: Apache-2.0
// Runs the lines that the page shows, as a person would who copies them.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { digestOfFile } from "./files.mjs";

// In a folder with what was downloaded. Gives { size, sha256 } of the file that they make.
export async function runLines(format, lines, folder, original) {
  const [program, words] = format === "age"
    ? ["sh", ["-ec", lines.replace(/^sudo apt.*\n/, "")]] // it is installed
    : ["/usr/bin/python3", ["-c", lines]];
  await promisify(execFile)(program, words, { cwd: folder });
  return digestOfFile(join(folder, original));
}
