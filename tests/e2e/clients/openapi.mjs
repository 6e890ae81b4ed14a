// SPDX-License-Identifier: Apache-2.0
// Validates documents against the schema of OpenAPI: node openapi.mjs < DOCUMENTS
//
// DOCUMENTS is a list in JSON. Prints a list of what is wrong with each: a list of texts. Each is looked at twice,
// as it is and with what its references lead to in their place: so one has to lead to something, and to something
// that may stand there.
import { text } from "node:stream/consumers";
import { importPackage } from "./npm.mjs";

const { Validator } = await importPackage("@seriousme/openapi-schema-validator");

const validator = new Validator(); // it keeps the schema of OpenAPI, compiled

async function problemsOf(document) {
  const { valid, errors } = await validator.validate(document);
  return valid ? [] : [errors].flat().map((error) => JSON.stringify(error));
}

async function validate(document) {
  const problems = await problemsOf(document);
  return problems.length > 0 ? problems : await problemsOf(validator.resolveRefs());
}

const found = [];
for (const document of JSON.parse(await text(process.stdin))) {
  found.push(await validate(document));
}
console.log(JSON.stringify(found));
