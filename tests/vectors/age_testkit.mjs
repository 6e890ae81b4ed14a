// SPDX-License-Identifier: Apache-2.0
// Writes the files of the age test kit (npm's cctv-age) to a folder: node age_testkit.mjs FOLDER
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { importPackage } from "../e2e/clients/npm.mjs";

for (const [name, content] of Object.entries(await importPackage("cctv-age"))) {
  writeFileSync(join(process.argv[2], name), content);
}
