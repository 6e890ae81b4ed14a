// SPDX-License-Identifier: Apache-2.0
// Sends a file with Node's own means: node large.mjs fetch|http form|body URL FILE HEAD
// The answer goes to the standard output, its status and headers to HEAD as JSON.
import { createReadStream, readFileSync, statSync, writeFileSync } from "node:fs";
import * as fs from "node:fs";
import { request } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

const [means, kind, url, file, headPath] = process.argv.slice(2);
const BOUNDARY = "----node-has-no-form-of-its-own-here";

function saveHead(status, headers) {
  writeFileSync(headPath, JSON.stringify({ status, headers }));
}

// Node 18 cannot make a Blob of a file without reading it.
async function blobOf(path) {
  return fs.openAsBlob ? await fs.openAsBlob(path) : new Blob([readFileSync(path)]);
}

async function sendByFetch() {
  const options = { method: "POST", duplex: "half" };
  if (kind === "form") {
    options.body = new FormData();
    options.body.append("file", await blobOf(file), "large.bin");
  } else {
    options.body = Readable.toWeb(createReadStream(file));
    options.headers = { "Content-Type": "application/octet-stream" };
  }
  const response = await fetch(url, options);
  saveHead(response.status, [...response.headers]);
  await pipeline(Readable.fromWeb(response.body), process.stdout);
}

async function* formPieces() {
  yield `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="large.bin"\r\n\r\n`;
  yield* createReadStream(file);
  yield `\r\n--${BOUNDARY}--\r\n`;
}

async function sendByHttp() {
  const isForm = kind === "form";
  const headers = isForm
    ? { "Content-Type": `multipart/form-data; boundary=${BOUNDARY}` }
    : { "Content-Type": "application/octet-stream", "Content-Length": statSync(file).size };
  const sending = request(url, { method: "POST", headers });
  const answered = new Promise((resolve, reject) => {
    sending.on("response", resolve);
    sending.on("error", reject);
  });
  const sent = pipeline(isForm ? formPieces : createReadStream(file), sending);
  const response = await answered;
  saveHead(response.statusCode, Object.entries(response.headers));
  await Promise.all([sent, pipeline(response, process.stdout)]);
}

await (means === "fetch" ? sendByFetch() : sendByHttp());
