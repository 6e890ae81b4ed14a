// SPDX-License-Identifier: Apache-2.0
// Pages of somebody else's, on an origin of their own.
import { once } from "node:events";
import { createServer } from "node:http";

const escapes = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
export const escapeHtml = (text) => text.replace(/[&<>"]/g, (character) => escapes[character]);

// As the first users' pages have it. action: a URL.
export const formPage = (action) => `<!DOCTYPE html>
<html lang="en"><title>A form</title>
<form action="${escapeHtml(action)}" method="post" enctype="multipart/form-data">
<input type="file" name="file"><button>Encrypt</button>
</form>
`;

const types = { js: "text/javascript", css: "text/css" };

// pages: from a path to its text, or to a function of the URL that gives it; null cuts the
// connection. What is posted anywhere is read to its end. Gives { url, close() }.
export async function servePages(pages, headers = {}) {
  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://localhost");
    const page = pages[url.pathname];
    if (request.method === "POST") {
      request.resume().once("end", () => response.end());
    } else if (page === undefined) {
      // Browsers ask for an icon by themselves.
      response.writeHead(url.pathname === "/favicon.ico" ? 204 : 404).end();
    } else {
      const text = typeof page === "function" ? page(url) : page;
      if (text === null) return request.socket.destroy();
      const type = types[url.pathname.split(".")[1]] ?? "text/html";
      response.writeHead(200, { "Content-Type": `${type}; charset=utf-8`, ...headers }).end(text);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  server.unref(); // a test that fails to close it ends all the same
  const close = async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  };
  return { url: `http://127.0.0.1:${server.address().port}`, close };
}
