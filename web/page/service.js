// SPDX-License-Identifier: Apache-2.0
// What the page knows of the service: how files get there and back, what keys look like, and what each
// error means in plain words. Nothing here touches the page.

// From this size on a file is saved straight to the disk where the browser can do that.
export const LARGE_BYTES = 256 * 2 ** 20;

const PIECE_BYTES = 2 ** 20;

const FERNET_KEY = /^[A-Za-z0-9_-]{43}=$/;
const IDENTITY = /^AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}$/i;
const RECIPIENT = /^age1[02-9ac-hj-np-z]{58}$/;

// By the codes of docs/http-api.md, and some that only the page knows.
const sentences = {
  bad_request: "The server did not understand the request. Reload this page and try again.",
  malformed_multipart: "The server did not understand the upload. Reload this page and try again.",
  missing_file: "No file was chosen. Choose one, or drop it here.",
  too_many_files: "Several files came in one request. Send them one by one.",
  truncated_body: "The upload ended too early. Try again.",
  unknown_parameter: "This page asked for something that the server does not know. Reload it and try again.",
  unknown_format: "The server does not know this format. Reload this page and try again.",
  invalid_parameter: "The server does not take these options together. Change them and try again.",
  invalid_recipient: "A recipient is not valid. A recipient begins with age1: copy the whole of it.",
  invalid_key: "This is not the right kind of key for this file. A Fernet key has 44 characters and ends with =, "
    + "an age key begins with AGE-SECRET-KEY-1.",
  missing_key: "The key is missing. Type it, paste it, or choose the file with it.",
  unauthorized: "The server wants to know who you are. Sign in, or ask who runs it.",
  forbidden: "The server does not let you in from here. Ask who runs it.",
  not_found: "The service is not at this address. Reload this page and try again.",
  method_not_allowed: "Something between you and the server does not let files through. Ask who runs it.",
  payload_too_large: "The file is too large for this server.",
  uri_too_long: "There are too many recipients, or the file's name is too long. Use fewer, or a shorter one.",
  headers_too_large: "Your browser sent too much besides the file. Clear this site's cookies and try again.",
  unsupported_media_type: "The server does not take files in this way. Reload this page and try again.",
  decryption_failed: "The key does not open this file: either it is the key of another file, or the file has been "
    + "changed or is not all there. Nothing was decrypted.",
  unrecognized_format: "This is not an encrypted file that the server knows, neither Fernet nor age. Choose the file "
    + "as you got it when it was encrypted.",
  token_expired: "The file was encrypted too long ago, or the clocks differ.",
  passphrase_not_supported: "This file is locked with a passphrase. Use the program age to open it.",
  rate_limited: "Too many requests at a time come from your address. Wait a moment and try again.",
  overloaded: "The server is busy. Wait a moment and try again.",
  internal_error: "The server failed. Nothing was kept: please try again.",
  not_implemented: "The server cannot take the file in this way. Reload this page and try again.",
  http_version_not_supported: "Your browser's connection to the server is too old. Try another browser.",
  insufficient_storage: "The server has no room for this file now. Try again later.",
  // The page's own.
  unreachable: "The connection broke off before the server had answered. Look at your network and try again.",
  cut: "The answer broke off, so the file is not whole. Nothing was saved: please try again.",
  unreadable: "The file cannot be read. Was it changed, moved or deleted? A folder has to be packed first, as .zip "
    + "or .tar.",
  not_the_service: "Something else than the service has answered, such as a page to sign in. Reload this page and try "
    + "again.",
  unsaved: "The file could not be saved there. Is there enough room? Choose another place and try again.",
};

// A failure with a sentence for people. Without a code that is known, the server's own sentence.
export class ServiceError extends Error {
  constructor(code, detail = "") {
    const sentence = Object.hasOwn(sentences, code) ? sentences[code] : detail;
    // The limit in force is in the server's sentence.
    const limit = code === "payload_too_large" ? detail.match(/The limit here is .*/)?.[0] ?? "" : "";
    super(`${sentence || sentences.internal_error} ${limit}`.trim());
    this.code = code;
  }
}

// The key in a text that is no encrypted file: alone in it, in a line of its own (age-keygen's files), or as a
// header. "" if there is none.
export function findKey(text) {
  if (/^\s*-----BEGIN AGE ENCRYPTED FILE-----/.test(text)) return ""; // its last line may look like a Fernet key
  for (const line of text.split(/\r?\n/)) {
    const key = line.trim().replace(/^encryption-key:\s*/i, "");
    if (FERNET_KEY.test(key) || IDENTITY.test(key)) return key;
  }
  return "";
}

