// SPDX-License-Identifier: Apache-2.0
// What nearly every file of these tests begins with.
import { after } from "node:test";
import { endPages, launchBrowser } from "./browser.mjs";
import { startServer } from "./server.mjs";

const browsers = [];
const servers = []; // that last as long as the file

// nginx waits for the connections of a browser: that goes first.
after(async () => {
  await Promise.allSettled(browsers.map((browser) => browser.close()));
  const results = await Promise.allSettled(servers.map((server) => server.stop()));
  const failure = results.find(({ status }) => status === "rejected");
  if (failure) throw failure.reason;
});

// Ends at the end of the test t, or else of the file; a failure to end fails it.
export async function serverFor(t, settings, options) {
  const server = await startServer(settings, options);
  if (t) t.after(() => endPages(t).finally(server.stop));
  else servers.push(server);
  return server;
}

// A server and a browser for all tests of a file: { server, newPage }.
export async function serverAndBrowser(settings, options) {
  const [server, browser] = await Promise.all([serverFor(null, settings, options), launchBrowser()]);
  browsers.push(browser);
  return { server, newPage: browser.newPage };
}
