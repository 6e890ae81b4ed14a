// SPDX-License-Identifier: Apache-2.0
// What was verified and then reads otherwise the second time: never as many bytes as were
// announced.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "decrypt_files.h"
#include "with_crypto.h"

#define N_LARGE (2 * ENC_AGE_CHUNK + 1000)

static uint8_t plain[N_LARGE];

static int set_up(void **state)
{
    age_fill(plain, sizeof(plain));
    return set_up_crypto(state);
}

static const struct drive_plan plans[] = {
    {.pieces = {SIZE_MAX}, .n_pieces = 1, .rooms = {1}, .n_rooms = 1},
    {.pieces = {1}, .n_pieces = 1, .rooms = {1}, .n_rooms = 1},
    {.pieces = {310, 1, 17}, .n_pieces = 3, .rooms = {300, 65536, 65599}, .n_rooms = 3},
    {.pieces = {16384}, .n_pieces = 1, .rooms = {1 << 17}, .n_rooms = 1},
};

#define N_PLANS (sizeof(plans) / sizeof(plans[0]))

// What happens between the passes.
struct change {
    drive_change *make;
    size_t at, n;
    const char *text;
    const struct age_bytes *other;
};

static void flip(struct age_bytes *kept, const void *how)
{
    const struct change *change = how;

    kept->at[change->at / 8] ^= (uint8_t)(1 << change->at % 8);
}

static void cut(struct age_bytes *kept, const void *how)
{
    kept->n = ((const struct change *)how)->at;
}

static void append_text(struct age_bytes *kept, const void *how)
{
    decrypt_append_text(kept, ((const struct change *)how)->text);
}

static void prepend_text(struct age_bytes *kept, const void *how)
{
    struct age_bytes longer = {0};

    decrypt_append_text(&longer, ((const struct change *)how)->text);
    age_append(&longer, kept->at, kept->n);
    age_free(kept);
    *kept = longer;
}

static void replace(struct age_bytes *kept, const void *how)
{
    kept->n = 0;
    age_append(kept, ((const struct change *)how)->other->at,
               ((const struct change *)how)->other->n);
}

// The n bytes at `at`, and those behind them.
static void swap(struct age_bytes *kept, const void *how)
{
    const struct change *change = how;

    for (size_t i = change->at; i < change->at + change->n; i++) {
        uint8_t byte = kept->at[i];
        kept->at[i] = kept->at[i + change->n];
        kept->at[i + change->n] = byte;
    }
}

static void change_between(const struct decrypt_kind *kind, const struct age_bytes *file, size_t p,
                           const struct change *change, struct drive_decrypted *ret)
{
    struct enc_decrypt_job_options options = decrypt_options(kind);
    struct drive_passes passes = {
        .first = plans[0], .second = plans[p % N_PLANS], .change = change->make, .how = change};

    drive_decrypt(&options, &passes, file->at, file->n, ret);
    assert_true(ret->is_verified);
}

// drive_decrypt sees to it that too little is put out.
static void assert_changed(const struct decrypt_kind *kind, const struct age_bytes *file, size_t p,
                           const struct change *change)
{
    struct drive_decrypted decrypted;

    change_between(kind, file, p, change, &decrypted);
    if (decrypted.status != ENC_FILE_CHANGED)
        fail_msg("%s, at %zu: %s", kind->label, change->at, enc_status_name(decrypted.status));
    if (kind->format == ENC_JOB_AGE && decrypted.plain.n > 0)
        assert_memory_equal(decrypted.plain.at, plain, decrypted.plain.n);
    drive_decrypted_free(&decrypted);
}

static void assert_reads_the_same(const struct decrypt_kind *kind, const struct age_bytes *file,
                                  size_t n, const struct change *change)
{
    for (size_t p = 0; p < N_PLANS; p++) {
        struct drive_decrypted decrypted;
        change_between(kind, file, p, change, &decrypted);
        assert_int_equal(decrypted.status, ENC_OK);
        assert_int_equal(decrypted.plain.n, n);
        assert_memory_equal(decrypted.plain.at, plain, n);
        drive_decrypted_free(&decrypted);
    }
}

