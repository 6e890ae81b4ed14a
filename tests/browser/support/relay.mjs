// SPDX-License-Identifier: Apache-2.0
// Between a browser and the service: a connection that breaks.
import { once } from "node:events";
import { connect, createServer } from "node:net";

// Passes everything on, but cuts a connection on which more than n bytes came back. Gives { url }.
export async function cutAnswers(t, url, n) {
  const { protocol, hostname, port } = new URL(url);
  const relay = createServer((client) => {
    const service = connect(port, hostname);
    const end = () => { client.destroy(); service.destroy(); };
    let bytes = 0;
    client.on("error", end).on("close", end).pipe(service);
    service.on("error", end).on("data", (data) => {
      bytes += data.length;
      if (bytes <= n) client.write(data);
      else end();
    });
  });
  relay.listen(0, hostname);
  await once(relay, "listening");
  t.after(() => relay.close());
  return { url: `${protocol}//${hostname}:${relay.address().port}` };
}
