// SPDX-License-Identifier: Apache-2.0
// The one table of HTTP errors, and the header and body filter that answer with it.
//
// A filter, and not error_page: it also sees the errors of requests that have no URI yet (a request
// line that is none), which nginx cannot redirect anywhere.
#include "enc_ngx.h"

static const struct {
    ngx_int_t status;
    const char *code;
    const char *sentence; // plain ASCII without quotes or backslashes: it goes into JSON as it is
} errors[] = {
    [ENC_NGX_ERROR_BOUNDARY_MISSING] =
        {400, "malformed_multipart",
         "The Content-Type multipart/form-data has no boundary: let your HTTP library write this "
         "header, or add boundary=... to it."},
    [ENC_NGX_ERROR_BOUNDARY_INVALID] =
        {400, "malformed_multipart",
         "The boundary in Content-Type is not valid: use 1 to 70 letters, digits or dashes."},
    [ENC_NGX_ERROR_PART_HEADERS_MALFORMED] =
        {400, "malformed_multipart",
         "A part of the form has malformed headers: each part needs a line like "
         "Content-Disposition: form-data; name=file; filename=NAME, then an empty line."},
    [ENC_NGX_ERROR_PART_HEADERS_TOO_LARGE] =
        {400, "malformed_multipart",
         "The headers of a part of the form are too large: keep them under 8192 bytes."},
    [ENC_NGX_ERROR_TOO_MANY_PARTS] =
        {400, "malformed_multipart",
         "The form has too many parts: send the file alone, in one part named file."},
    [ENC_NGX_ERROR_MISSING_FILE] =
        {400, "missing_file",
         "The form has no file: choose one, and send it in a part named file."},
    [ENC_NGX_ERROR_TOO_MANY_FILES] =
        {400, "too_many_files",
         "The form has more than one part named file: send one file a request."},
    [ENC_NGX_ERROR_TRUNCATED_FORM] =
        {400, "truncated_body",
         "The form ended before its closing boundary: send the whole body again."},
    [ENC_NGX_ERROR_TRUNCATED_BODY] =
        {400, "truncated_body",
         "The body ended before its Content-Length: send the whole body again."},
    [ENC_NGX_ERROR_URLENCODED] = {415, "unsupported_media_type",
                                  "A urlencoded form cannot carry a file: send multipart/form-data "
                                  "with a part named file, or "
                                  "the file itself as application/octet-stream."},
    [ENC_NGX_ERROR_INVALID_KEY] = {400, "invalid_key",
                                   "The Encryption-Key header is not a Fernet key: send it once, "
                                   "as 44 characters of base64url that end with =, or leave it "
                                   "out to have a key made. An age identity takes format=age."},
    [ENC_NGX_ERROR_INVALID_IDENTITY] =
        {400, "invalid_key",
         "The Encryption-Key header is not an age identity: send it once, as AGE-SECRET-KEY-1..., "
         "or leave it out to have one made. A recipient, age1..., goes into the parameter "
         "recipient."},
    [ENC_NGX_ERROR_INVALID_RECIPIENT] =
        {400, "invalid_recipient",
         "A recipient is not valid: send age1..., the public half of an age identity, as "
         "age-keygen -y prints it."},
    [ENC_NGX_ERROR_OTHER_FORMATS_KEY] =
        {400, "invalid_key",
         "The Encryption-Key header is a key of the other format than the file: send 44 characters "
         "of base64url for a Fernet token, AGE-SECRET-KEY-1... for an age file."},
    [ENC_NGX_ERROR_OTHER_FORMATS_OPTION] =
        {400, "invalid_parameter",
         "The parameter ttl is for Fernet tokens, and release for age files: leave out the one "
         "that does not go with the key."},
    [ENC_NGX_ERROR_UNRECOGNIZED_FORMAT] = {422, "unrecognized_format",
                                           "The file is neither a Fernet token nor an age file: "
                                           "send it as /encrypt_file gave it."},
    [ENC_NGX_ERROR_DECRYPTION_FAILED] =
        {422, "decryption_failed",
         "The file does not decrypt with this key: check that the key belongs to it, and that it "
         "is whole and as it was."},
    [ENC_NGX_ERROR_TOKEN_EXPIRED] = {422, "token_expired",
                                     "The token is older than ttl, or more than a minute from the "
                                     "future: get a new one, or send a larger ttl, or none."},
    [ENC_NGX_ERROR_PASSPHRASE] = {422, "passphrase_not_supported",
                                  "The file is encrypted with a passphrase, and nobody can try "
                                  "those here: decrypt it with the program age."},
    [ENC_NGX_ERROR_MISSING_KEY] =
        {400, "missing_key",
         "The request has no Encryption-Key header: send the key of the file in it, 44 characters "
         "of base64url for a Fernet token, AGE-SECRET-KEY-1... for an age file."},
    [ENC_NGX_ERROR_NO_KEY_OF_ANY_FORMAT] =
        {400, "invalid_key",
         "The Encryption-Key header is no key: send it once, as 44 characters of base64url that "
         "end with = for a Fernet token, or as AGE-SECRET-KEY-1... for an age file."},
    [ENC_NGX_ERROR_INVALID_TTL] = {400, "invalid_parameter",
                                   "The parameter ttl is not a number of seconds: write it in "
                                   "digits, such as ttl=3600."},
    [ENC_NGX_ERROR_INVALID_RELEASE] = {400, "invalid_parameter",
                                       "The parameter release is not known: use "
                                       "release=verified-chunks, or leave it out."},
    [ENC_NGX_ERROR_INVALID_ANSWER] = {400, "invalid_parameter",
                                      "The parameter answer is not known: use answer=page, or "
                                      "leave it out."},
    [ENC_NGX_ERROR_PAGE_WITHOUT_FORM] =
        {400, "invalid_parameter",
         "The parameter answer=page is for forms: POST multipart/form-data with a part named file, "
         "or leave it out and find the key in the header Encryption-Key."},
    [ENC_NGX_ERROR_TOO_LARGE_FOR_PAGE] =
        {413, "payload_too_large",
         "The file is too large for a page with its key in it: switch JavaScript on in your "
         "browser, or send it without answer=page. The limit of such a page is "},
    [ENC_NGX_ERROR_CONTENT_RANGE] = {400, "bad_request",
                                     "A request with Content-Range would send a part of a file: "
                                     "send the whole file without that header."},
    [ENC_NGX_ERROR_CONTENT_ENCODING] = {415, "unsupported_media_type",
                                        "A body with a Content-Encoding is not taken: send the "
                                        "file as it is, without that header."},
    [ENC_NGX_ERROR_UNKNOWN_PARAMETER] =
        {400, "unknown_parameter",
         "The query has a parameter that is not known here: /encrypt_file takes format, armor, "
         "recipient and answer, /decrypt_file takes ttl and release, and /generate_key takes "
         "format."},
    [ENC_NGX_ERROR_REPEATED_PARAMETER] = {400, "invalid_parameter",
                                          "A query parameter is given twice: give each one once."},
    [ENC_NGX_ERROR_MALFORMED_PARAMETER] =
        {400, "invalid_parameter",
         "A query parameter is malformed: write NAME=VALUE, percent-encoded."},
    [ENC_NGX_ERROR_UNKNOWN_FORMAT] =
        {400, "unknown_format",
         "The format is not known: use format=fernet or format=age, or leave it out for fernet."},
    [ENC_NGX_ERROR_INVALID_ARMOR] = {400, "invalid_parameter",
                                     "The parameter armor is neither true nor false: use "
                                     "armor=true for text, or leave it out."},
    [ENC_NGX_ERROR_TOO_MANY_RECIPIENTS] =
        {400, "invalid_parameter",
         "There are too many recipients: send at most 20, or make one identity that they share."},
    [ENC_NGX_ERROR_AGE_PARAMETER] =
        {400, "invalid_parameter",
         "The parameters recipient and armor are for age, and this is Fernet: add format=age, or "
         "leave them out."},
    [ENC_NGX_ERROR_KEY_AND_RECIPIENT] =
        {400, "invalid_parameter",
         "The request has recipients and an Encryption-Key: send only one of them, and better the "
         "recipients."},
    [ENC_NGX_ERROR_BAD_REQUEST] = {400, "bad_request",
                                   "This is not a well-formed HTTP request: check the request "
                                   "line, the headers and the length."},
    [ENC_NGX_ERROR_CLEAR_TEXT] = {400, "bad_request",
                                  "This port speaks TLS, and the request came in clear text: use "
                                  "https."},
    [ENC_NGX_ERROR_UNAUTHORIZED] =
        {401, "unauthorized", "Access takes credentials: send them, or ask who runs this service."},
    [ENC_NGX_ERROR_FORBIDDEN] = {403, "forbidden",
                                 "Access from here is not allowed: ask who runs this service."},
    [ENC_NGX_ERROR_NOT_FOUND] = {404, "not_found",
                                 "There is nothing at this path: POST a file to /encrypt_file or "
                                 "/decrypt_file, or PUT it to "
                                 "/encrypt_file/NAME or /decrypt_file/NAME."},
    [ENC_NGX_ERROR_METHOD_NOT_ALLOWED] =
        {405, "method_not_allowed",
         "This path does not take this method: the Allow header lists those that it takes."},
    [ENC_NGX_ERROR_PAYLOAD_TOO_LARGE] =
        {413, "payload_too_large",
         "The request body is too large: send a smaller file. The limit here is "},
    [ENC_NGX_ERROR_URI_TOO_LONG] = {414, "uri_too_long",
                                    "The request line is too long: use a shorter path and query."},
    [ENC_NGX_ERROR_RATE_LIMITED] = {429, "rate_limited",
                                    "Too many requests from here: wait a moment and try again."},
    [ENC_NGX_ERROR_HEADERS_TOO_LARGE] =
        {431, "headers_too_large",
         "The request headers are too large: send fewer or shorter ones."},
    [ENC_NGX_ERROR_OTHER_CLIENT] = {400, "bad_request",
                                    "The request was refused: see its status for why."},
    [ENC_NGX_ERROR_INTERNAL] = {500, "internal_error",
                                "The service failed: nothing was kept, please try again."},
    [ENC_NGX_ERROR_NOT_IMPLEMENTED] =
        {501, "not_implemented",
         "The Transfer-Encoding is not known: use chunked, or send a Content-Length."},
    [ENC_NGX_ERROR_OVERLOADED] = {503, "overloaded",
                                  "The service is busy: wait a moment and try again."},
    [ENC_NGX_ERROR_HTTP_VERSION] = {505, "http_version_not_supported",
                                    "This HTTP version is not supported: use HTTP/1.1."},
    [ENC_NGX_ERROR_INSUFFICIENT_STORAGE] =
        {507, "insufficient_storage", "The service has no room for this file: try again later."},
};

