// SPDX-License-Identifier: Apache-2.0
// What the programs for the tests of age share: they read requests, a line each, and print a line
// for each. A request that is none ends the program, since then the test is wrong.
#ifndef AGE_LINES_H
#define AGE_LINES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define FIELDS_MAX 32 // of a line

struct request {
    char *fields[FIELDS_MAX];
    size_t n_fields;
};

// Runs each line of the standard input, split at its spaces.
void for_each_request(void (*run)(const struct request *request));

// Ends the program with a message unless the condition is met.
#define require(condition)                                                                         \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_requirement(#condition, __FILE__, __LINE__);                                      \
    } while (0)
_Noreturn void fail_requirement(const char *condition, const char *file, int line);

// Bytes on the heap, exactly as many as there are, so that a sanitizer sees who reads beyond them.
struct bytes {
    uint8_t *at;
    size_t n;
};

struct bytes read_file(const char *path);
struct bytes decode_hex(const char *text);
void free_bytes(struct bytes *bytes);

FILE *open_output(const char *path);
void write_output(FILE *file, const uint8_t *in, size_t n);
void close_output(FILE *file);

// The next piece of a whole, on the heap. sizes is "N,N,...": the sizes of the pieces, over and
// over; 0 is all that is left.
struct pieces {
    struct bytes left;
    const char *sizes;
    const char *size_at;
};

void begin_pieces(struct pieces *pieces, struct bytes whole, const char *sizes);
struct bytes next_piece(struct pieces *pieces); // none left: n is 0

#endif
