# SPDX-License-Identifier: Apache-2.0
"""multipart/form-data, written by hand."""

from support.raw_http import request

BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
FORM = "multipart/form-data; boundary="


def part(data=b"", name="file", filename="file.txt", content_type="text/plain"):
    disposition = f'Content-Disposition: form-data; name="{name}"'
    if filename is not None:
        disposition += f'; filename="{filename}"'
    lines = [disposition]
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + data


def form(*parts, boundary=BOUNDARY, close=True):
    delimiter = b"--" + boundary.encode()
    body = b"".join(delimiter + b"\r\n" + p + b"\r\n" for p in parts)
    return body + delimiter + b"--\r\n" if close else body


def post_form(*parts, target="/encrypt_file", headers=(), boundary=BOUNDARY):
    """The bytes of a whole POST of a form."""
    content_type = ("Content-Type", FORM + boundary)
    return request("POST", target, [content_type, *headers], form(*parts, boundary=boundary))