#define N_ERRORS (sizeof(errors) / sizeof(errors[0]))

static ngx_http_output_header_filter_pt next_header_filter;
static ngx_http_output_body_filter_pt next_body_filter;

enum enc_ngx_error enc_ngx_error_of_status(enum enc_status status)
{
    switch (status) {
    case ENC_BOUNDARY_MISSING:
        return ENC_NGX_ERROR_BOUNDARY_MISSING;
    case ENC_BOUNDARY_INVALID:
        return ENC_NGX_ERROR_BOUNDARY_INVALID;
    case ENC_PART_HEADERS_MALFORMED:
        return ENC_NGX_ERROR_PART_HEADERS_MALFORMED;
    case ENC_PART_HEADERS_TOO_LARGE:
        return ENC_NGX_ERROR_PART_HEADERS_TOO_LARGE;
    case ENC_TOO_MANY_PARTS:
        return ENC_NGX_ERROR_TOO_MANY_PARTS;
    case ENC_MISSING_FILE:
        return ENC_NGX_ERROR_MISSING_FILE;
    case ENC_TOO_MANY_FILES:
        return ENC_NGX_ERROR_TOO_MANY_FILES;
    case ENC_TRUNCATED_BODY:
        return ENC_NGX_ERROR_TRUNCATED_FORM;
    case ENC_UNSUPPORTED_MEDIA_TYPE:
        return ENC_NGX_ERROR_URLENCODED;
    case ENC_INVALID_KEY:
        return ENC_NGX_ERROR_INVALID_KEY;
    case ENC_INVALID_IDENTITY:
        return ENC_NGX_ERROR_INVALID_IDENTITY;
    case ENC_INVALID_RECIPIENT:
        return ENC_NGX_ERROR_INVALID_RECIPIENT;
    case ENC_OTHER_FORMATS_KEY:
        return ENC_NGX_ERROR_OTHER_FORMATS_KEY;
    case ENC_OTHER_FORMATS_OPTION:
        return ENC_NGX_ERROR_OTHER_FORMATS_OPTION;
    case ENC_UNRECOGNIZED_FORMAT:
        return ENC_NGX_ERROR_UNRECOGNIZED_FORMAT;
    // Nobody is told which: what an attacker learns from that is not worth what a user does.
    case ENC_FERNET_TOKEN:
    case ENC_FERNET_MAC:
    case ENC_FERNET_PADDING:
    case ENC_AGE_ARMOR:
    case ENC_AGE_HEADER:
    case ENC_AGE_HEADER_TOO_LARGE:
    case ENC_AGE_NO_MATCH:
    case ENC_AGE_HEADER_MAC:
    case ENC_AGE_PAYLOAD:
        return ENC_NGX_ERROR_DECRYPTION_FAILED;
    case ENC_FERNET_EXPIRED:
        return ENC_NGX_ERROR_TOKEN_EXPIRED;
    case ENC_AGE_NEEDS_PASSPHRASE:
        return ENC_NGX_ERROR_PASSPHRASE;
    case ENC_FILE_TOO_LARGE:
        return ENC_NGX_ERROR_TOO_LARGE_FOR_PAGE;
    case ENC_TAG_MISMATCH:
    case ENC_LOW_ORDER_POINT:
    case ENC_AGE_WORK_FACTOR:
    case ENC_FILE_CHANGED:
    case ENC_OK:
    case ENC_TOO_LARGE:
    case ENC_NO_MEMORY:
    case ENC_NO_RANDOM:
    case ENC_CRYPTO_FAILED:
    case ENC_MISUSE:
        break;
    }
    return ENC_NGX_ERROR_INTERNAL;
}

