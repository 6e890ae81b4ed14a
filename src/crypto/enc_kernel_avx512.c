// SPDX-License-Identifier: Apache-2.0
// AES-128-CBC by VAES and SHA-256 by AVX-512, sixteen streams abreast. A vector holds a block of
// AES of four streams, or a word of SHA-256 of all sixteen.
#ifdef __x86_64__

#include <immintrin.h>

#include "enc_kernel_native.h"

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,vaes,aes")))
#define INLINE TARGET static inline __attribute__((always_inline))
#define UNROLL ENC_KERNEL_UNROLL

#define WIDE ENC_KERNEL_WIDE
#define STEP ENC_KERNEL_STEP
#define GROUPS (WIDE / 4) // of four streams
#define ROUNDS 10         // of AES-128

// A slot for each stream that there may be. Those without a stream of their own do the work of the
// first again: the same bytes to the same place.
struct slots {
    const uint8_t *in[WIDE];
    uint8_t *out[WIDE];
    const uint8_t *hash[WIDE];
    const uint8_t *next[WIDE];
};

struct ciphers {
    __m512i round_keys[ROUNDS + 1][GROUPS];
    __m512i chain[GROUPS];
};

INLINE __m512i load(const void *from)
{
    return _mm512_loadu_si512(from);
}

// Rows to columns, of four vectors with four pieces of 16 bytes each.
INLINE void transpose_blocks(__m512i v[4])
{
    __m512i a = _mm512_shuffle_i32x4(v[0], v[1], 0x44), b = _mm512_shuffle_i32x4(v[0], v[1], 0xee);
    __m512i c = _mm512_shuffle_i32x4(v[2], v[3], 0x44), d = _mm512_shuffle_i32x4(v[2], v[3], 0xee);

    v[0] = _mm512_shuffle_i32x4(a, c, 0x88);
    v[1] = _mm512_shuffle_i32x4(a, c, 0xdd);
    v[2] = _mm512_shuffle_i32x4(b, d, 0x88);
    v[3] = _mm512_shuffle_i32x4(b, d, 0xdd);
}

// Rows to columns, of sixteen vectors with sixteen words each.
INLINE void transpose_words(__m512i v[WIDE])
{
    UNROLL(4)
    for (int i = 0; i < WIDE; i += 4) {
        __m512i a = _mm512_unpacklo_epi32(v[i], v[i + 1]);
        __m512i b = _mm512_unpackhi_epi32(v[i], v[i + 1]);
        __m512i c = _mm512_unpacklo_epi32(v[i + 2], v[i + 3]);
        __m512i d = _mm512_unpackhi_epi32(v[i + 2], v[i + 3]);
        v[i] = _mm512_unpacklo_epi64(a, c);
        v[i + 1] = _mm512_unpackhi_epi64(a, c);
        v[i + 2] = _mm512_unpacklo_epi64(b, d);
        v[i + 3] = _mm512_unpackhi_epi64(b, d);
    }
    // Now v[4 * i + j] has, of the streams 4 * i and on, the words j, 4 + j, 8 + j and 12 + j.
    __m512i columns[WIDE];
    UNROLL(4)
    for (int j = 0; j < 4; j++) {
        __m512i words[4] = {v[j], v[4 + j], v[8 + j], v[12 + j]};
        transpose_blocks(words);
        UNROLL(4)
        for (int i = 0; i < 4; i++)
            columns[4 * i + j] = words[i];
    }
    UNROLL(16)
    for (int i = 0; i < WIDE; i++)
        v[i] = columns[i];
}

// The words of a block of each stream, `at` bytes behind `from`.
INLINE void load_words(const uint8_t *const from[WIDE], size_t at, __m512i words[WIDE])
{
    const __m512i big_endian =
        _mm512_broadcast_i32x4(_mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));

    UNROLL(16)
    for (int i = 0; i < WIDE; i++)
        words[i] = _mm512_shuffle_epi8(load(from[i] + at), big_endian);
    transpose_words(words);
}

INLINE __m512i xor3(__m512i a, __m512i b, __m512i c)
{
    return _mm512_ternarylogic_epi32(a, b, c, 0x96);
}

// FIPS 180-4, 4.1.2.
INLINE __m512i big_sigma_0(__m512i x)
{
    return xor3(_mm512_ror_epi32(x, 2), _mm512_ror_epi32(x, 13), _mm512_ror_epi32(x, 22));
}

INLINE __m512i big_sigma_1(__m512i x)
{
    return xor3(_mm512_ror_epi32(x, 6), _mm512_ror_epi32(x, 11), _mm512_ror_epi32(x, 25));
}

INLINE __m512i small_sigma_0(__m512i x)
{
    return xor3(_mm512_ror_epi32(x, 7), _mm512_ror_epi32(x, 18), _mm512_srli_epi32(x, 3));
}

