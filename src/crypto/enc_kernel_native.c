// SPDX-License-Identifier: Apache-2.0
// Which runs go together, and what is before and behind their steps.
#include "enc_kernel_native.h"

#include <stdbool.h>
#include <string.h>

#include "enc_cpu.h"
#include "enc_secret.h"

#ifdef __x86_64__

#define STEP ENC_KERNEL_STEP

// So many runs go sixteen abreast in less time than in pairs.
enum { WIDE_MIN = 9 };

const uint32_t enc_kernel_native_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

// enc_kernel_avx512_both has the keys of sixteen lanes in its frame of 11 KiB.
static __attribute__((noinline)) void wipe_wide_stack(void)
{
    uint8_t frame[12 * 1024];

    enc_wipe(frame, sizeof(frame));
}

// A phase of the runs: what its steps do, and which count of theirs it takes down.
struct phase {
    void (*narrow)(struct enc_kernel_run *const runs[], size_t n_runs, size_t n_steps);
    void (*wide)(struct enc_kernel_run *const runs[], size_t n_runs, size_t n_steps);
    size_t offset_of_count;
};

static const struct phase both = {
    .narrow = enc_kernel_shani_both,
    .wide = enc_kernel_avx512_both,
    .offset_of_count = offsetof(struct enc_kernel_run, n_both),
};

static const struct phase hash_alone = {
    .narrow = enc_kernel_shani_hash,
    .wide = enc_kernel_avx512_hash,
    .offset_of_count = offsetof(struct enc_kernel_run, n_hash),
};

static size_t *count_of(struct enc_kernel_run *run, const struct phase *phase)
{
    return (size_t *)((char *)run + phase->offset_of_count);
}

// Takes those out that have no step of the phase left.
static size_t keep_unfinished(struct enc_kernel_run *runs[], size_t n, const struct phase *phase)
{
    size_t n_kept = 0;

    for (size_t i = 0; i < n; i++) {
        if (*count_of(runs[i], phase) > 0)
            runs[n_kept++] = runs[i];
    }
    return n_kept;
}

// All steps of a phase: as many runs at once as there are and as there is room for, until the
// shortest of them is at its end; and so on.
static void do_phase(struct enc_kernel_run *all, size_t n, const struct phase *phase,
                     bool may_be_wide)
{
    struct enc_kernel_run *runs[ENC_KERNEL_WIDE];

    for (size_t i = 0; i < n; i++)
        runs[i] = &all[i];
    n = keep_unfinished(runs, n, phase);
    while (n > 0) {
        const bool is_wide = may_be_wide && n >= WIDE_MIN;
        const size_t n_abreast = is_wide ? n : n > 1 ? 2 : 1;
        size_t n_steps = SIZE_MAX;
        for (size_t i = 0; i < n_abreast; i++) {
            if (*count_of(runs[i], phase) < n_steps)
                n_steps = *count_of(runs[i], phase);
        }
        if (is_wide) {
            phase->wide(runs, n_abreast, n_steps);
            wipe_wide_stack();
        } else {
            phase->narrow(runs, n_abreast, n_steps);
        }
        for (size_t i = 0; i < n_abreast; i++)
            *count_of(runs[i], phase) -= n_steps;
        n = keep_unfinished(runs, n, phase);
    }
}

// What an item hashes.
static const uint8_t *hashed_bytes(const struct enc_kernel_item *item)
{
    return item->op == ENC_KERNEL_ENCRYPT_HASH ? item->out : item->in;
}

// Encrypts the first step, so as to be ahead of the hash, and makes the first block of that: what
// waits in the lane, and what fills it up.
static void begin(const struct enc_kernel_item *item, struct enc_kernel_run *run)
{
    struct enc_kernel_native *lane = &item->lane->native;
    const uint8_t *bytes = hashed_bytes(item);

    *run = (struct enc_kernel_run){.lane = lane, .in = item->in, .out = item->out};
    run->n_hash = (lane->n_waiting + item->n) / STEP;
    if (item->op == ENC_KERNEL_ENCRYPT_HASH) {
        const size_t n_first = item->n < STEP ? item->n : STEP;
        enc_kernel_shani_encrypt(lane, run->in, n_first, run->out);
        run->in += n_first;
        run->out += n_first;
        run->n_both = (item->n - n_first) / STEP;
        run->n_rest = (item->n - n_first) % STEP;
        run->n_hash -= run->n_both;
    }
    if (run->n_both + run->n_hash > 0) {
        const size_t n_fill = STEP - lane->n_waiting;
        memcpy(lane->waiting + lane->n_waiting, bytes, n_fill);
        run->hash = lane->waiting;
        run->next = bytes + n_fill;
    }
}