const char *enc_ngx_error_code(enum enc_ngx_error error)
{
    return errors[error].code;
}

// In HTTP/2 a client can end its body early, and still hear of it.
static bool has_ended_early(const ngx_http_request_t *r)
{
    off_t n_received = r->request_body ? r->request_body->received : 0;

    return r->stream && r->stream->in_closed && n_received < r->headers_in.content_length_n;
}

// nginx's own error, by the status that it answers with.
static enum enc_ngx_error error_of_nginx(const ngx_http_request_t *r)
{
    ngx_uint_t status = r->headers_out.status;

    if (status == NGX_HTTP_BAD_REQUEST && has_ended_early(r))
        return ENC_NGX_ERROR_TRUNCATED_BODY;
    if (status == NGX_HTTP_BAD_REQUEST && !r->connection->ssl && r->http_connection->ssl)
        return ENC_NGX_ERROR_CLEAR_TEXT;
    for (enum enc_ngx_error e = ENC_NGX_ERROR_BAD_REQUEST; e < N_ERRORS; e++) {
        if (errors[e].status == (ngx_int_t)status)
            return e;
    }
    return status < 500 ? ENC_NGX_ERROR_OTHER_CLIENT : ENC_NGX_ERROR_INTERNAL;
}

ngx_int_t enc_ngx_fail(ngx_http_request_t *r, enum enc_ngx_error error)
{
    struct enc_ngx_ctx *ctx = enc_ngx_ctx_get(r);
    if (!ctx)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    ctx->error = error;
    return errors[error].status;
}

