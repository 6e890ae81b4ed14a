// SPDX-License-Identifier: Apache-2.0
// Reads the answers of a kept HTTP/1.1 connection and throws them away, as cheaply as can be.
#ifndef ANSWER_H
#define ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ANSWER_HEAD_MAX 4096

enum answer_state {
    ANSWER_HEAD,
    ANSWER_BODY, // of known length, or a chunk
    ANSWER_CHUNK_SIZE,
    ANSWER_CHUNK_END,
    ANSWER_TRAILER,
    ANSWER_DONE,
    ANSWER_BAD, // no answer with status 200, or cut
};

// All zero before the first answer, and again before each.
struct answer {
    enum answer_state state;
    bool is_chunked;
    bool is_last; // the server closes the connection after it
    int status;
    uint64_t n_left;  // of the body, or of the chunk
    uint64_t n_bytes; // that came, all in all
    size_t n_line;    // of the trailer's line
    size_t n_head;
    char head[ANSWER_HEAD_MAX];
};

// Reads what has come. False if there is nothing more for now; the state says how far it is. Body
// bytes of a known number are dropped by the kernel, without a copy.
bool answer_read(struct answer *answer, int fd);

#endif
