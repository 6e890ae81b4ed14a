// SPDX-License-Identifier: Apache-2.0
// Sends a file as a form with Node's own fetch and FormData: node upload.mjs URL FILE NAME
import { readFileSync } from "node:fs";

const [url, file, name] = process.argv.slice(2);
const form = new FormData();
form.append("comment", "before the file");
form.append("file", new Blob([readFileSync(file)]), name);
form.append("after", "the file");

const response = await fetch(url, { method: "POST", body: form });
const body = Buffer.from(await response.arrayBuffer());
console.log(JSON.stringify({
  status: response.status,
  headers: [...response.headers],
  body: body.toString("latin1"),
}));
