# SPDX-License-Identifier: Apache-2.0
"""/openapi.json and the service say the same: every operation, parameter, status, header, body and
example of the document is held against answers, and what the service does is in the document."""

import copy
import gzip
import html
import json
import re
from collections import defaultdict

import pytest
from jsonschema import Draft202012Validator

from support import openapi, transports
from support.openapi import Contract, Request, assert_answers, assert_valid, media_types
from support.raw_http import RawClient, request
from support.tls import PROJECT
from support.transports import HTTP_1_1
from test_error_table import ADDED, CASES, LOCATION
from test_error_table import ask as ask_case
from test_info import version_of_the_build

API = (PROJECT / "docs" / "http-api.md").read_text()
SOURCE = Contract(json.loads(openapi.SOURCE.read_text()))  # to name the tests: see the first one
BODY_LIMIT = 40_960
HTTP_3_0 = transports.Http1("http/3.0", version="HTTP/3.0")
PAGE = ("Accept", "text/html")
OCTETS = ("Content-Type", "application/octet-stream")
GOOD = [(operation.id, status) for operation in SOURCE.operations
        for status in operation.responses]


@pytest.fixture(scope="module")
def server(make_module_server):
    added = ADDED + "location /418 { return 418; }\n"
    return make_module_server(body_limit="40k", edits=[(LOCATION, added + LOCATION)])


@pytest.fixture(scope="module")
def contract(server):
    return Contract(get(server).json())


@pytest.fixture(scope="module")
def busy_server(make_module_server):
    """One that has as many requests of this address as it takes."""
    server = make_module_server(connections_per_address=1)
    with RawClient(server.port) as client:
        client.send(request("PUT", "/encrypt_file", [("Expect", "100-continue"),
                                                     ("Content-Length", "1")]))
        assert client.socket.recv(100).startswith(b"HTTP/1.1 100 ")
        yield server


def get(server, *headers, method="GET", transport=HTTP_1_1):
    return Request(method, "/openapi.json", list(headers)).over(server, transport)


def ask(server, contract, request, transport=HTTP_1_1):
    """Sends it and returns the answer, which is as the document says."""
    answer = request.over(server, transport)
    operation = contract.operation(request.method, request.target)
    assert_answers(answer, request.method, operation.response(answer.status))
    return answer


def good(operation, **options):
    request = operation.request(**options)
    if operation.path == "/":
        request.headers.append(PAGE)
    return request


# How the document is served.


def test_the_document_that_is_served_is_that_of_the_sources(server):
    assert get(server).body == openapi.SOURCE.read_bytes()


@transports.each()
def test_it_is_served_over_every_transport_with_an_etag(server, transport):
    answer = get(server, transport=transport)
    assert (answer.status, answer.header("Content-Type")) == (200, "application/json")
    again = get(server, ("If-None-Match", answer.header("ETag")), transport=transport)
    assert (again.status, again.body) == (304, b"")


def test_it_is_compressed_for_who_takes_that(server):
    plain, packed = get(server), get(server, ("Accept-Encoding", "gzip"))
    assert packed.header("Content-Encoding") == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert packed.header("ETag") != plain.header("ETag")
    assert get(server, ("Accept-Encoding", "gzip"),
               ("If-None-Match", packed.header("ETag"))).status == 304


# The document by itself.


def broken(document):
    """Documents that are not valid, each in another way."""
    for damage in (
        lambda d: d.pop("info"),
        lambda d: d["paths"]["/info"]["get"]["responses"].update({"200": {}}),
        lambda d: d["paths"]["/info"]["get"]["responses"].update({"2000": {"description": "x"}}),
        lambda d: d["components"]["parameters"]["Format"].update({"in": "body"}),
        lambda d: d["components"]["responses"].pop("Busy"),
        lambda d: d["paths"]["/info"]["get"]["responses"].update(
            {"200": {"$ref": "#/components/headers/Allow"}}),
    ):
        changed = copy.deepcopy(document)
        damage(changed)
        yield changed


def test_it_is_valid_and_the_validator_finds_what_is_not(contract):
    own, *others = openapi.validate([contract.document, *broken(contract.document)])
    assert own == []
    assert all(others), others


