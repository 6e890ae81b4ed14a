// SPDX-License-Identifier: Apache-2.0
// Decryption elsewhere, by Python and by the program age: { size, sha256 } of the plaintext. Keys go
// by standard input, never by the command line.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { digest } from "./files.mjs";

const fernetProgram = fileURLToPath(new URL("../../e2e/decrypt_fernet.py", import.meta.url));

// Runs a program with that input; take gets its output as a stream, and gives what is given.
async function run(command, words, input, take) {
  const child = spawn(command, words, { stdio: "pipe" });
  const closed = once(child, "close");
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (complaint += text));
  child.stdin.on("error", () => {}).end(input); // one that reads no more says why by its status
  const [result, [code]] = await Promise.all([take(child.stdout), closed]);
  if (code !== 0) throw new Error(`${command}: ${complaint || code}`);
  return result;
}

async function text(stream) {
  let all = "";
  for await (const piece of stream.setEncoding("utf8")) all += piece;
  return all;
}

export async function decryptFernet(path, key) {
  const words = ["-B", fernetProgram, path];
  return JSON.parse(await run("/usr/bin/python3", words, key, text));
}

// identity: the text of a file of age-keygen, or AGE-SECRET-KEY-1... alone.
export const decryptAge = (path, identity) =>
  run("age", ["--decrypt", "--identity", "-", path], identity, digest);

// A new pair for age: { identity, recipient }.
export async function ageKeyPair() {
  const file = await run("age-keygen", [], "", text);
  const line = (pattern) => file.match(pattern)[0];
  return { identity: line(/^AGE-SECRET-KEY-1.*$/m), recipient: line(/age1[0-9a-z]+/) };
}