// What does not fill a block of the hash waits for the next item.
static void end(const struct enc_kernel_item *item)
{
    struct enc_kernel_native *lane = &item->lane->native;
    const size_t n = lane->n_waiting + item->n;
    const size_t n_before = n < STEP ? lane->n_waiting : 0;
    const size_t n_new = n % STEP - n_before;

    memcpy(lane->waiting + n_before, hashed_bytes(item) + item->n - n_new, n_new);
    lane->n_waiting = n % STEP;
    lane->n_hashed += item->n;
}

void enc_kernel_native_run(struct enc_kernel_item *const items[], size_t n)
{
    const bool may_be_wide = enc_cpu_level() >= ENC_CPU_AVX512;
    struct enc_kernel_run runs[ENC_KERNEL_WIDE];

    for (size_t i = 0; i < n; i++)
        begin(items[i], &runs[i]);
    do_phase(runs, n, &both, may_be_wide);
    for (size_t i = 0; i < n; i++)
        enc_kernel_shani_encrypt(runs[i].lane, runs[i].in, runs[i].n_rest, runs[i].out);
    do_phase(runs, n, &hash_alone, may_be_wide);
    for (size_t i = 0; i < n; i++)
        end(items[i]);
}

static void hash_waiting(struct enc_kernel_native *lane, uint32_t hash[8])
{
    struct enc_kernel_run run = {.lane = lane, .hash = lane->waiting, .next = lane->waiting};
    struct enc_kernel_run *runs[] = {&run};

    enc_kernel_shani_hash(runs, 1, 1);
    for (size_t i = 0; i < 8; i++)
        hash[i] = __builtin_bswap32(lane->hash[i]);
}

// Ends a message of n_bytes, the last n of which wait (FIPS 180-4,
// 5.1.1).
static void pad_and_hash(struct enc_kernel_native *lane, size_t n, uint64_t n_bytes,
                         uint32_t hash[8])
{
    const uint64_t n_bits = __builtin_bswap64(8 * n_bytes);

    lane->waiting[n++] = 0x80;
    memset(lane->waiting + n, 0, STEP - n);
    if (n > STEP - sizeof(n_bits)) {
        hash_waiting(lane, hash);
        memset(lane->waiting, 0, STEP);
    }
    memcpy(lane->waiting + STEP - sizeof(n_bits), &n_bits, sizeof(n_bits));
    hash_waiting(lane, hash);
}

// RFC 2104, 2.
void enc_kernel_native_mac(struct enc_kernel_native *lane, uint8_t mac[static ENC_KERNEL_MAC])
{
    uint32_t hash[8];

    pad_and_hash(lane, lane->n_waiting, lane->n_hashed, hash);
    memcpy(lane->waiting, hash, ENC_KERNEL_MAC);
    memcpy(lane->hash, lane->outer, sizeof(lane->hash));
    pad_and_hash(lane, ENC_KERNEL_MAC, STEP + ENC_KERNEL_MAC, hash);
    memcpy(mac, hash, ENC_KERNEL_MAC);
}

bool enc_kernel_native_is_there(void)
{
    return enc_cpu_level() >= ENC_CPU_AVX2;
}

void enc_kernel_native_init(struct enc_kernel_native *lane, const uint8_t sign_key[static 16],
                            const uint8_t encrypt_key[static 16],
                            const uint8_t iv[static ENC_KERNEL_BLOCK])
{
    enc_kernel_shani_begin(lane, sign_key, encrypt_key, iv);
}

#else

bool enc_kernel_native_is_there(void)
{
    return false;
}

// As this is so, nobody calls these.

void enc_kernel_native_init(struct enc_kernel_native *lane, const uint8_t sign_key[static 16],
                            const uint8_t encrypt_key[static 16],
                            const uint8_t iv[static ENC_KERNEL_BLOCK])
{
    (void)lane, (void)sign_key, (void)encrypt_key, (void)iv;
}

void enc_kernel_native_run(struct enc_kernel_item *const items[], size_t n)
{
    (void)items, (void)n;
}

void enc_kernel_native_mac(struct enc_kernel_native *lane, uint8_t mac[static ENC_KERNEL_MAC])
{
    (void)lane, (void)mac;
}

#endif
