// SPDX-License-Identifier: Apache-2.0
// Bodies as real clients send them, and what has to be read from them.
#ifndef MULTIPART_BODIES_H
#define MULTIPART_BODIES_H

#include <stddef.h>

#define CRLF "\r\n"
#define DISPOSITION "Content-Disposition: form-data; "
#define TEXT "Content-Type: text/plain" CRLF
#define BINARY "Content-Type: application/octet-stream" CRLF

#define WEBKIT "----WebKitFormBoundary7MA4YWxkTrZu0gW"
#define GECKO "---------------------------9051914041544843365972754266"
#define GECKO_NEW "----geckoformboundary5f1d0e0d2a3b4c5d6e7f8091a2b3c4d5"
#define CURL "------------------------d74496d66958873e"
#define REQUESTS "2f1c8b0a9d3e4f5061728394a5b6c7d8"
#define GO "c1d2e3f405162738495a6b7c8d9eaf0b1c2d3e4f5061728394a5b6c7d8e9"
#define UNDICI "----formdata-undici-012345678901"
#define FORM_DATA "--------------------------012345678901234567890123"
#define DOTNET "5ad1c9b3-7f0e-4c2a-9d1b-0e8f7a6b5c4d"
#define OKHTTP "3c9a2b1e-1f2d-4a5b-8c7d-6e5f4a3b2c1d"

// A part is "[file NAME]", "[file]" if it has no file name, or "[field]"; then its data; "[end]".
struct multipart_body {
    const char *client, *boundary, *body, *expected;
};

