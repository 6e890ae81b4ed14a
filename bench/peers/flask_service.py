# SPDX-License-Identifier: Apache-2.0
"""A peer for the benchmarks: what one would write first, with Flask and the package cryptography. A
form's field `file` comes back as a Fernet token, its key in the header Encryption-Key."""

from cryptography.fernet import Fernet
from flask import Flask, Response, jsonify, request

app = Flask(__name__)


@app.post("/encrypt_file")
def encrypt_file():
    file = request.files.get("file")
    if file is None:
        return jsonify(error="The form has no file.", code="missing_file"), 400
    key = Fernet.generate_key()
    token = Fernet(key).encrypt(file.read())
    return Response(token, content_type="text/plain; charset=utf-8", headers={
        "Content-Disposition": 'attachment; filename="encrypted_file.txt"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Encryption-Format": "fernet",
        "Encryption-Key": key.decode(),
    })
