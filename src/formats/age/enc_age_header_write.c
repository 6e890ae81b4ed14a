// SPDX-License-Identifier: Apache-2.0
// Writes a header; and the MAC, which both directions make in the same way.
#include <string.h>

#include "enc_age_header.h"
#include "enc_age_header_text.h"
#include "enc_kdf.h"

static void put(struct enc_age_header_writer *writer, const char *text, size_t n)
{
    if (n > writer->cap - writer->n) {
        writer->status = ENC_MISUSE;
        return;
    }
    memcpy(writer->out + writer->n, text, n);
    writer->n += n;
}

static void put_text(struct enc_age_header_writer *writer, const char *text)
{
    put(writer, text, strlen(text));
}

// One line of at most BODY_LINE_BYTES bytes.
static void put_base64(struct enc_age_header_writer *writer, const uint8_t *bytes, size_t n)
{
    char line[BODY_LINE_CHARS];

    enc_base64_encode_bare(ENC_BASE64_STANDARD, bytes, n, line);
    put(writer, line, ENC_BASE64_BARE_SIZE(n));
    put_text(writer, "\n");
}

void enc_age_header_begin(struct enc_age_header_writer *writer, uint8_t *out, size_t cap)
{
    *writer = (struct enc_age_header_writer){.out = out, .cap = cap};
    put_text(writer, ENC_AGE_VERSION_LINE "\n");
}

void enc_age_header_add(struct enc_age_header_writer *writer, const struct enc_age_slice args[],
                        size_t n_args, const uint8_t *body, size_t n_body)
{
    put_text(writer, STANZA_MARK);
    for (size_t i = 0; i < n_args; i++) {
        put_text(writer, " ");
        put(writer, args[i].at, args[i].n);
    }
    put_text(writer, "\n");
    // A body that fills its last line ends with an empty one.
    for (; n_body >= BODY_LINE_BYTES; body += BODY_LINE_BYTES, n_body -= BODY_LINE_BYTES)
        put_base64(writer, body, BODY_LINE_BYTES);
    put_base64(writer, body, n_body);
}

enum enc_status enc_age_header_end(struct enc_age_header_writer *writer,
                                   const uint8_t mac[static ENC_AGE_MAC])
{
    put_text(writer, MAC_MARK " ");
    put_base64(writer, mac, ENC_AGE_MAC);
    return writer->status;
}

// The MAC of a header's bytes through its "---".
static enum enc_status make_mac(const struct enc_age_file_key *file_key, const uint8_t *bytes,
                                size_t n, uint8_t mac[static ENC_AGE_MAC])
{
    static const char info[] = "header";
    ENC_SECRET(enc_age_derived_key, key);
    enum enc_status st = enc_hkdf_sha256(
        (struct enc_bytes){file_key->bytes, sizeof(file_key->bytes)}, (struct enc_bytes){NULL, 0},
        (struct enc_bytes){info, strlen(info)}, key.bytes);

    if (st != ENC_OK)
        return st;
    return enc_hmac_sha256(key.bytes, (struct enc_bytes){bytes, n}, mac);
}

enum enc_status enc_age_header_sign(struct enc_age_header_writer *writer,
                                    const struct enc_age_file_key *file_key)
{
    uint8_t mac[ENC_AGE_MAC];
    size_t n_before = writer->n;

    put_text(writer, MAC_MARK);
    if (writer->status != ENC_OK)
        return writer->status;
    enum enc_status st = make_mac(file_key, writer->out, writer->n, mac);
    if (st != ENC_OK)
        return st;
    writer->n = n_before;
    return enc_age_header_end(writer, mac);
}

enum enc_status enc_age_header_verify(const struct enc_age_header_reader *reader,
                                      const struct enc_age_file_key *file_key)
{
    uint8_t mac[ENC_AGE_MAC];
    enum enc_status st = make_mac(file_key, reader->bytes, reader->n_signed, mac);

    if (st != ENC_OK)
        return st;
    return enc_equal_ct(mac, reader->mac, sizeof(mac)) ? ENC_OK : ENC_AGE_HEADER_MAC;
}
