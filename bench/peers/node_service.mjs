// SPDX-License-Identifier: Apache-2.0
// A peer for the benchmarks: Node with busboy. It streams: the token leaves while the form arrives.
// A form's field `file` comes back as a Fernet token, its key in the header Encryption-Key.
//
//     node node_service.mjs PORT FOLDER_OF_NODE_MODULES
import { createCipheriv, createHmac, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { Transform } from "node:stream";

const [port, packages] = process.argv.slice(2);
const busboy = createRequire(`${packages}/`)("busboy");

// base64 of the URL's alphabet, of what comes in pieces of any size.
class Base64url {
    #carry = Buffer.alloc(0);

    update(bytes) {
        const all = this.#carry.length > 0 ? Buffer.concat([this.#carry, bytes]) : bytes;
        const n = all.length - (all.length % 3);
        this.#carry = Buffer.from(all.subarray(n));
        return all.toString("base64url", 0, n);
    }

    final() {
        const text = this.#carry.toString("base64url");
        return text + "=".repeat((4 - (text.length % 4)) % 4);
    }
}

class FernetEncryptor extends Transform {
    #base64 = new Base64url();
    #cipher;
    #mac;

    constructor(key) {
        super({ readableHighWaterMark: 256 * 1024, writableHighWaterMark: 256 * 1024 });
        const header = Buffer.alloc(25);
        header[0] = 0x80;
        header.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000)), 1);
        randomBytes(16).copy(header, 9);
        this.#cipher = createCipheriv("aes-128-cbc", key.subarray(16), header.subarray(9));
        this.#mac = createHmac("sha256", key.subarray(0, 16)).update(header);
        this.push(this.#base64.update(header), "latin1");
    }

    #write(ciphertext) {
        this.#mac.update(ciphertext);
        return this.#base64.update(ciphertext);
    }

    _transform(bytes, encoding, done) {
        done(null, Buffer.from(this.#write(this.#cipher.update(bytes)), "latin1"));
    }

    _flush(done) {
        const end = this.#write(this.#cipher.final()) + this.#base64.update(this.#mac.digest());
        done(null, Buffer.from(end + this.#base64.final(), "latin1"));
    }
}

function encryptFile(request, response) {
    const form = busboy({ headers: request.headers });
    form.on("file", (name, file) => {
        if (name !== "file") {
            file.resume();
            return;
        }
        const key = randomBytes(32);
        response.writeHead(200, {
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Disposition": 'attachment; filename="encrypted_file.txt"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Encryption-Format": "fernet",
            "Encryption-Key": `${key.toString("base64url")}=`,
        });
        file.pipe(new FernetEncryptor(key)).pipe(response);
    });
    form.on("close", () => {
        if (!response.headersSent)
            response.writeHead(400).end('{"error": "The form has no file.", "code": "missing_file"}');
    });
    request.pipe(form);
}

const server = createServer({ requestTimeout: 0 }, (request, response) => {
    if (request.method === "POST" && request.url === "/encrypt_file")
        encryptFile(request, response);
    else
        response.writeHead(404).end();
});
server.listen(Number(port), "127.0.0.1");