static const size_t small_sizes[] = {0, 1, 40};

#define N_SMALL_SIZES (sizeof(small_sizes) / sizeof(small_sizes[0]))

static void no_bit_can_be_flipped_between_the_passes(void **state)
{
    (void)state;
    for (size_t i = 0; i < DECRYPT_N_KINDS * N_SMALL_SIZES; i++) {
        const struct decrypt_kind *kind = &decrypt_kinds[i % DECRYPT_N_KINDS];
        struct age_bytes file;
        // All of a file, and some of the others. Of armor the bits are many.
        const size_t step = i / DECRYPT_N_KINDS < 2 ? 31 : kind->armor ? 3 : 1;
        decrypt_make(kind, plain, small_sizes[i / DECRYPT_N_KINDS], &file);
        for (size_t bit = 0; bit < 8 * file.n; bit += step) {
            struct change change = {.make = flip, .at = bit};
            assert_changed(kind, &file, bit / 8, &change);
        }
        age_free(&file);
    }
}

static void no_bit_of_a_large_file_can_be_flipped_between_the_passes(void **state)
{
    (void)state;
    for (size_t k = 0; k < DECRYPT_N_KINDS; k++) {
        struct age_bytes file;
        decrypt_make(&decrypt_kinds[k], plain, N_LARGE, &file);
        for (size_t i = 0; i < 30; i++) {
            // Near the end, and all over it.
            const size_t from_end = i % 2 ? i * 7 : i * (8 * file.n / 30);
            struct change change = {.make = flip, .at = 8 * file.n - 1 - from_end};
            assert_changed(&decrypt_kinds[k], &file, i % 2 ? 0 : 3, &change);
        }
        age_free(&file);
    }
}

static void nothing_can_be_cut_off_between_the_passes(void **state)
{
    (void)state;
    for (size_t i = 0; i < DECRYPT_N_KINDS * N_SMALL_SIZES; i++) {
        const struct decrypt_kind *kind = &decrypt_kinds[i % DECRYPT_N_KINDS];
        struct age_bytes file;
        decrypt_make(kind, plain, small_sizes[i / DECRYPT_N_KINDS], &file);
        for (size_t n = 0; n < file.n - kind->armor; n++) {
            struct change change = {.make = cut, .at = n};
            assert_changed(kind, &file, n, &change);
        }
        age_free(&file);
    }
}

static void no_chunk_can_be_cut_off_between_the_passes(void **state)
{
    const size_t sizes[] = {ENC_AGE_CHUNK, 2 * ENC_AGE_CHUNK, N_LARGE};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct age_bytes file;
        decrypt_make(&decrypt_kinds[DECRYPT_AGE], plain, sizes[i], &file);
        const size_t n_chunk = ENC_AGE_CHUNK + ENC_AEAD_TAG;
        const size_t n_chunks = (sizes[i] + ENC_AGE_CHUNK - 1) / ENC_AGE_CHUNK;
        const size_t n_head = file.n - sizes[i] - n_chunks * ENC_AEAD_TAG;
        for (size_t k = 0; k < n_chunks; k++) {
            for (size_t p = 0; p < 3 * N_PLANS; p++) {
                struct change change = {.make = cut, .at = n_head + k * n_chunk + p % 3 - 1};
                assert_changed(&decrypt_kinds[DECRYPT_AGE], &file, p, &change);
            }
        }
        age_free(&file);
    }
}

