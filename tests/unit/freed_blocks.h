// SPDX-License-Identifier: Apache-2.0
// Has libcrypto allocate by way of functions that look for secrets in every block it frees, and
// that can fail. Include cmocka.h before it and OpenSSL's headers after, in one file of a program.
#ifndef FREED_BLOCKS_H
#define FREED_BLOCKS_H

#define OPENSSL_SUPPRESS_DEPRECATED // SHA256_CTX shows the hash state that a key leaves
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SECRET_BYTES 16
#define SECRETS_MAX 64

// What must not be left behind.
static uint8_t secrets[SECRETS_MAX][SECRET_BYTES];
static size_t n_secrets;

// In front of every block that libcrypto has. The union keeps the block aligned.
union block {
    struct {
        union block *previous, *next;
        size_t n;
    } head;
    max_align_t align;
};

static union block live = {.head = {&live, &live, 0}}; // a ring
static size_t n_live, n_freed_with_secret;
static size_t n_lacking;            // allocations that failed
static size_t n_largest;            // bytes of the largest block that was asked for
static size_t n_refused = SIZE_MAX; // bytes of a block that is refused, and of all larger ones
static long fail_at = -1;           // the allocation that fails, counted down; -1: none

static inline void watch_secret(const void *bytes)
{
    assert_in_range(n_secrets, 0, SECRETS_MAX - 1);
    memcpy(secrets[n_secrets++], bytes, SECRET_BYTES);
}

// The hash states from which HMACs can be made without the key (RFC 2104, 2).
static inline void watch_hmac_states(const void *key, size_t n)
{
    static const uint8_t pads[2] = {0x36, 0x5c};

    for (size_t i = 0; i < 2; i++) {
        uint8_t padded[SHA256_CBLOCK] = {0};
        SHA256_CTX hash;

        memcpy(padded, key, n);
        for (size_t j = 0; j < sizeof(padded); j++)
            padded[j] ^= pads[i];
        SHA256_Init(&hash);
        SHA256_Update(&hash, padded, sizeof(padded));
        watch_secret(hash.h);
    }
}

static inline size_t count_secrets(const void *bytes, size_t n)
{
    size_t n_found = 0;

    for (size_t i = 0; i < n_secrets; i++)
        n_found += memmem(bytes, n, secrets[i], sizeof(secrets[i])) != NULL;
    return n_found;
}

static inline void *hook_malloc(size_t n, const char *file, int line)
{
    union block *block;

    (void)file;
    (void)line;
    if (n > n_largest)
        n_largest = n;
    if (n >= n_refused || (fail_at >= 0 && fail_at-- == 0)) {
        n_lacking++;
        return NULL;
    }
    block = calloc(1, sizeof(*block) + n);
    if (block == NULL)
        return NULL;
    block->head.n = n;
    block->head.previous = &live;
    block->head.next = live.head.next;
    live.head.next->head.previous = block;
    live.head.next = block;
    n_live++;
    return block + 1;
}

static inline void hook_free(void *bytes, const char *file, int line)
{
    union block *block;

    (void)file;
    (void)line;
    if (bytes == NULL)
        return;
    block = (union block *)bytes - 1;
    n_freed_with_secret += count_secrets(bytes, block->head.n) > 0;
    block->head.previous->head.next = block->head.next;
    block->head.next->head.previous = block->head.previous;
    n_live--;
    free(block);
}

static inline void *hook_realloc(void *bytes, size_t n, const char *file, int line)
{
    void *larger;

    if (bytes == NULL)
        return hook_malloc(n, file, line);
    larger = n > 0 ? hook_malloc(n, file, line) : NULL;
    if (larger != NULL) {
        size_t n_old = ((union block *)bytes - 1)->head.n;
        memcpy(larger, bytes, n_old < n ? n_old : n);
    }
    if (larger != NULL || n == 0)
        hook_free(bytes, file, line);
    return larger;
}

static inline size_t count_live_secrets(void)
{
    size_t n_found = 0;

    for (union block *block = live.head.next; block != &live; block = block->head.next)
        n_found += count_secrets(block + 1, block->head.n);
    return n_found;
}

static inline void assert_nothing_is_left(size_t n_live_before)
{
    assert_int_equal(n_freed_with_secret, 0);
    assert_int_equal(count_live_secrets(), 0);
    assert_int_equal(n_live, n_live_before);
}

// Before libcrypto's first allocation.
static inline int hook_allocations(void)
{
    return CRYPTO_set_mem_functions(hook_malloc, hook_realloc, hook_free);
}

#endif