def test_its_schemas_are_valid(contract):
    for schema in contract.components["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_it_uses_each_of_its_components(contract):
    text = json.dumps(contract.document)
    unused = [f"#/components/{kind}/{name}" for kind, items in contract.components.items()
              for name in items if f'"#/components/{kind}/{name}"' not in text]
    assert unused == []


def test_it_names_each_operation_once(contract):
    names = [operation.id for operation in contract.operations]
    assert len(set(names)) == len(names)


def test_it_has_the_version_of_the_build(server, contract):
    info = Request("GET", "/info").over(server, HTTP_1_1).json()
    assert contract.info["version"] == version_of_the_build() == info["version"]
    example = media_types(contract.operation("GET", "/info").response(200))["application/json"]
    assert example["examples"]["as_shipped"]["value"]["version"] == info["version"]


def test_its_examples_conform_to_their_schemas(contract):
    described = [media for response in contract.responses()
                 for media in media_types(response).values()]
    for operation in contract.operations:
        described += [*operation.request_content.values(), *operation.parameters.values()]
    n_examples = 0
    for item in described:
        values = [example["value"] for example in item.get("examples", {}).values()]
        if "example" in item:
            values.append(item["example"])
        for value in values:
            assert_valid(value, item["schema"])
        n_examples += len(values)
    assert n_examples > 100


# Every operation and status.


def change(request, query="", target=None, header=None, **changes):
    request.target = target or request.target
    if query:
        request.target += ("&" if "?" in request.target else "?") + query
    request.headers += [header] if header else []
    for name, value in changes.items():
        setattr(request, name, value)
    return request


def ask_again(request, server):
    etag = request.over(server, HTTP_1_1).header("ETag")
    return change(request, header=("If-None-Match", etag))


# For each status, what makes a good request one that gets it. 505 is a default here.
PROVOKED = {
    "200": lambda request, server: request,
    "204": lambda request, server: request,
    "304": ask_again,
    "400": lambda request, server: change(request, query="x=1"),
    "404": lambda request, server: change(request, target="/page/nothing"),
    "413": lambda request, server: change(request, body=bytes(BODY_LIMIT + 1)),
    "415": lambda request, server: change(request, header=("Content-Encoding", "gzip")),
    "422": lambda request, server: change(request, body=b"x"),
    "429": lambda request, server: request,
    "501": lambda request, server: change(request, header=("Transfer-Encoding", "gzip"), body=None),
    "default": lambda request, server: request,
}
# Those that take a service that cannot do its work. Other tests provoke them; here their answers
# are seen at paths of their own.
ELSEWHERE = {"500", "503", "507"}


@pytest.mark.parametrize("name, status", GOOD)
def test_every_status_of_every_operation_is_real(request, server, contract, name, status):
    if status in ELSEWHERE:
        return
    [operation] = [operation for operation in contract.operations if operation.id == name]
    assert status in PROVOKED, f"no request here gets a {status}"
    asked = PROVOKED[status](good(operation, media_type=OCTETS[1]), server)
    if status == "429":
        server = request.getfixturevalue("busy_server")
    answer = ask(server, contract, asked, HTTP_3_0 if status == "default" else HTTP_1_1)
    assert answer.status == (505 if status == "default" else int(status))


@pytest.mark.parametrize("status", ["200", "400", "413", "415", "429", "501"])
def test_a_form_that_asks_for_a_page_gets_one_of_the_same_status(request, server, contract, status):
    operation = contract.operation("POST", "/encrypt_file")
    asked = PROVOKED[status](operation.request("?answer=page"), server)
    if status == "429":
        server = request.getfixturevalue("busy_server")
    answer = ask(server, contract, asked)
    assert answer.status == int(status)
    assert answer.header("Content-Type") == "text/html; charset=utf-8"
    unsent = set(operation.response(status)["headers"]) - {name for name, _ in answer.headers}
    assert unsent <= {"Content-Disposition", "Encryption-Key"}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_error_of_the_table_is_documented_where_it_occurs(server, contract, case):
    transport = case.only[0]
    with transport.connect(server) as client:
        answer = ask_case(transport, client, case)
    operation = contract.operation(case.method, case.target)
    response = operation.response(answer.status) if operation else contract.response_with(case.code)
    assert answer.status == case.status
    assert_answers(answer, case.method, response)


@pytest.mark.parametrize("method, target, code", [
    ("GET", "/418", "bad_request"), ("DELETE", "/info", "method_not_allowed")])
def test_what_has_no_operation_gets_an_error_that_any_may_get(server, contract, method, target,
                                                              code):
    answer = Request(method, target).over(server, HTTP_1_1)
    assert_answers(answer, method, contract.components["responses"]["AnyError"])
    assert answer.json()["code"] == code
    assert (answer.header("Allow") is not None) == (answer.status == 405)


def test_clear_text_to_tls_is_an_error_that_any_request_may_get(server, contract):
    with RawClient(server.tls_port) as client:
        client.send(request("GET", "/info"))
        answer = client.read_response()
    assert answer.status == 400
    assert_answers(answer, "GET", contract.operation("GET", "/info").response(400))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_too_many_requests_is_an_error_that_any_request_may_get(busy_server, contract, method):
    answer = ask(busy_server, contract, Request(method, "/info"))
    assert (answer.status, answer.header("Retry-After")) == (429, "1")


# What a query may have wrong, besides the cases of the table.
BAD_QUERIES = {
    "encrypt_file": [],
    "decrypt_file": ["?ttl=1&ttl=1", "?ttl=%zz"],
    "generate_key": ["?format=x", "?format=age&format=age", "?format=%zz"],
}
# Those that nginx finds in any request; and what takes a larger file (test_answer_page.py).
ELSEWHERE_TOO = {"bad_request", "bad_request_clear_text", "payload_too_large_page"}


def kind_of(target):
    return re.match(r"/(\w*)", target)[1]


def bad_requests(operation):
    """Those of the table's cases that are bad ones of this operation too, and some more."""
    kind, target = kind_of(operation.path), operation.request().target
    for case in CASES.values():
        is_form = any(name == "Content-Type" for name, _ in case.headers)
        is_akin = kind_of(case.target) == kind or (is_form and kind == "decrypt_file")
        if not is_akin or HTTP_1_1 not in case.only or (is_form and operation.method != "POST"):
            continue
        headers = [*case.headers, *([] if is_form else [OCTETS])]
        if is_form and kind == "decrypt_file":
            headers.append(("Encryption-Key", operation.key["examples"]["fernet"]["value"]))
        _, question, query = case.target.partition("?")
        yield Request(operation.method, target + question + query, headers, case.body)
    for query in BAD_QUERIES[kind]:
        yield operation.request(query)
    for header in (("Content-Range", "bytes 0-0/2"), ("Content-Encoding", "gzip")):
        yield change(operation.request(), header=header)
    yield change(operation.request(), body=bytes(BODY_LIMIT + 1))


def ask_with_early_end(server, contract, operation):
    asked = change(operation.request(), header=("content-length", "1000"))
    with transports.H2C.connect(server) as client:
        answer = client.exchange(asked.method, asked.target, asked.headers, asked.body,
                                 declared=False)
    assert_answers(answer, asked.method, operation.response(answer.status))
    return answer


def test_every_error_that_an_operation_names_is_real(server, contract):
    for operation in contract.operations:
        if operation.method not in ("POST", "PUT"):
            continue
        bodies = [ask(server, contract, asked).body for asked in bad_requests(operation)]
        if operation.request_content:
            bodies.append(ask_with_early_end(server, contract, operation).body)
        text = html.unescape(b"".join(bodies).decode("utf-8", "replace"))
        for status in {"400", "413", "415", "422"} & set(operation.responses):
            media = media_types(operation.responses[status])["application/json"]
            for name, example in media["examples"].items():
                sentence = openapi.without_numbers(example["value"])["error"]
                assert name in ELSEWHERE_TOO or sentence in text, (operation.id, name)


def errors_of_the_source():
    """The table of enc_ngx_errors.c."""
    source = (PROJECT / "src" / "nginx" / "enc_ngx_errors.c").read_text()
    rows = re.findall(r'\[ENC_NGX_ERROR_\w+\] =\s*\{(\d+), "(\w+)",\s*((?:"[^"]*"\s*)+)\}', source)
    assert len(rows) == source.count("[ENC_NGX_ERROR_")
    return sorted((status, code, "".join(re.findall(r'"([^"]*)"', texts)))
                  for status, code, texts in rows)


def test_its_errors_are_those_of_the_service_each_once(contract):
    examples = {name: example for name, example in contract.components["examples"].items()
                if "code" in example["value"]}
    found = []
    for name, example in examples.items():
        error = openapi.without_numbers(example["value"])
        status = re.match(r"(\d{3}|4XX): ", example["summary"])[1].replace("4XX", "400")
        found.append((status, error["code"], error["error"]))
        assert name.startswith(error["code"]), name
    assert sorted(found) == errors_of_the_source()


def test_an_example_of_an_error_has_the_status_of_its_response(contract):
    for operation in contract.operations:
        for status, response in operation.responses.items():
            for media in media_types(response).values():
                for name, example in media.get("examples", {}).items():
                    if "code" in example["value"] and status != "default":
                        assert example["summary"].startswith(status + ": "), (operation.id, name)


# What is good.


def example_requests(operation):
    """One for each example of a body, and of a key."""
    keys = operation.key["examples"] if operation.key else {}
    for media_type, media in operation.request_content.items():
        if "examples" not in media:
            continue
        for name in {**media["examples"], **keys}:
            if name in keys and not operation.key.get("required"):
                request = operation.request(f"?format={name}", name, media_type)
                request.headers.append(("Encryption-Key", keys[name]["value"]))
                yield request
            else:
                yield operation.request("", name, media_type)


def test_every_request_of_its_examples_is_good(server, contract):
    plaintext = contract.components["examples"]["file"]["value"].encode()
    n_requests = 0
    for operation in contract.operations:
        for asked in example_requests(operation):
            answer = ask(server, contract, asked)
            assert answer.status == 200, (operation.id, asked, answer.body)
            if operation.path.startswith("/decrypt"):
                assert answer.body == plaintext
            n_requests += 1
    assert n_requests >= 20


def age_query(contract):
    parameter = contract.operation("PUT", "/encrypt_file").query["recipient"]
    return "?format=age&recipient=" + parameter["example"][0]


def good_requests(contract):
    """For each operation, what shows all that its answer may be, and every value that a parameter
    may have."""
    page_files = [Request("GET", f"/page/{file.name}") for file in PROJECT.glob("web/page/*.*")]
    for operation in contract.operations:
        if operation.path == "/":
            yield operation, operation.request()
        if operation.method == "GET" and operation.path == "/page/{name}":
            yield from ((operation, request) for request in page_files)
        queries = {
            "encrypt_file": ["?format=fernet", "?format=age&armor=true", "?format=age&armor=false",
                             age_query(contract), age_query(contract) + "&armor=true"],
            "generate_key": ["?format=fernet", "?format=age"],
        }.get(operation.path.split("/")[1], []) if operation.method != "OPTIONS" else []
        if "answer" in operation.query:
            queries.append("?answer=page")
        for query in ["", *queries]:
            yield operation, good(operation, query=query)
        if ("query", "ttl") in operation.parameters:
            largest = operation.query["ttl"]["schema"]["maximum"]
            yield operation, operation.request(f"?ttl={largest}", "fernet")
            yield operation, operation.request("?release=verified-chunks", "age")
        if ("header", "If-None-Match") in operation.parameters:
            packed = good(operation)
            packed.headers.append(("Accept-Encoding", "gzip"))
            yield operation, packed


def test_all_that_a_good_answer_may_be_is_seen(server, contract):
    types, headers, targets = defaultdict(set), defaultdict(set), defaultdict(str)
    for operation, asked in good_requests(contract):
        answer = ask(server, contract, asked)
        assert answer.status in (200, 204), (asked, answer.body)
        types[operation.id].add((answer.header("Content-Type") or "").split(";")[0])
        headers[operation.id] |= {name for name, _ in answer.headers}
        targets[operation.id] += asked.target + "&"
    for operation in contract.operations:
        response = operation.responses.get("200") or operation.responses["204"]
        assert set(media_types(response)) <= types[operation.id], operation.id
        assert set(response.get("headers", {})) <= headers[operation.id], operation.id
        for name, parameter in operation.query.items():
            schema = parameter["schema"]
            values = schema.get("enum", ["true", "false"] if schema["type"] == "boolean" else [""])
            for value in values:
                assert f"{name}={value}" in targets[operation.id], operation.id


def test_the_most_recipients_that_it_names_are_taken_and_no_more(server, contract):
    operation = contract.operation("PUT", "/encrypt_file")
    schema = operation.query["recipient"]["schema"]
    recipient = operation.query["recipient"]["example"][0]
    for n, status in ((schema["maxItems"], 200), (schema["maxItems"] + 1, 400)):
        query = "?format=age" + f"&recipient={recipient}" * n
        assert ask(server, contract, operation.request(query)).status == status


def test_a_ttl_above_the_largest_that_it_names_is_refused(server, contract):
    operation = contract.operation("PUT", "/decrypt_file")
    above = operation.query["ttl"]["schema"]["maximum"] + 1
    assert ask(server, contract, operation.request(f"?ttl={above}")).status == 400


def test_keys_that_do_not_match_their_patterns_are_refused(server, contract):
    examples = contract.components["examples"]
    key, identity = (examples[name]["value"] for name in ("fernet_key", "age_identity"))
    encrypt = contract.operation("PUT", "/encrypt_file")
    for bad, query in ((key[:-2] + "h=", ""), (key[:-1], ""), (identity.lower(), "?format=age"),
                       (identity[:-1], "?format=age")):
        schema = contract.components["schemas"]["AgeIdentity" if query else "FernetKey"]
        assert not re.search(schema["pattern"], bad)
        asked = encrypt.request(query)
        asked.headers.append(("Encryption-Key", bad))
        assert ask(server, contract, asked).json()["code"] == "invalid_key"


# Nothing is missing.


def section(title):
    """Of docs/http-api.md, up to the next title."""
    return re.split(r"^#+ ", API.partition(f"# {title}\n")[2], 1, re.MULTILINE)[0]


def first_cells(text):
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)


