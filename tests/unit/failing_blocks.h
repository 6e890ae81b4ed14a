// SPDX-License-Identifier: Apache-2.0
// Has a whole program, libcrypto too, allocate by way of functions that look for secrets in every
// block that is freed, and that can fail. Link with --wrap for malloc, calloc, realloc and free;
// include cmocka.h before, in one file of the program.
#ifndef FAILING_BLOCKS_H
#define FAILING_BLOCKS_H

#include <openssl/crypto.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

void *__real_malloc(size_t n);
void __real_free(void *bytes);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n_items, size_t n_item);
void *__wrap_realloc(void *bytes, size_t n);
void __wrap_free(void *bytes);

#define WATCHED_MAX 16

// What must not be left behind.
static const char *watched[WATCHED_MAX];
static size_t n_watched;

// In front of each block; keeps it aligned.
union head {
    size_t n;
    max_align_t align;
};

static size_t n_live, n_taken, n_freed_with_secret;
static size_t fail_from = SIZE_MAX; // the number of the allocation that fails, counted by n_taken
static size_t fail_to = SIZE_MAX;   // and of the first after it that does not

void *__wrap_malloc(size_t n)
{
    size_t number = n_taken++;
    if (number >= fail_from && number < fail_to)
        return NULL;
    union head *head = __real_malloc(sizeof(*head) + n);
    if (!head)
        return NULL;
    memset(head, 0, sizeof(*head) + n); // what an earlier owner left is not this one's
    head->n = n;
    n_live++;
    return head + 1;
}

void *__wrap_calloc(size_t n_items, size_t n_item)
{
    size_t n;
    return __builtin_mul_overflow(n_items, n_item, &n) ? NULL : __wrap_malloc(n);
}

void __wrap_free(void *bytes)
{
    if (!bytes)
        return;
    union head *head = (union head *)bytes - 1;
    for (size_t i = 0; i < n_watched; i++)
        n_freed_with_secret += memmem(bytes, head->n, watched[i], strlen(watched[i])) != NULL;
    n_live--;
    __real_free(head);
}

void *__wrap_realloc(void *bytes, size_t n)
{
    void *larger = __wrap_malloc(n);
    if (larger && bytes) {
        size_t n_old = ((union head *)bytes - 1)->n;
        memcpy(larger, bytes, n_old < n ? n_old : n);
        __wrap_free(bytes);
    }
    return larger;
}

static inline void *hook_malloc(size_t n, const char *path, int line)
{
    (void)path;
    (void)line;
    return __wrap_malloc(n);
}

static inline void *hook_realloc(void *bytes, size_t n, const char *path, int line)
{
    (void)path;
    (void)line;
    return __wrap_realloc(bytes, n);
}

static inline void hook_free(void *bytes, const char *path, int line)
{
    (void)path;
    (void)line;
    __wrap_free(bytes);
}

static inline void watch_text(const char *text)
{
    assert_in_range(n_watched, 0, WATCHED_MAX - 1);
    watched[n_watched++] = text;
}

// Before libcrypto's first allocation.
static inline int hook_allocations(void)
{
    return CRYPTO_set_mem_functions(hook_malloc, hook_realloc, hook_free);
}

#endif
