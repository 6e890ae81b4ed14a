// SPDX-License-Identifier: Apache-2.0
// For the tests of age: the parts of a file, written again. Reads lines, does what they say, and
// prints for each the name of the status that it ended with.
//
//   header IN OUT             reads the header that IN begins with, and writes the same
//   header IN OUT FILE_KEY    verifies it too, and signs what it writes
//   payload IN OUT FILE_KEY NONCE   encrypts IN to the chunks of a payload
//   armor IN OUT PIECES       puts IN into armor
//   dearmor IN OUT PIECES     takes it out
//
// FILE_KEY and NONCE are in hexadecimal; PIECES is "N,N,...", how much is handed over at a time.
#include <stdlib.h>
#include <string.h>

#include "age_lines.h"
#include "enc_age_armor.h"
#include "enc_age_header.h"
#include "enc_age_stream.h"
#include "enc_crypto_init.h"

static struct enc_age_file_key read_file_key(const char *text)
{
    struct bytes bytes = decode_hex(text);
    struct enc_age_file_key file_key;

    require(bytes.n == sizeof(file_key.bytes));
    memcpy(file_key.bytes, bytes.at, bytes.n);
    free_bytes(&bytes);
    return file_key;
}

static enum enc_status read_header(struct enc_age_header_reader *reader, struct bytes file)
{
    size_t n_taken;
    bool is_whole = false;
    enum enc_status st = enc_age_header_read(reader, file.at, file.n, &n_taken, &is_whole);

    if (st != ENC_OK)
        return st;
    return is_whole ? ENC_OK : ENC_AGE_HEADER;
}

static void copy_stanza(const struct enc_age_stanza *stanza, struct enc_age_header_writer *writer)
{
    uint8_t *body = malloc(stanza->n_body);

    require(body != NULL || stanza->n_body == 0);
    require(enc_age_stanza_body(stanza, body, stanza->n_body));
    enc_age_header_add(writer, stanza->args, stanza->n_args, body, stanza->n_body);
    free(body);
}

static enum enc_status rewrite_header(const struct enc_age_header_reader *reader,
                                      const struct enc_age_file_key *file_key, FILE *out)
{
    struct enc_age_header_writer writer;
    struct enc_age_stanza stanza;
    uint8_t *room = malloc(reader->n);
    size_t at = 0, n_stanzas = 0;

    require(room != NULL);
    enc_age_header_begin(&writer, room, reader->n);
    for (; enc_age_header_next(reader, &at, &stanza); n_stanzas++)
        copy_stanza(&stanza, &writer);
    require(n_stanzas == reader->n_stanzas);
    enum enc_status st = file_key == NULL ? enc_age_header_end(&writer, reader->mac)
                                          : enc_age_header_sign(&writer, file_key);
    if (st == ENC_OK)
        write_output(out, room, writer.n);
    free(room);
    return st;
}

static enum enc_status header(const struct request *request, struct bytes in, FILE *out)
{
    struct enc_age_header_reader reader;
    uint8_t *bytes = malloc(ENC_AGE_HEADER_MAX);

    require(bytes != NULL);
    enc_age_header_reader_init(&reader, bytes);
    enum enc_status st = read_header(&reader, in);
    if (st == ENC_OK && request->n_fields == 3) {
        st = rewrite_header(&reader, NULL, out);
    } else if (st == ENC_OK) {
        struct enc_age_file_key file_key = read_file_key(request->fields[3]);

        st = enc_age_header_verify(&reader, &file_key);
        if (st == ENC_OK)
            st = rewrite_header(&reader, &file_key, out);
    }
    free(bytes);
    return st;
}

static enum enc_status seal_chunk(struct enc_age_stream *stream, struct bytes chunk, bool is_last,
                                  FILE *out)
{
    uint8_t tag[ENC_AEAD_TAG];
    enum enc_status st = enc_age_stream_seal_begin(stream, is_last);

    if (st == ENC_OK)
        st = enc_age_stream_seal_update(stream, chunk.at, chunk.n, chunk.at);
    if (st == ENC_OK)
        st = enc_age_stream_seal_end(stream, tag);
    if (st == ENC_OK) {
        write_output(out, chunk.at, chunk.n);
        write_output(out, tag, sizeof(tag));
    }
    return st;
}

