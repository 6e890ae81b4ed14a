// SPDX-License-Identifier: Apache-2.0
// Imports a package that scripts/install-npm-packages installed.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as nodeCrypto from "node:crypto";

const folder = new URL("../../../build-npm/", import.meta.url);

function resolve(name) {
  if (!existsSync(folder)) {
    throw new Error(`${fileURLToPath(folder)} is missing: run 'make test-deps'`);
  }
  return createRequire(folder).resolve(name);
}

export async function importPackage(name) {
  // Node 18 has it, but under another name than browsers and later Nodes.
  globalThis.crypto ??= nodeCrypto.webcrypto;
  return await import(pathToFileURL(resolve(name)));
}

export const packageFolder = (name) => dirname(resolve(`${name}/package.json`));
