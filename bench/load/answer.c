// SPDX-License-Identifier: Apache-2.0
#include "answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

static char buffer[1 << 17]; // one thread, and nothing stays in it

static bool begins(const char *line, size_t n, const char *name)
{
    return n >= strlen(name) && strncasecmp(line, name, strlen(name)) == 0;
}

static void read_header(struct answer *answer, const char *line, size_t n)
{
    if (begins(line, n, "content-length:"))
        answer->n_left = strtoull(line + 15, NULL, 10);
    else if (begins(line, n, "transfer-encoding: chunked"))
        answer->is_chunked = true;
    else if (begins(line, n, "connection: close"))
        answer->is_last = true;
}

// The head is whole: n bytes, with its empty line.
static void read_head(struct answer *answer, size_t n)
{
    const char *line = answer->head, *end = answer->head + n;

    answer->status = n > 12 ? atoi(answer->head + 9) : 0;
    while ((line = memchr(line, '\n', (size_t)(end - line))) != NULL && ++line < end)
        read_header(answer, line, (size_t)(end - line));
    if (answer->status != 200)
        answer->state = ANSWER_BAD;
    else if (answer->is_chunked)
        answer->state = ANSWER_CHUNK_SIZE;
    else
        answer->state = answer->n_left > 0 ? ANSWER_BODY : ANSWER_DONE;
}

// Each of these takes some of n > 0 bytes and says how many.

static size_t take_head(struct answer *answer, const char *in, size_t n)
{
    size_t before = answer->n_head, from = before < 3 ? 0 : before - 3;

    if (n > ANSWER_HEAD_MAX - 1 - before)
        n = ANSWER_HEAD_MAX - 1 - before;
    memcpy(answer->head + before, in, n);
    answer->n_head += n;
    answer->head[answer->n_head] = '\0';
    char *end = memmem(answer->head + from, answer->n_head - from, "\r\n\r\n", 4);
    if (!end) {
        if (answer->n_head == ANSWER_HEAD_MAX - 1)
            answer->state = ANSWER_BAD;
        return n;
    }
    size_t n_head = (size_t)(end - answer->head) + 4;
    read_head(answer, n_head);
    return n_head - before;
}

static size_t take_body(struct answer *answer, size_t n)
{
    if (n > answer->n_left)
        n = answer->n_left;
    answer->n_left -= n;
    if (answer->n_left == 0)
        answer->state = answer->is_chunked ? ANSWER_CHUNK_END : ANSWER_DONE;
    return n;
}

static size_t take_size(struct answer *answer, char c)
{
    int value = c >= '0' && c <= '9'                 ? c - '0'
                : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                     : -1;

    if (value >= 0)
        answer->n_left = answer->n_left * 16 + (uint64_t)value;
    else if (c == '\n')
        answer->state = answer->n_left > 0 ? ANSWER_BODY : ANSWER_TRAILER;
    else if (c != '\r')
        answer->state = ANSWER_BAD;
    return 1;
}

static size_t take_trailer(struct answer *answer, char c)
{
    if (c == '\n') {
        if (answer->n_line == 0)
            answer->state = ANSWER_DONE;
        answer->n_line = 0;
    } else if (c != '\r') {
        answer->n_line++;
    }
    return 1;
}

static size_t take(struct answer *answer, const char *in, size_t n)
{
    switch (answer->state) {
    case ANSWER_HEAD:
        return take_head(answer, in, n);
    case ANSWER_BODY:
        return take_body(answer, n);
    case ANSWER_CHUNK_SIZE:
        return take_size(answer, *in);
    case ANSWER_CHUNK_END:
        if (*in == '\n')
            answer->state = ANSWER_CHUNK_SIZE;
        return 1;
    case ANSWER_TRAILER:
        return take_trailer(answer, *in);
    case ANSWER_DONE: // nobody asked for more
    case ANSWER_BAD:
        answer->state = ANSWER_BAD;
        return n;
    }
    return n;
}

bool answer_read(struct answer *answer, int fd)
{
    // Dropped without a copy; what follows it in the same read could not be parsed.
    const bool drops = answer->state == ANSWER_BODY && answer->n_left > sizeof(buffer) / 4;
    size_t cap = sizeof(buffer);

    if (drops)
        cap = answer->n_left < (1 << 20) ? answer->n_left : 1 << 20;
    ssize_t n = recv(fd, drops ? NULL : buffer, cap, drops ? MSG_TRUNC : 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        answer->state = ANSWER_BAD;
        return false;
    }
    answer->n_bytes += (uint64_t)n;
    if (drops) {
        take_body(answer, (size_t)n);
        return true;
    }
    for (size_t at = 0; at < (size_t)n;)
        at += take(answer, buffer + at, (size_t)n - at);
    return (size_t)n == cap;
}
