// SPDX-License-Identifier: Apache-2.0
// The service itself, started and judged by tests/e2e/support/nginx.py.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../e2e/serve.py", import.meta.url));

// settings: of the shipped configuration. edits: [old, new] in it, what an operator may write.
// expectedTrouble: patterns, in Python's syntax, of what its error log may hold.
// Gives { url, tlsUrl, directory, errorLog, accessLog, stop() }; stop() throws if anything was wrong.
export async function startServer(settings = {}, { edits = [], expectedTrouble = [] } = {}) {
  const words = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  for (const edit of edits) words.push("--edit", ...edit);
  for (const pattern of expectedTrouble) words.push(`--expect=${pattern}`);
  // Its input ends with this process, however that ends.
  const child = spawn("/usr/bin/python3", ["-B", program, ...words], { stdio: "pipe" });
  const closed = once(child, "close");
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (complaint += text));

  const check = async () => {
    const [code, signal] = await closed;
    if (code !== 0) throw new Error(`the server: ${complaint || signal || `exit status ${code}`}`);
  };
  const line = once(createInterface(child.stdout), "line");
  const place = await Promise.race([line, check()]);
  if (!place) throw new Error("the server ended before it had begun");
  const stop = () => {
    child.stdin.end();
    return check();
  };
  return { ...JSON.parse(place[0]), stop };
}