// clang-format off
static const struct multipart_body multipart_bodies[] = {
    {"Chrome", WEBKIT,
     "--" WEBKIT CRLF DISPOSITION "name=\"file\"; filename=\"notes.txt\"" CRLF TEXT CRLF
     "line one\r\nline two\r\n" CRLF "--" WEBKIT "--" CRLF,
     "[file notes.txt]line one\r\nline two\r\n[end][done]"},
    {"Chrome, a quote and a line end in the name", WEBKIT,
     "--" WEBKIT CRLF DISPOSITION "name=\"file\"; filename=\"a%22b%0D%0A100%25%2F.txt\"" CRLF TEXT CRLF
     "x" CRLF "--" WEBKIT "--" CRLF,
     "[file a\"b\r\n100%25%2F.txt]x[end][done]"},
    {"Chrome, fields before and after", WEBKIT,
     "--" WEBKIT CRLF DISPOSITION "name=\"title\"" CRLF CRLF "My file" CRLF
     "--" WEBKIT CRLF DISPOSITION "name=\"file\"; filename=\"a.bin\"" CRLF BINARY CRLF
     "\x01\xff-\r-\n--" CRLF
     "--" WEBKIT CRLF DISPOSITION "name=\"go\"" CRLF CRLF "" CRLF "--" WEBKIT "--" CRLF,
     "[field]My file[end][file a.bin]\x01\xff-\r-\n--[end][field][end][done]"},
    {"Chrome, nothing chosen", WEBKIT,
     "--" WEBKIT CRLF DISPOSITION "name=\"file\"; filename=\"\"" CRLF BINARY CRLF CRLF
     "--" WEBKIT "--" CRLF,
     "[file ][end][done]"},
    {"Safari, UTF-8 in the name", WEBKIT,
     "--" WEBKIT CRLF DISPOSITION "name=\"file\"; filename=\"re\xcc\x81sume\xcc\x81.pdf\"" CRLF
     "Content-Type: application/pdf" CRLF CRLF "%PDF-1.7" CRLF "--" WEBKIT "--" CRLF,
     "[file re\xcc\x81sume\xcc\x81.pdf]%PDF-1.7[end][done]"},
    {"Firefox", GECKO,
     "--" GECKO CRLF DISPOSITION "name=\"file\"; filename=\"a;b=c.txt\"" CRLF TEXT CRLF
     "-----------------------------9051" CRLF "--" GECKO "--" CRLF,
     "[file a;b=c.txt]-----------------------------9051[end][done]"},
    {"Firefox, old, a quote in the name", GECKO,
     "--" GECKO CRLF DISPOSITION "name=\"file\"; filename=\"a\\\"b.txt\"" CRLF TEXT CRLF
     "\r\n" CRLF "--" GECKO "--" CRLF,
     "[file a\"b.txt]\r\n[end][done]"},
    {"Firefox, new", GECKO_NEW,
     "--" GECKO_NEW CRLF DISPOSITION "name=\"file\"; filename=\"a.txt\"" CRLF TEXT CRLF
     "abc" CRLF "--" GECKO_NEW "--" CRLF,
     "[file a.txt]abc[end][done]"},
    {"Internet Explorer, a whole path", GECKO,
     "--" GECKO CRLF DISPOSITION "name=\"file\"; filename=\"C:\\Users\\x\\y.txt\"" CRLF TEXT CRLF
     "abc" CRLF "--" GECKO "--" CRLF,
     "[file C:\\Users\\x\\y.txt]abc[end][done]"},
    {"curl, old", CURL,
     "--" CURL CRLF DISPOSITION "name=\"file\"; filename=\"a\\\"b\\\\c.txt\"" CRLF TEXT CRLF
     "abc\n" CRLF "--" CURL "--" CRLF,
     "[file a\"b\\c.txt]abc\n[end][done]"},
    {"curl, new", "------------------------8xqLkZ0fN3vYwR2mT5bHcJ",
     "--------------------------8xqLkZ0fN3vYwR2mT5bHcJ" CRLF
     DISPOSITION "name=\"file\"; filename=\"a%22b.txt\"" CRLF TEXT CRLF
     "abc\n" CRLF "--------------------------8xqLkZ0fN3vYwR2mT5bHcJ--" CRLF,
     "[file a\"b.txt]abc\n[end][done]"},
    {"curl, -F file=<-", CURL,
     "--" CURL CRLF DISPOSITION "name=\"file\"" CRLF CRLF "from a pipe" CRLF "--" CURL "--" CRLF,
     "[file]from a pipe[end][done]"},
    {"Python requests", REQUESTS,
     "--" REQUESTS CRLF DISPOSITION "name=\"file\"; filename=\"path/to/your/file.txt\"" CRLF TEXT CRLF
     "some text" CRLF "--" REQUESTS "--" CRLF,
     "[file path/to/your/file.txt]some text[end][done]"},
    {"Python requests, a backslash and UTF-8", REQUESTS,
     "--" REQUESTS CRLF DISPOSITION "name=\"file\"; filename=\"na\xc3\xafve\\\\%22.txt\"" CRLF CRLF
     "x" CRLF "--" REQUESTS "--" CRLF,
     "[file na\xc3\xafve\\\".txt]x[end][done]"},
    {"Python requests, old urllib3", REQUESTS,
     "--" REQUESTS CRLF DISPOSITION "name*=utf-8''%C3%A9t%C3%A9" CRLF CRLF "1" CRLF
     "--" REQUESTS CRLF DISPOSITION "name=\"file\"; filename*=utf-8''na%C3%AFve.txt" CRLF CRLF
     "x" CRLF "--" REQUESTS "--" CRLF,
     "[field]1[end][file na\xc3\xafve.txt]x[end][done]"},
    {"Go", GO,
     "--" GO CRLF DISPOSITION "name=\"file\"; filename=\"a\\\"b.txt\"" CRLF BINARY CRLF
     "package main\n" CRLF "--" GO "--" CRLF,
     "[file a\"b.txt]package main\n[end][done]"},
    {"Node, undici", UNDICI,
     "--" UNDICI CRLF DISPOSITION "name=\"x\"" CRLF CRLF "1" CRLF
     "--" UNDICI CRLF DISPOSITION "name=\"file\"; filename=\"blob\"" CRLF BINARY CRLF
     "abc" CRLF "--" UNDICI "--",
     "[field]1[end][file blob]abc[end][done]"},
    {"Node, form-data", FORM_DATA,
     "--" FORM_DATA CRLF DISPOSITION "name=\"file\"; filename=\"a.json\"" CRLF
     "Content-Type: application/json" CRLF CRLF "{}" CRLF "--" FORM_DATA "--" CRLF,
     "[file a.json]{}[end][done]"},
    {".NET, tokens", DOTNET,
     "--" DOTNET CRLF TEXT DISPOSITION "name=file; filename=a.txt; filename*=utf-8''%e2%82%ac.txt" CRLF
     CRLF "abc" CRLF "--" DOTNET "--" CRLF,
     "[file \xe2\x82\xac.txt]abc[end][done]"},
    {"OkHttp", OKHTTP,
     "--" OKHTTP CRLF "content-disposition: form-data; name=\"file\"; filename=\"a.txt\"" CRLF
     "Content-Transfer-Encoding: binary" CRLF "Content-Length: 3" CRLF CRLF "abc" CRLF
     "--" OKHTTP "--" CRLF,
     "[file a.txt]abc[end][done]"},
    {"a form in which nothing was filled in", WEBKIT, "--" WEBKIT "--" CRLF, "[done]"},
    {"preamble, epilogue, white space", "simple boundary",
     "This is the preamble.\r\n--simple boundaries are not it\r\n" CRLF "--simple boundary \t" CRLF
     DISPOSITION "name=file" CRLF CRLF "body" CRLF "--simple boundary--  " CRLF
     "The epilogue." CRLF "--simple boundary" CRLF CRLF "is not read",
     "[file]body[end][done]"},
    {"one form in another", "outer",
     "--outer" CRLF DISPOSITION "name=\"file\"; filename=\"in.txt\"" CRLF
     "Content-Type: multipart/mixed; boundary=outer-in" CRLF CRLF
     "--outer-in" CRLF CRLF "a" CRLF "--outer-in--" CRLF CRLF "--outer--" CRLF,
     "[file in.txt]--outer-in" CRLF CRLF "a" CRLF "--outer-in--" CRLF "[end][done]"},
    {"empty parts whose empty line is the delimiter's", "b",
     "--b" CRLF DISPOSITION "name=file" CRLF CRLF "--b" CRLF DISPOSITION "name=x" CRLF CRLF "--b--",
     "[file][end][field][end][done]"},
    {"not closed", "b", "--b" CRLF DISPOSITION "name=file" CRLF CRLF "abc" CRLF "--b" CRLF,
     "[file]abc[end][truncated_body]"},
    {"closed, but for a line feed", "b",
     "--b" CRLF DISPOSITION "name=file" CRLF CRLF "abc" CRLF "--b--\r", "[file]abc[truncated_body]"},
    {"a part without headers", "b", "--b" CRLF CRLF "abc" CRLF "--b--",
     "[part_headers_malformed]"},
    {"not a form at all", "b", "Hello, world.\r\n", "[truncated_body]"},
    {"nothing", "b", "", "[truncated_body]"},
};
// clang-format on

#define N_MULTIPART_BODIES (sizeof(multipart_bodies) / sizeof(multipart_bodies[0]))

#endif
