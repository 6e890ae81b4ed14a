// SPDX-License-Identifier: Apache-2.0
// What each request of the load sends: a head, a body of noise or of a file, a tail.
#ifndef UPLOAD_H
#define UPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UPLOAD_HEAD_MAX 2048

struct upload_options {
    const char *method;
    const char *target;
    const char *key;  // for the header Encryption-Key, or NULL
    const char *file; // the body, or NULL: noise
    uint64_t n_body;
    bool is_form;    // the body is a file in a form
    bool is_chunked; // its length shows at its end alone
};

struct upload {
    char head[UPLOAD_HEAD_MAX];
    char tail[128];
    size_t n_head, n_tail;
    uint64_t n_body;
    uint64_t n; // bytes in all
    int file;   // of the body, or -1
};

// False: the file cannot be read, or the head is too long.
bool upload_init(struct upload *upload, const struct upload_options *options);

// Sends from byte *at on, up to byte `end`, until the socket takes no more. False: it failed.
bool upload_send(const struct upload *upload, int fd, uint64_t *at, uint64_t end);

#endif
