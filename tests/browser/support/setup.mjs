// SPDX-License-Identifier: Apache-2.0
// What nearly every file of these tests begins with.
import { after } from "node:test";
import { endPages, launchBrowser } from "./browser.mjs";
import { startServer } from "./server.mjs";

// Ends at the end of the test t, or else of the file; a failure to end fails it.
export async function serverFor(t, settings, options) {
  const server = await startServer(settings, options);
  if (t) t.after(() => endPages(t).finally(server.stop));
  else after(server.stop);
  return server;
}

// A server and a browser for all tests of a file: { server, newPage }.
export async function serverAndBrowser(settings, options) {
  const [server, browser] = await Promise.all([startServer(settings, options), launchBrowser()]);
  after(() => browser.close().finally(server.stop));
  return { server, newPage: browser.newPage };
}