// The recipients in a text, a line or a word each; lines that begin with # are comments.
export function findRecipients(text) {
  const lines = text.split("\n").filter((line) => !line.startsWith("#"));
  const recipients = lines.flatMap((line) => line.split(/[\s,]+/)).filter(Boolean);
  for (const recipient of recipients) {
    // It would go into an address, where no key may be.
    if (/AGE-SECRET-KEY/i.test(recipient)) {
      throw new ServiceError("secret_recipient", "This is a key, and a secret. A recipient begins with age1: "
        + "age-keygen -y prints it.");
    }
    if (!RECIPIENT.test(recipient)) throw new ServiceError("invalid_recipient");
  }
  if (recipients.length > 20) throw new ServiceError("too_many_recipients", "There can be 20 recipients at the most.");
  return recipients;
}

// The largest file that the server takes; Infinity if it does not say, or takes long to.
export async function largestFile() {
  try {
    const info = await (await fetch("info", { signal: AbortSignal.timeout(5000) })).json();
    return info.limits.body_bytes || Infinity;
  } catch {
    return Infinity;
  }
}

// Encrypts a file. Resolves with what receive() gives, and the key, "" with recipients.
export function encrypt(file, { format, armor, recipients }, transfer) {
  const query = new URLSearchParams({ format });
  if (armor) query.set("armor", "true");
  for (const recipient of recipients) query.append("recipient", recipient);
  const growth = format === "fernet" || armor ? 4 / 3 : 1;
  const needsKey = recipients.length === 0;
  return exchange(`encrypt_file/${pathName(file)}?${query}`, {}, file, growth, { ...transfer, needsKey });
}

// Decrypts a file. The same result.
export function decrypt(file, key, transfer) {
  return exchange(`decrypt_file/${pathName(file)}`, { "Encryption-Key": key }, file, 1, transfer);
}

function pathName(file) {
  return encodeURIComponent(file.name.replace(/\p{Surrogate}/gu, "_"));
}

// Sends a file and gets one back. transfer: {signal, onProgress, writable, needsKey}. Progress is {isSending, bytes,
// total, overall: {bytes, total}}; overall is both ways. With writable, a function that opens a
// FileSystemWritableFileStream, the file goes there; otherwise it is the result's blob.
async function exchange(path, headers, file, growth, transfer) {
  await assertReadable(file);
  const count = counter(file.size, growth, transfer.onProgress);
  const by = transfer.writable && takesStreams() ? exchangeByStreams : exchangeByRequest;
  try {
    return await by(path, headers, file, count, transfer);
  } catch (error) {
    if (error.code === "unreachable") await assertReadable(file); // or it was changed meanwhile
    throw error;
  }
}

async function assertReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
  } catch {
    throw new ServiceError("unreadable");
  }
}

function counter(size, growth, onProgress) {
  const answer = { bytes: 0, total: Math.round(size * growth) }; // an estimate at first
  const report = (isSending, bytes, total) => onProgress({
    isSending, bytes, total, overall: { bytes: answer.bytes + (isSending ? bytes : size), total: size + answer.total },
  });
  return {
    sent: (bytes) => report(true, Math.min(bytes, size), size),
    received: (bytes, total) => {
      Object.assign(answer, { bytes, total: total || Math.max(answer.total, bytes) });
      report(false, bytes, answer.total);
    },
  };
}

// XMLHttpRequest is the only way that tells how much of a file is sent, over any version of HTTP. The browser
// keeps the answer, on its own disk where it is large.
function exchangeByRequest(path, headers, file, count, transfer) {
  const { signal } = transfer;
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let hasBegun = false; // the answer; an error later takes its status away

    request.open("PUT", path);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.responseType = "blob";
    request.upload.onprogress = (event) => count.sent(event.loaded);
    request.onprogress = ({ loaded, lengthComputable, total }) => {
      if (request.status === 200) count.received(loaded, lengthComputable && total);
    };
    request.onreadystatechange = () => { hasBegun ||= request.status === 200; };
    request.onerror = () => reject(new ServiceError(hasBegun ? "cut" : "unreachable"));
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    request.onload = () => resolve(receive(request.status, (name) => request.getResponseHeader(name),
      request.response, transfer));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    if (signal.aborted) request.onabort();
    else request.send(file);
  });
}

