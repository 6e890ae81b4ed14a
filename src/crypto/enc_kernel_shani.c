// SPDX-License-Identifier: Apache-2.0
// AES-128-CBC by AES-NI and SHA-256 by SHA-NI, stitched: both are chains in which each instruction
// waits for the one before, so that the processor does one chain in the gaps of the other, and a
// second stream in what gaps are left.
#ifdef __x86_64__

#include <immintrin.h>
#include <string.h>

#include "enc_kernel_native.h"

#define TARGET __attribute__((target("avx2,aes,sha")))
// The number of runs is a constant where these are used.
#define INLINE TARGET static inline __attribute__((always_inline))
#define UNROLL ENC_KERNEL_UNROLL
#define EACH(i, n) UNROLL(2) for (int i = 0; i < n; i++)

#define BLOCK ENC_KERNEL_BLOCK
#define STEP ENC_KERNEL_STEP
#define ROUNDS 10 // of AES-128

// A hash's state as SHA-NI wants it (Intel SDM, SHA256RNDS2).
struct hash {
    __m128i abef, cdgh;
};

INLINE __m128i load(const void *from)
{
    return _mm_loadu_si128((const __m128i *)from);
}

INLINE void store(void *to, __m128i value)
{
    _mm_storeu_si128((__m128i *)to, value);
}

INLINE struct hash load_hash(const uint32_t state[8])
{
    __m128i badc = _mm_shuffle_epi32(load(state), 0xb1);
    __m128i hgfe = _mm_shuffle_epi32(load(state + 4), 0x1b);

    return (struct hash){.abef = _mm_alignr_epi8(badc, hgfe, 8),
                         .cdgh = _mm_blend_epi16(hgfe, badc, 0xf0)};
}

INLINE void store_hash(uint32_t state[8], const struct hash *hash)
{
    __m128i feba = _mm_shuffle_epi32(hash->abef, 0x1b);
    __m128i dchg = _mm_shuffle_epi32(hash->cdgh, 0xb1);

    store(state, _mm_blend_epi16(feba, dchg, 0xf0));
    store(state + 4, _mm_alignr_epi8(dchg, feba, 8));
}

INLINE void load_words(const uint8_t *block, __m128i words[4])
{
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);

    UNROLL(4)
    for (int i = 0; i < 4; i++)
        words[i] = _mm_shuffle_epi8(load(block + BLOCK * i), big_endian);
}

// The rounds 4 * g to 4 * g + 3, and the four words of the schedule that are used next in the place
// of those (FIPS 180-4, 6.2.2).
INLINE void hash_rounds(struct hash *hash, __m128i words[4], int g)
{
    __m128i sum = _mm_add_epi32(words[g & 3], load(enc_kernel_native_k + 4 * g));

    hash->cdgh = _mm_sha256rnds2_epu32(hash->cdgh, hash->abef, sum);
    hash->abef = _mm_sha256rnds2_epu32(hash->abef, hash->cdgh, _mm_shuffle_epi32(sum, 0x0e));
    if (g < 12) {
        const __m128i last = words[(g + 3) & 3];
        __m128i word = _mm_sha256msg1_epu32(words[g & 3], words[(g + 1) & 3]);
        word = _mm_add_epi32(word, _mm_alignr_epi8(last, words[(g + 2) & 3], 4));
        words[g & 3] = _mm_sha256msg2_epu32(word, last);
    }
}

INLINE void hash_end(struct hash *hash, const struct hash *before)
{
    hash->abef = _mm_add_epi32(hash->abef, before->abef);
    hash->cdgh = _mm_add_epi32(hash->cdgh, before->cdgh);
}

// A quarter of a block: the first takes the plaintext, the last gives the ciphertext.
INLINE void encrypt_quarter(const struct enc_kernel_native *lane, __m128i *chain, int quarter,
                            const uint8_t *in, uint8_t *out)
{
    static const int first[] = {1, 4, 7, 9, ROUNDS};

    if (quarter == 0)
        *chain = _mm_xor_si128(_mm_xor_si128(load(in), load(lane->round_keys[0])), *chain);
    UNROLL(3)
    for (int round = first[quarter]; round < first[quarter + 1]; round++)
        *chain = _mm_aesenc_si128(*chain, load(lane->round_keys[round]));
    if (quarter == 3) {
        *chain = _mm_aesenclast_si128(*chain, load(lane->round_keys[ROUNDS]));
        store(out, *chain);
    }
}

INLINE void advance_hash(struct enc_kernel_run *run)
{
    run->hash = run->next;
    run->next += STEP;
}

