// SPDX-License-Identifier: Apache-2.0
#include "upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define BOUNDARY "----NoiseInAForm7MA4YWxkTrZu0gW"

// The same bytes over and over, so that they stay in the cache.
static char noise[1 << 18];

static void fill_noise(void)
{
    uint64_t x = 0x9e3779b97f4a7c15;

    for (size_t i = 0; i < sizeof(noise); i += sizeof(x)) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        memcpy(noise + i, &x, sizeof(x));
    }
}

static bool open_file(struct upload *upload, const char *name)
{
    struct stat info;

    upload->file = open(name, O_RDONLY | O_CLOEXEC);
    if (upload->file < 0 || fstat(upload->file, &info) != 0)
        return false;
    upload->n_body = (uint64_t)info.st_size;
    return true;
}

bool upload_init(struct upload *upload, const struct upload_options *options)
{
    char part[256] = "", size[64], chunk[32] = "";

    *upload = (struct upload){.file = -1, .n_body = options->n_body};
    if (options->file && !open_file(upload, options->file))
        return false;
    fill_noise();
    if (options->is_form) {
        snprintf(part, sizeof(part),
                 "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"file\"; "
                 "filename=\"noise.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n");
        snprintf(upload->tail, sizeof(upload->tail), "\r\n--" BOUNDARY "--\r\n");
    }
    unsigned long long n_all = strlen(part) + upload->n_body + strlen(upload->tail);
    snprintf(size, sizeof(size), "Content-Length: %llu", n_all);
    if (options->is_chunked) {
        snprintf(size, sizeof(size), "Transfer-Encoding: chunked");
        snprintf(chunk, sizeof(chunk), "%llx\r\n", n_all);
        strcat(upload->tail, "\r\n0\r\n\r\n");
    }
    int n = snprintf(
        upload->head, sizeof(upload->head),
        "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\n%s%s%s%s\r\n\r\n%s%s",
        options->method, options->target,
        options->is_form ? "multipart/form-data; boundary=" BOUNDARY : "application/octet-stream",
        options->key ? "Encryption-Key: " : "", options->key ? options->key : "",
        options->key ? "\r\n" : "", size, chunk, part);
    upload->n_head = (size_t)n;
    upload->n_tail = strlen(upload->tail);
    upload->n = upload->n_head + upload->n_body + upload->n_tail;
    return n < UPLOAD_HEAD_MAX;
}

// The bytes in memory that come at a position, and how many. 0: it is the file's turn.
static size_t piece_at(const struct upload *upload, uint64_t at, const char **ret_piece)
{
    if (at < upload->n_head) {
        *ret_piece = upload->head + at;
        return upload->n_head - (size_t)at;
    }
    at -= upload->n_head;
    if (at < upload->n_body) {
        uint64_t n_left = upload->n_body - at;
        size_t skip = at % sizeof(noise), n = sizeof(noise) - skip;

        if (upload->file >= 0)
            return 0;
        *ret_piece = noise + skip;
        return n_left < n ? (size_t)n_left : n;
    }
    at -= upload->n_body;
    *ret_piece = upload->tail + at;
    return upload->n_tail - (size_t)at;
}

static ssize_t send_memory(const struct upload *upload, int fd, uint64_t at, uint64_t end)
{
    enum { PIECES = 4 };
    struct iovec pieces[PIECES];
    struct msghdr message = {.msg_iov = pieces};
    const char *piece;
    size_t n = 1;

    while (message.msg_iovlen < PIECES && at < end && n > 0) {
        n = piece_at(upload, at, &piece);
        if (n > end - at)
            n = (size_t)(end - at);
        at += n;
        if (n > 0)
            pieces[message.msg_iovlen++] = (struct iovec){(char *)(uintptr_t)piece, n};
    }
    return sendmsg(fd, &message, MSG_NOSIGNAL);
}

static ssize_t send_some(const struct upload *upload, int fd, uint64_t at, uint64_t end)
{
    if (upload->file < 0 || at < upload->n_head || at >= upload->n_head + upload->n_body)
        return send_memory(upload, fd, at, end);
    off_t offset = (off_t)(at - upload->n_head);
    uint64_t body_end = upload->n_head + upload->n_body;
    return sendfile(fd, upload->file, &offset, (end < body_end ? end : body_end) - at);
}

bool upload_send(const struct upload *upload, int fd, uint64_t *at, uint64_t end)
{
    while (*at < end) {
        ssize_t n = send_some(upload, fd, *at, end);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        if (n == 0)
            return false;
        *at += (uint64_t)n;
    }
    return true;
}