// "16 GiB.", "1500 bytes.": in the largest unit that says it exactly.
static void print_limit(u_char *p, u_char *end, off_t bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;

    while (unit + 1 < sizeof(units) / sizeof(units[0]) && bytes >= 1024 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    *ngx_slprintf(p, end - 1, "%O %s.", bytes, units[unit]) = '\0';
}

// What a sentence ends with that is not always the same.
static void print_detail(ngx_http_request_t *r, const struct enc_ngx_ctx *ctx, u_char *p,
                         u_char *end)
{
    const ngx_http_core_loc_conf_t *clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    *p = '\0';
    if (ctx->error == ENC_NGX_ERROR_PAYLOAD_TOO_LARGE)
        print_limit(p, end, clcf->client_max_body_size);
    else if (ctx->error == ENC_NGX_ERROR_TOO_LARGE_FOR_PAGE)
        print_limit(p, end, ENC_NGX_PAGE_FILE_MAX);
    else if (ctx->error == ENC_NGX_ERROR_INVALID_RECIPIENT && ctx->error_number > 0)
        *ngx_slprintf(p, end - 1, " The faulty one is number %ui.", ctx->error_number) = '\0';
}

static ngx_int_t write_json(ngx_http_request_t *r, const struct enc_ngx_refusal *refusal,
                            ngx_str_t *ret_body)
{
    static const char form[] = "{\"error\": \"%s\", \"code\": \"%s\"}\n";
    size_t n_max = sizeof(form) + ngx_strlen(refusal->sentence) + ngx_strlen(refusal->code);

    ret_body->data = ngx_pnalloc(r->pool, n_max);
    if (!ret_body->data)
        return NGX_ERROR;
    u_char *end = ngx_slprintf(ret_body->data, ret_body->data + n_max, form, refusal->sentence,
                               refusal->code);
    ret_body->len = (size_t)(end - ret_body->data);
    ngx_str_set(&r->headers_out.content_type, "application/json");
    return NGX_OK;
}

static ngx_int_t write_page(ngx_http_request_t *r, const struct enc_ngx_refusal *refusal,
                            ngx_str_t *ret_body)
{
    r->headers_out.content_type = enc_ngx_page_content_type();
    return enc_ngx_page_refuse(r, refusal, ret_body);
}

// In JSON, or in HTML for who posted a form to have a page.
static ngx_int_t write_error_body(ngx_http_request_t *r, struct enc_ngx_ctx *ctx)
{
    u_char sentence[512], detail[64];
    struct enc_ngx_refusal refusal = {
        .error = ctx->error,
        .status = r->headers_out.status,
        .code = errors[ctx->error].code,
        .sentence = (const char *)sentence,
    };

    print_detail(r, ctx, detail, detail + sizeof(detail));
    *ngx_slprintf(sentence, sentence + sizeof(sentence) - 1, "%s%s", errors[ctx->error].sentence,
                  detail) = '\0';
    return enc_ngx_page_is_wanted(r) ? write_page(r, &refusal, &ctx->error_body)
                                     : write_json(r, &refusal, &ctx->error_body);
}

static ngx_int_t add_error_headers(ngx_http_request_t *r)
{
    if (enc_ngx_add_no_store(r) != NGX_OK)
        return NGX_ERROR;
    switch (r->headers_out.status) {
    case NGX_HTTP_NOT_ALLOWED:
        return enc_ngx_add_header(r, "Allow", enc_ngx_route_allow(&r->uri));
    case NGX_HTTP_TOO_MANY_REQUESTS:
    case NGX_HTTP_SERVICE_UNAVAILABLE:
        return enc_ngx_add_header(r, "Retry-After", "1");
    default:
        return NGX_OK;
    }
}

// The reason phrases that nginx lacks (RFC 9110, 15.5.21; RFC 6585, 5).
static void name_status(ngx_http_request_t *r)
{
    switch (r->headers_out.status) {
    case 422:
        ngx_str_set(&r->headers_out.status_line, "422 Unprocessable Content");
        break;
    case 431:
        ngx_str_set(&r->headers_out.status_line, "431 Request Header Fields Too Large");
        break;
    }
}

// Where nginx is about to send one of its error pages, announces our JSON instead.
static ngx_int_t error_header_filter(ngx_http_request_t *r)
{
    const struct enc_ngx_loc_conf *conf =
        ngx_http_get_module_loc_conf(r, ngx_http_encrypter_module);

    if (!conf->json_errors || r != r->main || r->err_status < NGX_HTTP_BAD_REQUEST)
        return next_header_filter(r);

    struct enc_ngx_ctx *ctx = enc_ngx_ctx_get(r);
    if (!ctx)
        return NGX_ERROR;
    if (ctx->error == ENC_NGX_ERROR_NONE)
        ctx->error = error_of_nginx(r);
    if (write_error_body(r, ctx) != NGX_OK || add_error_headers(r) != NGX_OK)
        return NGX_ERROR;

    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    name_status(r);
    ngx_http_clear_content_length(r);
    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);
    if (r->headers_out.content_encoding) { // of somebody else's error page
        r->headers_out.content_encoding->hash = 0;
        r->headers_out.content_encoding = NULL;
    }
    r->headers_out.content_length_n = (off_t)ctx->error_body.len;
    return next_header_filter(r);
}

// Swallows nginx's page and sends the JSON in its place, once.
static ngx_int_t error_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    struct enc_ngx_ctx *ctx = ngx_http_get_module_ctx(r, ngx_http_encrypter_module);
    ngx_chain_t out = {0};

    if (!in || !ctx || !ctx->error_body.data)
        return next_body_filter(r, in);
    for (ngx_chain_t *cl = in; cl; cl = cl->next)
        cl->buf->pos = cl->buf->last;
    if (ctx->error_body_sent)
        return NGX_OK;

    out.buf = ngx_calloc_buf(r->pool);
    if (!out.buf)
        return NGX_ERROR;
    out.buf->pos = ctx->error_body.data;
    out.buf->last = ctx->error_body.data + ctx->error_body.len;
    out.buf->memory = 1;
    out.buf->last_buf = 1;
    out.buf->last_in_chain = 1;
    ctx->error_body_sent = true;
    return next_body_filter(r, &out);
}

void enc_ngx_errors_install(void)
{
    next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = error_header_filter;
    next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = error_body_filter;
}
