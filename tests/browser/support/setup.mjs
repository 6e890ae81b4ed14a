// SPDX-License-Identifier: Apache-2.0
// What nearly every file of these tests begins with.
import { after } from "node:test";
import { launchBrowser } from "./browser.mjs";
import { startServer } from "./server.mjs";

// Ends at the end of the test t, or else of the file; a failure to end fails it.
export async function serverFor(t, settings, options) {
  const server = await startServer(settings, options);
  (t ?? { after }).after(() => server.stop());
  return server;
}

// A server and a browser for all tests of a file: { server, newPage }.
export async function serverAndBrowser(settings, options) {
  const [server, browser] = await Promise.all([serverFor(null, settings, options), launchBrowser()]);
  after(() => browser.close());
  return { server, newPage: browser.newPage };
}
