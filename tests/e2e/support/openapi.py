# SPDX-License-Identifier: Apache-2.0
"""web/openapi.json: what it says of an operation, requests that are made of its examples, and
whether an answer is as it says."""

import gzip
import json
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from jsonschema import Draft202012Validator

from support.forms import BOUNDARY, FORM, form, part
from support.tls import PROJECT

SOURCE = PROJECT / "web" / "openapi.json"
CLIENT = Path(__file__).resolve().parents[1] / "clients" / "openapi.mjs"
METHODS = ("get", "head", "post", "put", "delete", "options", "patch", "trace")
# What HTTP has for itself, in any answer.
OF_HTTP = {"connection", "content-length", "content-type", "date", "server", "transfer-encoding"}


def validate(documents):
    """What the validator from npm has against each."""
    done = subprocess.run(["node", CLIENT], input=json.dumps(documents).encode(),
                          capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def expanded(node, root):
    """The same with what a reference leads to in its place."""
    if isinstance(node, list):
        return [expanded(item, root) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" not in node:
        return {name: expanded(value, root) for name, value in node.items()}
    target = root
    for name in node["$ref"].removeprefix("#/").split("/"):
        target = target[name.replace("~1", "/").replace("~0", "~")]
    return expanded(target, root)


@dataclass
class Request:
    method: str
    target: str
    headers: list = field(default_factory=list)
    body: bytes = None

    def over(self, server, transport):
        return transport.exchange(server, self.method, self.target, self.headers, self.body)


class Operation:
    def __init__(self, path, method, item, content):
        self.path, self.method = path, method.upper()
        self.parameters = {(parameter["in"], parameter["name"]): parameter for parameter in
                           item.get("parameters", []) + content.get("parameters", [])}
        self.responses = content["responses"]
        self.request_content = content.get("requestBody", {}).get("content", {})
        self.id = content["operationId"]

    @property
    def query(self):
        return {name: parameter for (place, name), parameter in self.parameters.items()
                if place == "query"}

    @property
    def key(self):
        """The parameter that is the key of a file."""
        return self.parameters.get(("header", "Encryption-Key"))

    def response(self, status):
        return self.responses.get(str(status), self.responses["default"])

    def request(self, query="", name=None, media_type=None):
        """A good request, made of the document's examples. name: of the example of the body, and of
        its key."""
        path = re.sub(r"\{(\w+)\}", lambda m: self.parameters["path", m[1]]["example"], self.path)
        request = Request(self.method, path + query)
        if self.request_content:
            media_type = media_type or next(iter(self.request_content))
            examples = self.request_content[media_type]["examples"]
            name = name or next(iter(examples))
            body = examples.get(name, next(iter(examples.values())))["value"]
            if media_type == "multipart/form-data":
                request.headers.append(("Content-Type", FORM + BOUNDARY))
                request.body = form(*[part(value.encode(), name=field)
                                      for field, value in body.items()])
            else:
                request.headers.append(("Content-Type", media_type))
                request.body = body.encode()
        if self.key and self.key.get("required"):
            request.headers.append(("Encryption-Key", self.key["examples"][name]["value"]))
        return request


class Contract:
    def __init__(self, document):
        self.document = document
        content = expanded(document, document)
        self.info, self.components = content["info"], content["components"]
        self.operations = [Operation(path, method, item, item[method])
                           for path, item in content["paths"].items()
                           for method in METHODS if method in item]

    def operation(self, method, target):
        """The one that answers to it, None if that is not in the document."""
        path = target.partition("?")[0]
        for operation in self.operations:
            pattern = "[^?]*".join(map(re.escape, re.split(r"\{\w+\}", operation.path)))
            if operation.method == method and re.fullmatch(pattern, path):
                return operation
        return None

    def responses(self):
        """Every one of the document."""
        yield from self.components["responses"].values()
        for operation in self.operations:
            yield from operation.responses.values()

    def response_with(self, code):
        """One that may have this error."""
        return next(response for response in self.responses() if code in codes_of(response))


def media_types(response):
    return response.get("content", {})


def error_examples(response):
    content = media_types(response).get("application/json", {})
    return [example["value"] for example in content.get("examples", {}).values()
            if "code" in example["value"]]


def codes_of(response):
    return {example["code"] for example in error_examples(response)}


def without_numbers(error):
    """An error without what is not always the same in its sentence."""
    sentence = re.sub(r"(The limit (here|of such a page) is ).*", r"\1", error["error"])
    return {**error, "error": re.sub(r" The faulty one is number \d+\.", "", sentence)}


def assert_valid(value, schema):
    problems = [f"{error.json_path}: {error.message}"
                for error in Draft202012Validator(schema).iter_errors(value)]
    assert not problems, problems


def assert_answers(answer, method, response):
    """An answer is as the document says, headers, content type and body, and has nothing else."""
    assert answer.complete
    _assert_headers(answer, response.get("headers", {}))
    content = media_types(response)
    if method == "HEAD" or not content:
        assert answer.body == b""
        return
    media_type = answer.header("Content-Type").split(";")[0]
    assert media_type in content, f"{media_type} is not documented"
    is_packed = answer.header("Content-Encoding") == "gzip"
    _assert_body(gzip.decompress(answer.body) if is_packed else answer.body, media_type,
                 content[media_type]["schema"])
    if answer.status >= 400 and media_type == "application/json":
        error = without_numbers(answer.json())
        assert error in map(without_numbers, error_examples(response)), f"not documented: {error}"
    elif answer.status >= 400:
        assert any(code in answer.body.decode() for code in codes_of(response)), answer.body


def _assert_body(body, media_type, schema):
    if media_type == "application/json":
        value = json.loads(body)
        assert_valid(value, schema)
        for kind in schema.get("oneOf", [schema]):
            if Draft202012Validator(kind).is_valid(value):
                _assert_no_more(value, kind)
    elif schema.get("format") != "binary":
        assert_valid(body.decode(), schema)


def _assert_no_more(value, schema):
    """Clients may meet members that the document does not have. Here there are none."""
    properties = schema.get("properties")
    if properties is not None:
        assert set(value) <= set(properties), f"not documented: {set(value) - set(properties)}"
        for name, item in value.items():
            _assert_no_more(item, properties[name])


def _assert_headers(answer, documented):
    names = {name.lower() for name, _ in answer.headers}
    missing = {name for name, header in documented.items()
               if header.get("required") and name.lower() not in names}
    assert not missing, f"not sent: {missing}"
    unknown = names - OF_HTTP - {name.lower() for name in documented}
    assert not unknown, f"not documented: {unknown}"
    for name, header in documented.items():
        value = answer.header(name)
        if value is not None:
            is_number = header["schema"].get("type") == "integer"
            assert_valid(int(value) if is_number else value, header["schema"])