static void nothing_can_be_appended_between_the_passes(void **state)
{
    static const char *const texts[] = {"x", "A", "=", "AAAA", "\n\n", "\r", " "};
    const size_t n_space = 3, n_texts = sizeof(texts) / sizeof(texts[0]);
    const size_t sizes[] = {0, 16, ENC_AGE_CHUNK, ENC_AGE_CHUNK + 1};

    (void)state;
    for (size_t i = 0; i < 4 * DECRYPT_N_KINDS; i++) {
        const struct decrypt_kind *kind = &decrypt_kinds[i % DECRYPT_N_KINDS];
        struct age_bytes file;
        decrypt_make(kind, plain, sizes[i / DECRYPT_N_KINDS], &file);
        for (size_t t = 0; t < n_texts - (kind->armor ? n_space : 0); t++) {
            struct change change = {.make = append_text, .text = texts[t]};
            assert_changed(kind, &file, 0, &change);
            assert_changed(kind, &file, 3, &change);
        }
        struct age_bytes twice = {0};
        age_append(&twice, file.at, file.n);
        age_append(&twice, file.at, file.n);
        struct change change = {.make = replace, .other = &twice};
        assert_changed(kind, &file, 0, &change);
        age_free(&twice);
        age_free(&file);
    }
}

static void what_reads_the_same_is_the_same(void **state)
{
    const struct decrypt_kind *kinds = decrypt_kinds;
    struct age_bytes files[DECRYPT_N_KINDS];

    (void)state;
    for (size_t k = 0; k < DECRYPT_N_KINDS; k++)
        decrypt_make(&kinds[k], plain, 3000, &files[k]);
    struct change lf = {.make = append_text, .text = "\n"};
    assert_reads_the_same(&kinds[DECRYPT_FERNET], &files[DECRYPT_FERNET], 3000, &lf);
    assert_reads_the_same(&kinds[DECRYPT_ARMORED], &files[DECRYPT_ARMORED], 3000, &lf);
    struct change behind = {.make = append_text, .text = " \r\n\t\n"};
    assert_reads_the_same(&kinds[DECRYPT_ARMORED], &files[DECRYPT_ARMORED], 3000, &behind);
    struct change before = {.make = prepend_text, .text = "\n"};
    assert_reads_the_same(&kinds[DECRYPT_ARMORED], &files[DECRYPT_ARMORED], 3000, &before);
    // The same seed: the same file, with armor or without.
    struct change armored = {.make = replace, .other = &files[DECRYPT_ARMORED]};
    assert_reads_the_same(&kinds[DECRYPT_AGE], &files[DECRYPT_AGE], 3000, &armored);
    struct change bare = {.make = replace, .other = &files[DECRYPT_AGE]};
    assert_reads_the_same(&kinds[DECRYPT_ARMORED], &files[DECRYPT_ARMORED], 3000, &bare);
    for (size_t k = 0; k < DECRYPT_N_KINDS; k++)
        age_free(&files[k]);
}

static void another_file_of_the_same_key_and_size_is_another_file(void **state)
{
    const size_t sizes[] = {0, 1, 15, 16, 1000, ENC_AGE_CHUNK, N_LARGE};

    (void)state;
    for (size_t i = 0; i < DECRYPT_N_KINDS * 7; i++) {
        const struct decrypt_kind *kind = &decrypt_kinds[i % DECRYPT_N_KINDS];
        struct age_bytes file, other;
        struct drive_decrypted decrypted;
        decrypt_make(kind, plain, sizes[i / DECRYPT_N_KINDS], &file);
        decrypt_make_seeded(kind, 1, plain, sizes[i / DECRYPT_N_KINDS], &other);
        assert_int_equal(other.n, file.n);
        struct change change = {.make = replace, .other = &other};
        for (size_t p = 0; p < N_PLANS; p++) {
            change_between(kind, &file, p, &change, &decrypted);
            assert_int_equal(decrypted.status, ENC_FILE_CHANGED);
            assert_int_equal(decrypted.plain.n, 0);
            drive_decrypted_free(&decrypted);
        }
        age_free(&other);
        age_free(&file);
    }
}

