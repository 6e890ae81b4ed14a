// SPDX-License-Identifier: Apache-2.0
// Encrypts and decrypts age files with the npm package age-encryption: node age.mjs < JOBS
//
// JOBS is a list in JSON, so that no key is among the arguments:
//   {"do": "encrypt", "in": PATH, "out": PATH, "armor": BOOLEAN, "recipients": [AGE1, ...]}
//   {"do": "encrypt", ..., "passphrase": TEXT, "work_factor": LOG2}
//   {"do": "decrypt", "in": PATH, "out": PATH, "identities": [TEXT, ...], "passphrases": [TEXT, ...]}
// Prints a list with what went wrong in each, or null. A file to decrypt may be armored.
import { readFileSync, writeFileSync } from "node:fs";
import { importPackage } from "./npm.mjs";

const { Decrypter, Encrypter, armor } = await importPackage("age-encryption");

async function encrypt(job, plaintext) {
  const encrypter = new Encrypter();
  for (const recipient of job.recipients ?? []) {
    encrypter.addRecipient(recipient);
  }
  if (job.passphrase !== undefined) {
    encrypter.setPassphrase(job.passphrase);
    encrypter.setScryptWorkFactor(job.work_factor);
  }
  const file = await encrypter.encrypt(plaintext);
  return job.armor ? armor.encode(file) : file;
}

async function decrypt(job, file) {
  const decrypter = new Decrypter();
  for (const identity of job.identities ?? []) {
    decrypter.addIdentity(identity);
  }
  for (const passphrase of job.passphrases ?? []) {
    decrypter.addPassphrase(passphrase);
  }
  const isBinary = file.subarray(0, 4).toString("latin1") === "age-";
  return await decrypter.decrypt(isBinary ? file : armor.decode(file.toString("latin1")));
}

const doers = { encrypt, decrypt };
const problems = [];
for (const job of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    writeFileSync(job.out, await doers[job.do](job, readFileSync(job.in)));
    problems.push(null);
  } catch (error) {
    problems.push(String(error));
  }
}
console.log(JSON.stringify(problems));