static enum enc_status payload(const struct request *request, struct bytes in, FILE *out)
{
    struct enc_age_file_key file_key = read_file_key(request->fields[3]);
    struct bytes nonce = decode_hex(request->fields[4]);
    struct enc_age_stream stream;
    bool is_last = false;

    require(nonce.n == ENC_AGE_NONCE);
    enum enc_status st = enc_age_stream_init(&stream, &file_key, nonce.at);
    for (size_t at = 0; st == ENC_OK && !is_last; at += ENC_AGE_CHUNK) {
        is_last = in.n - at <= ENC_AGE_CHUNK;
        st = seal_chunk(&stream, (struct bytes){in.at + at, is_last ? in.n - at : ENC_AGE_CHUNK},
                        is_last, out);
    }
    enc_age_stream_wipe(&stream);
    free_bytes(&nonce);
    return st;
}

static enum enc_status armor(const struct request *request, struct bytes in, FILE *out)
{
    struct enc_age_armor_writer writer = {0};
    uint8_t end[ENC_AGE_ARMOR_END_CHARS];
    struct pieces pieces;
    uint64_t size;

    require(enc_age_armor_size(in.n, &size));
    begin_pieces(&pieces, in, request->fields[3]);
    while (pieces.left.n > 0) {
        struct bytes piece = next_piece(&pieces);
        uint8_t *room = malloc(enc_age_armor_bound(piece.n));

        require(room != NULL);
        write_output(out, room, enc_age_armor_write(&writer, piece.at, piece.n, room));
        free(room);
        free_bytes(&piece);
    }
    write_output(out, end, enc_age_armor_write_end(&writer, end));
    require((uint64_t)ftell(out) == size);
    return ENC_OK;
}

static enum enc_status dearmor_piece(struct enc_age_armor_reader *reader, struct bytes piece,
                                     FILE *out)
{
    uint8_t room[ENC_AGE_ARMOR_LINE_BYTES];

    for (size_t at = 0; at < piece.n;) {
        size_t n_taken, n_out;
        enum enc_status st = enc_age_armor_read(reader, piece.at + at, piece.n - at, room,
                                                sizeof(room), &n_taken, &n_out);

        if (st != ENC_OK)
            return st;
        require(n_taken > 0 && n_taken <= piece.n - at && n_out <= sizeof(room));
        write_output(out, room, n_out);
        at += n_taken;
    }
    return ENC_OK;
}

static enum enc_status dearmor(const struct request *request, struct bytes in, FILE *out)
{
    struct enc_age_armor_reader reader = {0};
    enum enc_status st = ENC_OK;
    struct pieces pieces;

    begin_pieces(&pieces, in, request->fields[3]);
    while (st == ENC_OK && pieces.left.n > 0) {
        struct bytes piece = next_piece(&pieces);

        st = dearmor_piece(&reader, piece, out);
        free_bytes(&piece);
    }
    return st == ENC_OK ? enc_age_armor_read_end(&reader) : st;
}

static const struct command {
    const char *name;
    size_t n_fields_min, n_fields_max;
    enum enc_status (*run)(const struct request *request, struct bytes in, FILE *out);
} commands[] = {
    {"header", 3, 4, header},
    {"payload", 5, 5, payload},
    {"armor", 4, 4, armor},
    {"dearmor", 4, 4, dearmor},
};

static void run(const struct request *request)
{
    const struct command *command = commands;

    while (strcmp(command->name, request->fields[0]) != 0)
        require(++command < commands + sizeof(commands) / sizeof(commands[0]));
    require(request->n_fields >= command->n_fields_min);
    require(request->n_fields <= command->n_fields_max);
    struct bytes in = read_file(request->fields[1]);
    FILE *out = open_output(request->fields[2]);
    enum enc_status st = command->run(request, in, out);
    close_output(out);
    free_bytes(&in);
    puts(enc_status_name(st));
}

int main(void)
{
    require(enc_crypto_init() == ENC_OK);
    for_each_request(run);
    enc_crypto_free();
    return 0;
}