// Whether uploads can be streams: Chromium's can, over HTTP/2 and later.
function takesStreams() {
  let asked = false;
  const options = { method: "POST", body: new ReadableStream(), get duplex() { asked = true; return "half"; } };
  const request = new Request("", options);
  const protocol = performance.getEntriesByType("navigation")[0]?.nextHopProtocol ?? "";
  return asked && !request.headers.has("Content-Type") && /^h[23]/.test(protocol);
}

// Nothing of either file stays in memory.
async function exchangeByStreams(path, headers, file, count, transfer) {
  const { signal } = transfer;
  let response;
  try {
    const body = file.stream().pipeThrough(counting(count.sent));
    response = await fetch(path, { method: "PUT", headers, body, duplex: "half", signal });
  } catch (error) {
    throw error.name === "AbortError" ? error : new ServiceError("unreachable");
  }
  const total = Number(response.headers.get("Content-Length")); // 0 if it is not known
  const answer = response.status === 200 ? response.body : await response.blob().catch(() => new Blob());
  return receive(response.status, (name) => response.headers.get(name), answer, transfer,
    (bytes) => count.received(bytes, total));
}

function counting(report) {
  let bytes = 0;
  return new TransformStream({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      report(bytes);
      controller.enqueue(chunk);
    },
  });
}

// Resolves with {name, key, blob, bytes}; blob is null if the file was written.
async function receive(status, header, answer, { writable, signal, needsKey }, onBytes = () => {}) {
  if (status !== 200) throw await errorOf(status, answer);
  if (!header("Encryption-Format") || (needsKey && !header("Encryption-Key"))) {
    answer.cancel?.().catch(() => {});
    throw new ServiceError("not_the_service");
  }
  // Not all browsers compare the two by themselves.
  const declared = header("Content-Encoding") ? null : header("Content-Length");
  const assertWhole = (bytes) => {
    if (declared !== null && bytes !== Number(declared)) throw new ServiceError("cut");
  };
  const result = { name: fileName(header("Content-Disposition")), key: header("Encryption-Key") ?? "", blob: null };
  if (writable) return { ...result, bytes: await save(answer, writable, signal, onBytes, assertWhole) };
  assertWhole(answer.size);
  return { ...result, blob: answer, bytes: answer.size };
}

// Writes an answer, a Blob or a stream, to the file that open() gives. Resolves with its size.
async function save(answer, open, signal, onBytes, assertWhole) {
  const unsaved = () => { throw new ServiceError("unsaved"); };
  const file = await open().catch(unsaved);
  let bytes = 0;
  try {
    for await (const piece of piecesOf(answer instanceof Blob ? answer.stream() : answer)) {
      signal.throwIfAborted();
      await file.write(piece).catch(unsaved);
      bytes += piece.byteLength;
      onBytes(bytes);
    }
    assertWhole(bytes);
    await file.close().catch(unsaved);
  } catch (error) {
    file.abort().catch(() => {});
    throw error instanceof ServiceError || error.name === "AbortError" ? error : new ServiceError("cut");
  }
  return bytes;
}

// A piece is good until the next one is asked for: where the browser can, they share one buffer.
async function* piecesOf(stream) {
  let buffer = new ArrayBuffer(PIECE_BYTES);
  const [reader, read] = readerOf(stream, () => new Uint8Array(buffer));
  try {
    for (;;) {
      const { done, value } = await read();
      if (done) return;
      yield value;
      buffer = value.buffer;
    }
  } finally {
    reader.cancel().catch(() => {}); // of a stream that has ended it does nothing
  }
}

function readerOf(stream, room) {
  try {
    const reader = stream.getReader({ mode: "byob" });
    return [reader, () => reader.read(room())];
  } catch {
    const reader = stream.getReader();
    return [reader, () => reader.read()];
  }
}

// Of an answer that is not 200: the service's JSON, or what something in front of it says.
async function errorOf(status, body) {
  try {
    const { code, error } = JSON.parse(await body.text());
    if (typeof code === "string" && typeof error === "string") return new ServiceError(code, error);
  } catch {
    // It is no JSON.
  }
  if (status === 413) return new ServiceError("payload_too_large");
  return new ServiceError(status === 429 ? "rate_limited" : status < 500 ? "bad_request" : "internal_error");
}

// RFC 6266: filename* goes before filename. As browsers save it: they replace what some systems do not allow.
function fileName(disposition) {
  const extended = disposition?.match(/filename\*=UTF-8''([^;]+)/i);
  const name = decoded(extended?.[1]) ?? disposition?.match(/filename="([^"]*)"/i)?.[1] ?? "file";
  return name.trim().replace(/[\\/:*?"<>|~]/g, "_");
}

function decoded(text) {
  try {
    return text && decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