INLINE __m512i small_sigma_1(__m512i x)
{
    return xor3(_mm512_ror_epi32(x, 17), _mm512_ror_epi32(x, 19), _mm512_srli_epi32(x, 10));
}

// Round t of sixteen (FIPS 180-4, 6.2.2). Instead of moving the eight variables on, their names
// move back.
INLINE void hash_round(__m512i state[8], __m512i word, uint32_t constant, int t)
{
    const __m512i a = state[(0 - t) & 7], b = state[(1 - t) & 7], c = state[(2 - t) & 7];
    const __m512i e = state[(4 - t) & 7], f = state[(5 - t) & 7], g = state[(6 - t) & 7];
    __m512i *d = &state[(3 - t) & 7], *h = &state[(7 - t) & 7];
    const __m512i choice = _mm512_ternarylogic_epi32(e, f, g, 0xca);
    const __m512i majority = _mm512_ternarylogic_epi32(a, b, c, 0xe8);

    // The two sums that the next round waits for: what comes last, sigma(e), is added last.
    const __m512i sum =
        _mm512_add_epi32(*h, _mm512_add_epi32(word, _mm512_set1_epi32((int)constant)));
    const __m512i sum_e = _mm512_add_epi32(_mm512_add_epi32(*d, sum), choice);
    const __m512i sum_a =
        _mm512_add_epi32(_mm512_add_epi32(sum, choice), _mm512_add_epi32(majority, big_sigma_0(a)));
    const __m512i sigma = big_sigma_1(e);
    *d = _mm512_add_epi32(sum_e, sigma);
    *h = _mm512_add_epi32(sum_a, sigma);
}

INLINE void schedule_word(__m512i words[WIDE], int t)
{
    __m512i sum = _mm512_add_epi32(words[t], words[(t + 9) & 15]);

    sum = _mm512_add_epi32(sum, small_sigma_0(words[(t + 1) & 15]));
    words[t] = _mm512_add_epi32(sum, small_sigma_1(words[(t + 14) & 15]));
}

// Four pieces of 16 bytes in one vector, and back.
INLINE __m512i gather(const uint8_t *const from[4], size_t at)
{
    __m512i v = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)(from[0] + at)));

    v = _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(from[1] + at)), 1);
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(from[2] + at)), 2);
    return _mm512_inserti32x4(v, _mm_loadu_si128((const __m128i *)(from[3] + at)), 3);
}

INLINE void scatter(__m512i v, uint8_t *const to[4], size_t at)
{
    _mm_storeu_si128((__m128i *)(to[0] + at), _mm512_castsi512_si128(v));
    _mm_storeu_si128((__m128i *)(to[1] + at), _mm512_extracti32x4_epi32(v, 1));
    _mm_storeu_si128((__m128i *)(to[2] + at), _mm512_extracti32x4_epi32(v, 2));
    _mm_storeu_si128((__m128i *)(to[3] + at), _mm512_extracti32x4_epi32(v, 3));
}

// A round of a block of each stream. Round 0 takes the plaintext, round 10 gives the ciphertext.
INLINE void encrypt_round(const struct slots *slots, size_t at, struct ciphers *ciphers, int round)
{
    UNROLL(4)
    for (int g = 0; g < GROUPS; g++) {
        const __m512i key = ciphers->round_keys[round][g];
        __m512i *chain = &ciphers->chain[g];
        if (round == 0) {
            *chain = xor3(*chain, gather(slots->in + 4 * g, at), key);
        } else if (round < ROUNDS) {
            *chain = _mm512_aesenc_epi128(*chain, key);
        } else {
            *chain = _mm512_aesenclast_epi128(*chain, key);
            scatter(*chain, slots->out + 4 * g, at);
        }
    }
}

// Sixteen rounds. In between them, with ciphers, a block of each stream is encrypted, that at `at`.
INLINE void hash_rounds(__m512i state[8], __m512i words[WIDE], int first, const struct slots *slots,
                        size_t at, struct ciphers *ciphers)
{
    UNROLL(16)
    for (int t = 0; t < 16; t++) {
        if (first > 0)
            schedule_word(words, t);
        hash_round(state, words[t], enc_kernel_native_k[first + t], t);
        if (ciphers && t <= ROUNDS)
            encrypt_round(slots, at, ciphers, t);
    }
}

// Hashes a block of each stream; the first of them is not in front of the second. And encrypts what
// is a step ahead.
INLINE void do_step(const struct slots *slots, size_t step, __m512i hash[8],
                    struct ciphers *ciphers)
{
    const uint8_t *const *from = step == 0 ? slots->hash : slots->next;
    const size_t at = step * STEP;
    __m512i words[WIDE], state[8];

