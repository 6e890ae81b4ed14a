// SPDX-License-Identifier: Apache-2.0
// Between a browser and the service: a connection that breaks.
import { once } from "node:events";
import { connect, createServer } from "node:net";

// Passes everything on, but cuts a connection on which more than n bytes came back. Gives { url }.
export async function cutAnswers(t, url, n) {
  const { hostname, port } = new URL(url);
  const relay = createServer((client) => {
    const service = connect(port, hostname);
    const end = () => { client.destroy(); service.destroy(); };
    let bytes = 0;
    client.on("error", end).on("close", end).pipe(service);
    service.on("error", end).on("data", (data) => {
      bytes += data.length;
      if (bytes <= n) client.write(data);
      else client.end();
    });
  });
  relay.listen(0, "127.0.0.1");
  await once(relay, "listening");
  t.after(() => relay.close());
  return { url: `http://127.0.0.1:${relay.address().port}` };
}