// Hashes a block of each run in each step, and encrypts what is a step ahead.
INLINE void do_steps(struct enc_kernel_run *const runs[], const int n_runs, size_t n_steps,
                     const bool encrypts)
{
    struct hash hash[2];
    __m128i chain[2];

    EACH (i, n_runs) {
        hash[i] = load_hash(runs[i]->lane->hash);
        chain[i] = load(runs[i]->lane->chain);
    }
    for (size_t step = 0; step < n_steps; step++) {
        struct hash before[2];
        __m128i words[2][4];

        EACH (i, n_runs) {
            before[i] = hash[i];
            load_words(runs[i]->hash, words[i]);
            advance_hash(runs[i]);
        }
        UNROLL(16)
        for (int g = 0; g < 16; g++) {
            EACH (i, n_runs) {
                hash_rounds(&hash[i], words[i], g);
                if (encrypts)
                    encrypt_quarter(runs[i]->lane, &chain[i], g % 4, runs[i]->in + g / 4 * BLOCK,
                                    runs[i]->out + g / 4 * BLOCK);
            }
        }
        EACH (i, n_runs) {
            hash_end(&hash[i], &before[i]);
            if (encrypts) {
                runs[i]->in += STEP;
                runs[i]->out += STEP;
            }
        }
    }
    EACH (i, n_runs) {
        store_hash(runs[i]->lane->hash, &hash[i]);
        store(runs[i]->lane->chain, chain[i]);
    }
}

// With numbers that the compiler knows.
INLINE void do_steps_of_one_or_two(struct enc_kernel_run *const runs[], size_t n_runs,
                                   size_t n_steps, const bool encrypts)
{
    if (n_runs == 2)
        do_steps(runs, 2, n_steps, encrypts);
    else
        do_steps(runs, 1, n_steps, encrypts);
}

TARGET void enc_kernel_shani_both(struct enc_kernel_run *const runs[], size_t n_runs,
                                  size_t n_steps)
{
    do_steps_of_one_or_two(runs, n_runs, n_steps, true);
}

TARGET void enc_kernel_shani_hash(struct enc_kernel_run *const runs[], size_t n_runs,
                                  size_t n_steps)
{
    do_steps_of_one_or_two(runs, n_runs, n_steps, false);
}

TARGET void enc_kernel_shani_encrypt(struct enc_kernel_native *lane, const uint8_t *in, size_t n,
                                     uint8_t *out)
{
    __m128i chain = load(lane->chain);

    for (size_t at = 0; at < n; at += BLOCK) {
        UNROLL(4)
        for (int quarter = 0; quarter < 4; quarter++)
            encrypt_quarter(lane, &chain, quarter, in + at, out + at);
    }
    store(lane->chain, chain);
}

// FIPS 197, 5.2: the next round key, from the one before and AESKEYGENASSIST of that.
INLINE __m128i expand(__m128i key, __m128i assist)
{
    key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
    return _mm_xor_si128(key, _mm_shuffle_epi32(assist, 0xff));
}

INLINE void expand_key(uint8_t round_keys[ROUNDS + 1][BLOCK], const uint8_t key[static 16])
{
    __m128i round_key = load(key);

    store(round_keys[0], round_key);
// The instruction has the round's constant in itself.
#define EXPAND(round, constant)                                                                    \
    round_key = expand(round_key, _mm_aeskeygenassist_si128(round_key, constant));                 \
    store(round_keys[round], round_key)
    EXPAND(1, 0x01);
    EXPAND(2, 0x02);
    EXPAND(3, 0x04);
    EXPAND(4, 0x08);
    EXPAND(5, 0x10);
    EXPAND(6, 0x20);
    EXPAND(7, 0x40);
    EXPAND(8, 0x80);
    EXPAND(9, 0x1b);
    EXPAND(10, 0x36);
#undef EXPAND
}

// The state behind the block of the key, padded with a byte (RFC 2104, 2).
INLINE void hash_key(uint32_t state[8], const uint8_t key[static 16], int8_t padding)
{
    static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    const struct hash before = load_hash(initial); // FIPS 180-4, 5.3.3
    struct hash hash = before;
    uint8_t block[STEP];
    __m128i words[4];

    memset(block, padding, sizeof(block));
    store(block, _mm_xor_si128(load(key), _mm_set1_epi8(padding)));
    load_words(block, words);
    UNROLL(16)
    for (int g = 0; g < 16; g++)
        hash_rounds(&hash, words, g);
    hash_end(&hash, &before);
    store_hash(state, &hash);
}

TARGET void enc_kernel_shani_begin(struct enc_kernel_native *lane,
                                   const uint8_t sign_key[static 16],
                                   const uint8_t encrypt_key[static 16],
                                   const uint8_t iv[static 16])
{
    expand_key(lane->round_keys, encrypt_key);
    store(lane->chain, load(iv));
    hash_key(lane->hash, sign_key, 0x36);
    hash_key(lane->outer, sign_key, 0x5c);
    lane->n_waiting = 0;
    lane->n_hashed = STEP;
}

#endif