// What is authentic under the same header and nonce, and still not what was announced.
static void a_file_of_the_same_seed_and_another_size_is_another_file(void **state)
{
    const size_t sizes[] = {0,
                            1,
                            15,
                            16,
                            500,
                            1000,
                            1001,
                            ENC_AGE_CHUNK - 1,
                            ENC_AGE_CHUNK,
                            ENC_AGE_CHUNK + 1,
                            2 * ENC_AGE_CHUNK,
                            N_LARGE};
    const size_t n_sizes = sizeof(sizes) / sizeof(sizes[0]);

    (void)state;
    for (size_t k = 0; k < DECRYPT_N_KINDS; k++) {
        struct age_bytes files[sizeof(sizes) / sizeof(sizes[0])];
        for (size_t i = 0; i < n_sizes; i++)
            decrypt_make(&decrypt_kinds[k], plain, sizes[i], &files[i]);
        for (size_t i = 0; i < n_sizes * n_sizes; i++) {
            struct change change = {.make = replace, .other = &files[i % n_sizes]};
            if (i % n_sizes != i / n_sizes)
                assert_changed(&decrypt_kinds[k], &files[i / n_sizes], i % 2 ? 0 : 3, &change);
        }
        for (size_t i = 0; i < n_sizes; i++)
            age_free(&files[i]);
    }
}

static void no_pieces_can_be_swapped_between_the_passes(void **state)
{
    const size_t n_chunk = ENC_AGE_CHUNK + ENC_AEAD_TAG;
    struct age_bytes files[DECRYPT_N_KINDS];

    (void)state;
    for (size_t k = 0; k < DECRYPT_N_KINDS; k++)
        decrypt_make(&decrypt_kinds[k], plain, N_LARGE, &files[k]);
    const size_t n_head = files[DECRYPT_AGE].n - 3 * ENC_AEAD_TAG - N_LARGE;
    const struct change changes[DECRYPT_N_KINDS][3] = {
        // 64 characters are three blocks, behind 36 of header.
        {{.make = swap, .at = 64, .n = 64},
         {.make = swap, .at = 8192, .n = 40000},
         {.make = swap, .at = files[DECRYPT_FERNET].n - 192, .n = 64}},
        {{.make = swap, .at = n_head, .n = n_chunk},
         {.make = swap, .at = n_head, .n = 16},
         {.make = swap, .at = 22, .n = 64}},
        {{.make = swap, .at = 35, .n = 65},
         {.make = swap, .at = 35 + 65 * 100, .n = 65 * 500},
         {.make = swap, .at = 35 + 65 * 20, .n = 65}},
    };
    for (size_t i = 0; i < 3 * DECRYPT_N_KINDS * N_PLANS; i++) {
        const size_t k = i % DECRYPT_N_KINDS;
        assert_changed(&decrypt_kinds[k], &files[k], i / 9, &changes[k][i / DECRYPT_N_KINDS % 3]);
    }
    for (size_t k = 0; k < DECRYPT_N_KINDS; k++)
        age_free(&files[k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_bit_can_be_flipped_between_the_passes),
        cmocka_unit_test(no_bit_of_a_large_file_can_be_flipped_between_the_passes),
        cmocka_unit_test(nothing_can_be_cut_off_between_the_passes),
        cmocka_unit_test(no_chunk_can_be_cut_off_between_the_passes),
        cmocka_unit_test(nothing_can_be_appended_between_the_passes),
        cmocka_unit_test(what_reads_the_same_is_the_same),
        cmocka_unit_test(another_file_of_the_same_key_and_size_is_another_file),
        cmocka_unit_test(a_file_of_the_same_seed_and_another_size_is_another_file),
        cmocka_unit_test(no_pieces_can_be_swapped_between_the_passes),
    };
    return cmocka_run_group_tests_name("decrypt_job_passes", tests, set_up, tear_down_crypto);
}
