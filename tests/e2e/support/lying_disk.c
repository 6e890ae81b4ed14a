// SPDX-License-Identifier: Apache-2.0
// A disk that gives back something else than was written. Preloaded into nginx, it has pread and
// preadv2 lie about files without a name, so about spools, as the file that ENCRYPTER_LIES names
// says:
//
//     flip OFFSET BIT   one bit of the byte there is another one
//     end OFFSET        the file ends there
//     fail OFFSET       that byte cannot be read: EIO
//     short BYTES       so many at the most are read at once, which is no lie
//
// An offset below zero counts from the end. "cold" before that, or alone: nothing is in the page
// cache (RWF_NOWAIT). An empty file: it tells the truth.
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PUBLIC __attribute__((visibility("default")))

struct lie {
    bool is_cold;
    char kind[8]; // empty: there is none
    long long where;
    int bit;
};

static int lies = -1;

__attribute__((constructor)) static void find_lies(void)
{
    const char *path = getenv("ENCRYPTER_LIES");

    if (path != NULL)
        lies = open(path, O_RDONLY | O_CLOEXEC);
}

static ssize_t read_truly(int fd, void *out, size_t n, off_t offset)
{
    return (ssize_t)syscall(SYS_pread64, fd, out, n, offset);
}

static struct lie find_lie(int fd)
{
    static const char cold[] = "cold";
    char text[64] = "";
    const char *rest = text;
    struct lie lie = {.is_cold = false};
    struct stat info;

    if (lies < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_nlink != 0)
        return lie;
    if (read_truly(lies, text, sizeof(text) - 1, 0) <= 0)
        return lie;
    lie.is_cold = strncmp(text, cold, strlen(cold)) == 0;
    if (lie.is_cold)
        rest += strlen(cold);
    if (sscanf(rest, "%7s %lld %d", lie.kind, &lie.where, &lie.bit) < 2)
        lie.kind[0] = '\0';
    if (lie.where < 0)
        lie.where += info.st_size;
    return lie;
}

static bool is(const struct lie *lie, const char *kind)
{
    return strcmp(lie->kind, kind) == 0;
}

static ssize_t read_lied(int fd, const struct lie *lie, char *out, size_t n, off_t offset)
{
    ssize_t got;

    if (is(lie, "short") && n > (size_t)lie->where)
        n = (size_t)lie->where;
    got = read_truly(fd, out, n, offset);
    if (got <= 0 || is(lie, "") || is(lie, "short") || lie->where >= offset + got)
        return got;
    if (is(lie, "end"))
        return lie->where > offset ? lie->where - offset : 0;
    if (lie->where < offset)
        return got;
    if (is(lie, "fail")) {
        errno = EIO;
        return -1;
    }
    out[lie->where - offset] = (char)(out[lie->where - offset] ^ (1 << lie->bit));
    return got;
}

static ssize_t read_at(int fd, void *out, size_t n, off_t offset)
{
    const struct lie lie = find_lie(fd);

    return read_lied(fd, &lie, out, n, offset);
}

// With one buffer, as a spool is read.
static ssize_t read_vector(int fd, const struct iovec *pieces, int n_pieces, off_t offset,
                           int flags)
{
    const struct lie lie = find_lie(fd);

    if ((flags & RWF_NOWAIT) && (n_pieces != 1 || lie.is_cold)) {
        errno = EAGAIN;
        return -1;
    }
    return read_lied(fd, &lie, pieces[0].iov_base, pieces[0].iov_len, offset);
}

// What they are called, depending on how the caller was compiled.
PUBLIC ssize_t pread(int fd, void *out, size_t n, off_t offset);
PUBLIC ssize_t pread64(int fd, void *out, size_t n, off_t offset);
PUBLIC ssize_t __pread_chk(int fd, void *out, size_t n, off_t offset, size_t room);
PUBLIC ssize_t __pread64_chk(int fd, void *out, size_t n, off_t offset, size_t room);
PUBLIC ssize_t preadv2(int fd, const struct iovec *pieces, int n, off_t offset, int flags);
PUBLIC ssize_t preadv64v2(int fd, const struct iovec *pieces, int n, off_t offset, int flags);

ssize_t pread(int fd, void *out, size_t n, off_t offset)
{
    return read_at(fd, out, n, offset);
}

ssize_t pread64(int fd, void *out, size_t n, off_t offset)
{
    return read_at(fd, out, n, offset);
}

ssize_t __pread_chk(int fd, void *out, size_t n, off_t offset, size_t room)
{
    return n <= room ? read_at(fd, out, n, offset) : (abort(), -1);
}

ssize_t __pread64_chk(int fd, void *out, size_t n, off_t offset, size_t room)
{
    return n <= room ? read_at(fd, out, n, offset) : (abort(), -1);
}

ssize_t preadv2(int fd, const struct iovec *pieces, int n, off_t offset, int flags)
{
    return read_vector(fd, pieces, n, offset, flags);
}

ssize_t preadv64v2(int fd, const struct iovec *pieces, int n, off_t offset, int flags)
{
    return read_vector(fd, pieces, n, offset, flags);
}
