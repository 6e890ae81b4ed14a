// SPDX-License-Identifier: Apache-2.0
// Requests in lines, files and pieces for the programs that the tests of age run.
#include "age_lines.h"

#include <stdlib.h>
#include <string.h>

_Noreturn void fail_requirement(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, condition);
    exit(1);
}

static void split(char *line, struct request *ret_request)
{
    char *save, *field = strtok_r(line, " \n", &save);

    for (ret_request->n_fields = 0; field != NULL; field = strtok_r(NULL, " \n", &save)) {
        require(ret_request->n_fields < FIELDS_MAX);
        ret_request->fields[ret_request->n_fields++] = field;
    }
}

void for_each_request(void (*run)(const struct request *request))
{
    char *line = NULL;
    size_t size = 0;

    while (getline(&line, &size, stdin) >= 0) {
        struct request request;

        split(line, &request);
        require(request.n_fields > 0);
        run(&request);
        require(fflush(stdout) == 0);
    }
    free(line);
}

static struct bytes new_bytes(size_t n)
{
    struct bytes bytes = {malloc(n), n};

    require(bytes.at != NULL || n == 0);
    return bytes;
}

struct bytes read_file(const char *path)
{
    FILE *file = fopen(path, "rb");

    require(file != NULL && fseek(file, 0, SEEK_END) == 0);
    long size = ftell(file);
    require(size >= 0 && fseek(file, 0, SEEK_SET) == 0);
    struct bytes bytes = new_bytes((size_t)size);
    require(fread(bytes.at, 1, bytes.n, file) == bytes.n);
    fclose(file);
    return bytes;
}

struct bytes decode_hex(const char *text)
{
    struct bytes bytes = new_bytes(strlen(text) / 2);

    require(strlen(text) % 2 == 0);
    for (size_t i = 0; i < bytes.n; i++) {
        char digits[3] = {text[2 * i], text[2 * i + 1], '\0'}, *end;
        unsigned long value = strtoul(digits, &end, 16);

        require(*end == '\0');
        bytes.at[i] = (uint8_t)value;
    }
    return bytes;
}

void free_bytes(struct bytes *bytes)
{
    free(bytes->at);
    *bytes = (struct bytes){0};
}

FILE *open_output(const char *path)
{
    FILE *file = fopen(path, "wb");

    require(file != NULL);
    return file;
}

void write_output(FILE *file, const uint8_t *in, size_t n)
{
    require(fwrite(in, 1, n, file) == n);
}

void close_output(FILE *file)
{
    require(fclose(file) == 0);
}

void begin_pieces(struct pieces *pieces, struct bytes whole, const char *sizes)
{
    *pieces = (struct pieces){.left = whole, .sizes = sizes, .size_at = sizes};
}

struct bytes next_piece(struct pieces *pieces)
{
    char *end;
    size_t n = strtoul(pieces->size_at, &end, 10);

    require(end != pieces->size_at && (*end == ',' || *end == '\0'));
    pieces->size_at = *end == ',' ? end + 1 : pieces->sizes;
    if (n == 0 || n > pieces->left.n)
        n = pieces->left.n;
    struct bytes piece = new_bytes(n);
    if (n > 0)
        memcpy(piece.at, pieces->left.at, n);
    pieces->left.at += n;
    pieces->left.n -= n;
    return piece;
}
