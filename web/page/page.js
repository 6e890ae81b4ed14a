// SPDX-License-Identifier: Apache-2.0
// The page: two forms, and a card for each file that they send.
import { LARGE_BYTES, ServiceError, decrypt, encrypt, findKey, findRecipients, largestFile } from "./service.js";

const byId = (id) => document.getElementById(id);
const cards = new Set();

// --- Words and numbers

function sizeText(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (bytes >= 999.5 && unit < units.length - 1) {
    bytes /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || bytes >= 99.5 ? 0 : 1;
  return `${bytes.toFixed(digits)} ${bytes === 1 && unit === 0 ? "byte" : units[unit]}`;
}

function timeText(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

// For those who listen to the page.
function announce(text) {
  byId("status").textContent = text;
}

// No control character gets to a terminal, where it may end the line that it is pasted into.
function shellWord(name) {
  const word = (name.startsWith("-") ? `./${name}` : name).replace(/\p{Cc}/gu, "_");
  return /^[\w./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

// How fast it goes, by the last few seconds.
class Pace {
  samples = [];

  add(bytes) {
    const now = performance.now() / 1000;
    this.samples.push([now, bytes]);
    while (this.samples.length > 2 && now - this.samples[0][0] > 4) this.samples.shift();
  }

  get bytesPerSecond() {
    const [from, to] = [this.samples[0], this.samples.at(-1)];
    return to && to[0] - from[0] > 0.2 ? (to[1] - from[1]) / (to[0] - from[0]) : 0;
  }
}

// --- A card: one file on its way

class Card {
  // texts: {title, finished, suggested}; work(transfer) resolves with what came back; show(result) adds to the card.
  constructor(list, file, texts, work, show) {
    Object.assign(this, { file, texts, work, show });
    this.element = byId("job").content.firstElementChild.cloneNode(true);
    this.part = {};
    for (const part of this.element.querySelectorAll("[data-part]")) this.part[part.dataset.part] = part;
    this.part.title.textContent = texts.title;
    this.part.bar.setAttribute("aria-label", texts.title);
    this.part.numbers.textContent = "Waits for its turn";
    this.part.cancel.onclick = () => this.cancel();
    this.part.remove.onclick = () => this.remove();
    this.aborter = new AbortController();
    this.isRunning = true;
    this.keyIsKept = true;
    cards.add(this);
    list.append(this.element);
  }

  cancel() {
    this.aborter.abort();
    if (!this.pace) this.fail(this.aborter.signal.reason);
  }

  async run() {
    if (!this.isRunning) return; // it was cancelled while it waited
    this.pace = new Pace();
    this.shownAt = 0;
    this.quarter = 0;
    try {
      if (this.file.size >= LARGE_BYTES) await this.choosePlace();
      announce(this.texts.title);
      const { signal } = this.aborter;
      const writable = this.handle && (() => this.handle.createWritable());
      this.finish(await this.work({ signal, writable, onProgress: (progress) => this.progress(progress) }));
    } catch (error) {
      await this.fail(error);
    }
  }

  // Where the browser can, it asks where a large file is to go, and the file goes there without a stop in memory.
  async choosePlace() {
    while (window.showSaveFilePicker && !this.handle) {
      try {
        this.handle = await window.showSaveFilePicker({ suggestedName: this.texts.suggested });
      } catch (error) {
        // It was dismissed, or has to be asked for by a click. Otherwise it does not work here.
        if (error.name !== "AbortError" && error.name !== "SecurityError") return;
        await this.placeIsAskedFor();
      }
    }
  }

  placeIsAskedFor() {
    const { place, numbers } = this.part;
    numbers.textContent = "A large file: it is saved while it arrives";
    place.hidden = false;
    return new Promise((resolve, reject) => {
      place.onclick = resolve;
      this.aborter.signal.addEventListener("abort", () => reject(this.aborter.signal.reason), { once: true });
    }).finally(() => { place.hidden = true; });
  }

  progress({ isSending, bytes, total, overall }) {
    const { bar, numbers } = this.part;
    const now = performance.now();
    const isEnd = bytes === total;
    if (now - this.shownAt < 100 && !isEnd) return;
    this.shownAt = now;
    this.pace.add(overall.bytes);
    const fraction = overall.total > 0 ? overall.bytes / overall.total : 0;
    const rate = this.pace.bytesPerSecond;
    bar.value = fraction;
    numbers.textContent = isSending && isEnd
      ? `${sizeText(total)} sent: the server is busy with it`
      : `${isSending ? "Sending" : "Receiving"}: ${sizeText(bytes)} of ${sizeText(total)}`
        + (rate > 0 ? `, ${sizeText(rate)}/s, ${timeText((overall.total - overall.bytes) / rate)} left` : "");
    if (fraction < 1 && Math.floor(fraction * 4) > this.quarter) {
      this.quarter = Math.floor(fraction * 4);
      announce(`${this.texts.title}: ${this.quarter * 25} %`);
    }
  }

  finish(result) {
    this.part.title.textContent = this.texts.finished;
    if (result.blob) {
      this.url = URL.createObjectURL(result.blob);
      Object.assign(this.part.download, { href: this.url, download: result.name, hidden: false });
      this.part.download.textContent = `Download ${result.name} (${sizeText(result.bytes)})`;
    } else {
      this.part.saved.hidden = false;
      this.part.saved.textContent = `Saved as ${this.handle.name} (${sizeText(result.bytes)})`;
      result.name = this.handle.name;
    }
    this.part.done.hidden = false;
    this.element.classList.add("finished");
    this.show(this, result);
    this.end();
    announce(this.texts.finished);
  }

  async fail(error) {
    const isCancelled = error.name === "AbortError";
    if (!isCancelled && !(error instanceof ServiceError)) console.error(error);
    this.part.title.textContent = isCancelled ? `${this.file.name}: cancelled` : `${this.file.name}: this did not work`;
    this.end();
    this.part.failure.hidden = false;
    this.part.failure.textContent = isCancelled ? "Nothing was saved."
      : error instanceof ServiceError ? error.message : new ServiceError("internal_error").message;
    await this.forgetPlace().catch(() => {});
  }

  // Where the file was to go is an empty file, or one that was there before and stays.
  async forgetPlace() {
    if (this.handle && (await this.handle.getFile()).size === 0) await this.handle.remove?.();
  }

  end() {
    const hadFocus = this.element.contains(document.activeElement);
    this.isRunning = false;
    this.part.running.hidden = true;
    this.part.cancel.hidden = true;
    this.part.remove.hidden = false;
    if (hadFocus) this.part.title.focus();
  }

  // With it go the key and the file.
  remove() {
    if (!this.keyIsKept && !window.confirm("The key was neither copied nor saved. Without it nobody can open the file. "
      + "Remove it all the same?")) return;
    const neighbour = this.element.nextElementSibling ?? this.element.previousElementSibling;
    const next = neighbour?.querySelector("h3") ?? this.element.closest("section").querySelector("input");
    URL.revokeObjectURL(this.url);
    this.part.key.value = "";
    this.element.remove();
    cards.delete(this);
    next.focus();
  }
}

// One file of a form at a time.
function queue(form, card) {
  form.last = (form.last ?? Promise.resolve()).then(() => card.run());
}

function save(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

// Whether it could.
async function copy(input) {
  try {
    await navigator.clipboard.writeText(input.value);
    return true;
  } catch { // without TLS there is no clipboard but this
    input.select();
    return document.execCommand("copy");
  }
}

function showKey(card, key, name) {
  const { secret, "key-label": label, key: input, copy: copyButton, "save-key": saveButton } = card.part;
  showKey.count = (showKey.count ?? 0) + 1;
  secret.hidden = false;
  input.value = key;
  input.id = `key-${showKey.count}`;
  label.htmlFor = input.id;
  label.textContent = `Key of ${name}`;
  input.onfocus = () => input.select();
  card.keyIsKept = false;
  copyButton.onclick = async () => {
    const isCopied = await copy(input);
    card.keyIsKept ||= isCopied;
    copyButton.textContent = isCopied ? "Copied" : "Press Ctrl+C";
    announce(isCopied ? "The key is copied." : "The key is selected: press Ctrl+C to copy it.");
    setTimeout(() => { copyButton.textContent = "Copy the key"; }, 3000);
  };
  saveButton.onclick = () => {
    save(`${name}.key`, `${key}\n`);
    card.keyIsKept = true;
  };
}

function showElsewhere(card, format, { name, key }) {
  const original = card.file.name;
  card.part.elsewhere.hidden = false;
  if (format === "age") {
    const identity = key ? `${name}.key` : "identity.txt";
    card.part.program.textContent = "With the program age, and the key in a file:";
    card.part.lines.textContent = "sudo apt install age    # or: brew install age\n"
      + `age -d -i ${shellWord(identity)} -o ${shellWord(original)} ${shellWord(name)}`;
  } else {
    const [to, keyFile, from] = [original, `${name}.key`, name].map((text) => JSON.stringify(text));
    card.part.program.textContent = "With Python and its package cryptography, and the key in a file:";
    card.part.lines.textContent = "from cryptography.fernet import Fernet\n"
      + `open(${to}, "wb").write(Fernet(open(${keyFile}).read()).decrypt(open(${from}, "rb").read()))`;
  }
}

function addEncryption(file, options) {
  const suggested = options.format === "age" ? `${file.name}.age` : `encrypted_${file.name}`;
  const texts = { title: `Encrypting ${file.name}`, finished: `${file.name} is encrypted`, suggested };
  const show = (card, result) => {
    if (result.key) showKey(card, result.key, result.name);
    card.part["no-key"].hidden = Boolean(result.key);
    showElsewhere(card, options.format, result);
  };
  const card = new Card(byId("encrypt-jobs"), file, texts, (transfer) => encrypt(file, options, transfer), show);
  queue(byId("encrypt"), card);
}

function addDecryption(file, key) {
  const suggested = file.name.match(/^encrypted_(.+)$/)?.[1] ?? file.name.match(/^(.+)\.age$/)?.[1]
    ?? `decrypted_${file.name}`;
  const texts = { title: `Decrypting ${file.name}`, finished: `${file.name} is decrypted`, suggested };
  const card = new Card(byId("decrypt-jobs"), file, texts, (transfer) => decrypt(file, key, transfer), () => {});
  queue(byId("decrypt"), card);
}

// --- The forms

// Says what is wrong with a form, by the field that it is about; with "" that nothing is.
function complain(form, text, field) {
  const problem = form.querySelector("[data-problem]");
  for (const marked of form.querySelectorAll("[aria-invalid]")) marked.removeAttribute("aria-invalid");
  problem.hidden = !text;
  problem.textContent = text;
  if (!text) return;
  for (let box = field.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
  field.setAttribute("aria-invalid", "true");
  field.focus();
}

function setFiles(input, files) {
  const transfer = new DataTransfer();
  for (const file of files) transfer.items.add(file);
  input.files = transfer.files;
  showChosen(input);
}

// What was sent leaves its field, but not what was chosen meanwhile.
function clearFiles(input, sent) {
  if (input.files.length === sent.length && sent.every((file, i) => file === input.files[i])) setFiles(input, []);
}

// The browser names one file by itself, of several it tells only how many.
function showChosen(input) {
  const list = input.form.querySelector("[data-chosen]");
  const files = [...input.files];
  const lines = files.slice(0, 10).map((file) => `${file.name}, ${sizeText(file.size)}`);
  if (files.length > 10) lines.push(`and ${files.length - 10} more`);
  list.hidden = files.length < 2;
  list.replaceChildren(...lines.map((line) => Object.assign(document.createElement("li"), { textContent: line })));
}

// Files that are dropped on a section go to its form. A drop elsewhere must not replace the page.
function takeDrops(form, take) {
  const section = form.closest("section");
  const mark = (isOver) => section.classList.toggle("over", isOver);
  section.addEventListener("dragover", () => mark(true));
  section.addEventListener("dragleave", (event) => { if (!section.contains(event.relatedTarget)) mark(false); });
  section.addEventListener("drop", (event) => {
    mark(false);
    if (event.dataTransfer.files.length > 0) take([...event.dataTransfer.files]);
  });
}

// One submission at a time, though the server is asked something first.
function onSubmit(form, submit) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.isBusy) return;
    form.isBusy = true;
    await submit(form).finally(() => { form.isBusy = false; });
  });
}

// Refuses what the server would refuse after the whole upload.
async function assertSizes(files) {
  const limit = await largestFile();
  const large = files.find((file) => file.size > limit);
  if (!large) return;
  const sentence = `The limit here is ${sizeText(limit)}, and ${large.name} has more.`;
  throw new ServiceError("payload_too_large", sentence);
}

async function submitEncryption(form) {
  const [input, text, recipients] = ["encrypt-file", "encrypt-text", "recipients"].map(byId);
  const chosen = [...input.files];
  const typed = text.value;
  const files = [...chosen];
  if (typed) files.push(new File([typed], "text.txt", { type: "text/plain" }));
  if (files.length === 0) return complain(form, new ServiceError("missing_file").message, input);

  const options = { format: new FormData(form).get("format"), armor: false, recipients: [] };
  if (options.format === "age") {
    options.armor = byId("armor").checked;
    try {
      options.recipients = findRecipients(recipients.value);
    } catch (error) {
      return complain(form, error.message, recipients);
    }
  }
  try {
    await assertSizes(files);
  } catch (error) {
    return complain(form, error.message, input);
  }
  complain(form, "");
  clearFiles(input, chosen);
  if (text.value === typed) text.value = "";
  for (const file of files) addEncryption(file, options);
}

async function submitDecryption(form) {
  const [input, field] = ["decrypt-file", "key"].map(byId);
  const [file] = input.files;
  const key = findKey(field.value);
  if (!file) return complain(form, new ServiceError("missing_file").message, input);
  if (!key) return complain(form, new ServiceError(field.value.trim() ? "invalid_key" : "missing_key").message, field);
  try {
    await assertSizes([file]);
  } catch (error) {
    return complain(form, error.message, input);
  }
  complain(form, "");
  clearFiles(input, [file]);
  addDecryption(file, key);
}

// The key in a file; "" if it is no file with a key.
async function keyIn(file) {
  if (file.size > 64 * 1024) return "";
  return findKey(await file.text().catch(() => ""));
}

async function takeKeyFile(form, file) {
  const key = await keyIn(file);
  if (!key) {
    return complain(form, `There is no key in ${file.name}. Choose the file that was saved with the key.`, byId("key"));
  }
  complain(form, "");
  byId("key").value = key;
  announce("The key is in its field.");
}

function startEncryption() {
  const form = byId("encrypt");
  const input = byId("encrypt-file");
  const showAge = () => { byId("age-options").hidden = new FormData(form).get("format") !== "age"; };
  input.multiple = true;
  byId("encrypt-file-label").textContent = "Drop files here, or choose them";
  input.addEventListener("change", () => showChosen(input));
  for (const choice of form.elements.format) choice.addEventListener("change", showAge);
  showAge(); // a browser may remember what was chosen
  onSubmit(form, submitEncryption);
  takeDrops(form, (files) => {
    setFiles(input, files);
    complain(form, "");
    form.querySelector("[type=submit]").focus();
  });
}

function startDecryption() {
  const form = byId("decrypt");
  const keyFile = byId("key-file");
  keyFile.addEventListener("change", async () => {
    if (keyFile.files.length > 0) await takeKeyFile(form, keyFile.files[0]);
    keyFile.value = "";
  });
  onSubmit(form, submitDecryption);
  takeDrops(form, async (files) => {
    complain(form, "");
    for (const file of files) {
      if (await keyIn(file)) await takeKeyFile(form, file);
      else setFiles(byId("decrypt-file"), [file]);
    }
    (byId("key").value ? form.querySelector("[type=submit]") : byId("key")).focus();
  });
}

for (const element of document.querySelectorAll("[data-script]")) element.hidden = false;
byId("clear-text").hidden = window.isSecureContext;
byId("address").textContent = new URL(".", document.baseURI).href;
for (const type of ["dragover", "drop"]) document.addEventListener(type, (event) => event.preventDefault());
window.addEventListener("beforeunload", (event) => {
  if (![...cards].some((card) => card.isRunning || !card.keyIsKept)) return;
  event.preventDefault();
  event.returnValue = true; // Chromium before 119 goes by this alone
});
startEncryption();
startDecryption();