def test_it_has_every_route_and_method_of_the_documentation_and_no_other(contract):
    rows = re.findall(r"^\| `(/[^`]*)` \| ([^|]*) \|", section("Routes"), re.MULTILINE)
    documented = {(path.replace("NAME", "{name}"), method)
                  for path, methods in rows for method in re.findall(r"`(\w+)`", methods)}
    assert documented == {(operation.path, operation.method) for operation in contract.operations}


def test_it_has_every_route_and_method_of_the_source_and_no_other(contract):
    source = (PROJECT / "src" / "nginx" / "enc_ngx_route.c").read_text()
    rows = re.findall(r'^    \{"(/[^"]*)", "\w+", [^"]*"([A-Z, ]+)"', source, re.MULTILINE)
    served = {(re.sub(r"(?<=.)/$", "/{name}", path), method)
              for path, allow in rows for method in allow.split(", ")}
    assert served == {(operation.path, operation.method) for operation in contract.operations}


@pytest.mark.parametrize("title, path", [("Options", "/encrypt_file"),
                                         ("Options of decryption", "/decrypt_file")])
def test_it_has_every_parameter_of_the_documentation_and_no_other(contract, title, path):
    documented = set(first_cells(section(title)))
    assert documented == set(contract.operation("POST", path).query)
    for operation in contract.operations:
        if operation.path.startswith(path) and operation.method == "PUT":
            assert set(operation.query) == documented - {"answer"}


def test_it_has_every_code_of_the_documentation_and_no_other(contract):
    documented = set(re.findall(r"^\| \d{3} \| `(\w+)` \|", API, re.MULTILINE))
    assert documented == set(contract.components["schemas"]["ErrorCode"]["enum"])