    load_words(from, step == 0 ? 0 : at - STEP, words);
    UNROLL(8)
    for (int i = 0; i < 8; i++)
        state[i] = hash[i];
    hash_rounds(state, words, 0, slots, at, ciphers);
    for (int i = 1; i < 4; i++)
        hash_rounds(state, words, 16 * i, slots, at + (size_t)i * ENC_KERNEL_BLOCK, ciphers);
    UNROLL(8)
    for (int i = 0; i < 8; i++)
        hash[i] = _mm512_add_epi32(hash[i], state[i]);
}

static size_t run_of(size_t slot, size_t n_runs)
{
    return slot < n_runs ? slot : 0;
}

INLINE void load_slots(struct enc_kernel_run *const runs[], size_t n_runs, struct slots *slots)
{
    for (size_t i = 0; i < WIDE; i++) {
        const struct enc_kernel_run *run = runs[run_of(i, n_runs)];
        slots->in[i] = run->in;
        slots->out[i] = run->out;
        slots->hash[i] = run->hash;
        slots->next[i] = run->next;
    }
}

INLINE void move_on(struct enc_kernel_run *const runs[], size_t n_runs, size_t n_steps)
{
    for (size_t i = 0; i < n_runs; i++) {
        runs[i]->hash = runs[i]->next + (n_steps - 1) * STEP;
        runs[i]->next += n_steps * STEP;
    }
}

INLINE void load_hashes(struct enc_kernel_run *const runs[], size_t n_runs, __m512i hash[8])
{
    uint32_t words[8][WIDE];

    for (size_t i = 0; i < WIDE; i++) {
        for (size_t word = 0; word < 8; word++)
            words[word][i] = runs[run_of(i, n_runs)]->lane->hash[word];
    }
    for (size_t word = 0; word < 8; word++)
        hash[word] = load(words[word]);
}

INLINE void store_hashes(struct enc_kernel_run *const runs[], size_t n_runs, const __m512i hash[8])
{
    uint32_t words[8][WIDE];

    for (size_t word = 0; word < 8; word++)
        _mm512_storeu_si512(words[word], hash[word]);
    for (size_t i = 0; i < n_runs; i++) {
        for (size_t word = 0; word < 8; word++)
            runs[i]->lane->hash[word] = words[word][i];
    }
}

INLINE void load_ciphers(struct enc_kernel_run *const runs[], size_t n_runs,
                         struct ciphers *ciphers)
{
    for (size_t g = 0; g < GROUPS; g++) {
        const uint8_t *keys[4], *chains[4];
        for (size_t i = 0; i < 4; i++) {
            const struct enc_kernel_native *lane = runs[run_of(4 * g + i, n_runs)]->lane;
            keys[i] = lane->round_keys[0];
            chains[i] = lane->chain;
        }
        for (size_t round = 0; round <= ROUNDS; round++)
            ciphers->round_keys[round][g] = gather(keys, round * ENC_KERNEL_BLOCK);
        ciphers->chain[g] = gather(chains, 0);
    }
}

INLINE void store_chains(struct enc_kernel_run *const runs[], size_t n_runs,
                         const struct ciphers *ciphers)
{
    uint8_t chains[GROUPS][4][ENC_KERNEL_BLOCK];

    for (size_t g = 0; g < GROUPS; g++)
        _mm512_storeu_si512(chains[g], ciphers->chain[g]);
    for (size_t i = 0; i < n_runs; i++)
        __builtin_memcpy(runs[i]->lane->chain, chains[i / 4][i % 4], ENC_KERNEL_BLOCK);
}

TARGET void enc_kernel_avx512_both(struct enc_kernel_run *const runs[], size_t n_runs,
                                   size_t n_steps)
{
    struct ciphers ciphers;
    struct slots slots;
    __m512i hash[8];

    load_slots(runs, n_runs, &slots);
    load_hashes(runs, n_runs, hash);
    load_ciphers(runs, n_runs, &ciphers);
    for (size_t step = 0; step < n_steps; step++) {
        do_step(&slots, step, hash, &ciphers);
    }
    store_chains(runs, n_runs, &ciphers);
    store_hashes(runs, n_runs, hash);
    move_on(runs, n_runs, n_steps);
    for (size_t i = 0; i < n_runs; i++) {
        runs[i]->in += n_steps * STEP;
        runs[i]->out += n_steps * STEP;
    }
}

TARGET void enc_kernel_avx512_hash(struct enc_kernel_run *const runs[], size_t n_runs,
                                   size_t n_steps)
{
    struct slots slots;
    __m512i hash[8];

    load_slots(runs, n_runs, &slots);
    load_hashes(runs, n_runs, hash);
    for (size_t step = 0; step < n_steps; step++)
        do_step(&slots, step, hash, NULL);
    store_hashes(runs, n_runs, hash);
    move_on(runs, n_runs, n_steps);
}

#endif
