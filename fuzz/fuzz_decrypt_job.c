// SPDX-License-Identifier: Apache-2.0
// A file that is decrypted in any pieces and rooms comes to what it does as a whole, in both passes
// or in one; and what is altered, before the first pass or the second, is never put out as a whole.
//
// An input is a byte of switches, another one, and two bytes of pieces and one of a room for each
// pass. Then comes either a body, for the keys of the tests; or a description of one that the
// target makes, since no fuzzer finds MACs: two bytes of size, and ways to alter it, four bytes
// each.
#include "../tests/unit/decrypt_files.h"
#include "enc_crypto_init.h"
#include "pieces.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD 8
#define LONGER_BYTES 65000 // with the size, around a chunk of age
#define OTHER_KEY "TUFSS0VSLWtleS1zaWduLU1BUktFUi1rZXktZW5jcnk="

enum {
    SWITCH_FORM = 1,
    SWITCH_AGE = 2,
    SWITCH_ARMOR = 4,
    SWITCH_RELEASE = 8,
    SWITCH_TTL = 16,
    SWITCH_BODY = 32,   // the rest is the body
    SWITCH_LONGER = 64, // LONGER_BYTES more
    SWITCH_OTHER_KEY = 128,
};

enum {
    MORE_OTHER_SEED = 1, // pass 2 gets another file of the same size
    MORE_WHOLE = 2,      // must_be_whole
    MORE_SHORTER = 4,    // pass 2 gets a file of the same seed and less
};

#define PLAIN_MAX (LONGER_BYTES + 65536)

static uint8_t plain[PLAIN_MAX];

// What the input describes.
struct upload {
    struct enc_decrypt_job_options options;
    struct drive_passes passes;
    const struct decrypt_kind *kind;
    bool is_made;
    bool is_altered; // before pass 1
    size_t n_plain;
    struct age_bytes file;  // as it was made
    struct age_bytes body;  // with the file as it was altered, and maybe as a form
    struct age_bytes other; // instead of what was kept; empty: the same
    const uint8_t *ways;    // to alter
    size_t n_ways;
};

static void begin(void)
{
    if (plain[1] != 0)
        return;
    DRIVE_CHECK(enc_crypto_init() == ENC_OK);
    age_fill(plain, sizeof(plain));
}

static void insert(struct age_bytes *bytes, size_t at, const uint8_t *more, size_t n)
{
    struct age_bytes longer = {0};

    if (at > 0)
        age_append(&longer, bytes->at, at);
    age_append(&longer, more, n);
    if (at < bytes->n)
        age_append(&longer, bytes->at + at, bytes->n - at);
    age_free(bytes);
    *bytes = longer;
}

static void erase(struct age_bytes *bytes, size_t at, size_t n)
{
    n = n < bytes->n - at ? n : bytes->n - at;
    if (n > 0)
        memmove(bytes->at + at, bytes->at + at + n, bytes->n - at - n);
    bytes->n -= n;
}

// The n bytes at `at`, and those behind them, as many as there are.
static void swap(struct age_bytes *bytes, size_t at, size_t n)
{
    n = n < (bytes->n - at) / 2 ? n : (bytes->n - at) / 2;
    for (size_t i = at; i < at + n; i++) {
        uint8_t byte = bytes->at[i];
        bytes->at[i] = bytes->at[i + n];
        bytes->at[i + n] = byte;
    }
}

// A place that scales with the size, or is near an end.
static size_t place_of(const uint8_t how[static 4], size_t n)
{
    const size_t place = how[1] | (size_t)how[2] << 8, near = place % (n + 1);

    if (how[0] & 0x40)
        return place * n / 65536;
    return how[0] & 0x20 ? n - near : near;
}

static void alter(const uint8_t how[static 4], struct age_bytes *bytes)
{
    static const uint8_t spaces[] = "\n\r\n \t";
    static uint8_t space[800 + 256];
    static const size_t sizes[] = {1, 4, 16, 64, 65, 3, 65536, 65552};
    const size_t at = place_of(how, bytes->n), n = sizes[how[3] % 8];

    switch (how[0] & 7) {
    case 0:
        if (at < bytes->n)
            bytes->at[at] ^= (uint8_t)(1 << how[3] % 8);
        break;
    case 1:
        bytes->n = at;
        break;
    case 2:
        insert(bytes, at, how + 3, 1);
        break;
    case 3:
        if (at < bytes->n)
            bytes->at[at] = how[3];
        break;
    case 4:
        insert(bytes, at, spaces, how[3] % sizeof(spaces));
        break;
    case 5:
        erase(bytes, at, n);
        break;
    case 6:
        swap(bytes, at, n);
        break;
    case 7: // white space in front of it all, or nearly too much
        memset(space, how[3] % 2 ? '\n' : ' ', sizeof(space));
        insert(bytes, 0, space, how[3] < 250 ? how[3] % 4 : 800u + how[3]);
        break;
    }
}

// The ways whose upper bit says so are for pass 2.
static bool alter_all(const struct upload *upload, uint8_t which, struct age_bytes *bytes)
{
    bool is_altered = false;

    for (size_t at = 0; at + 4 <= upload->n_ways && at < 4 * 16; at += 4) {
        if ((upload->ways[at] & 0x80) != which)
            continue;
        alter(upload->ways + at, bytes);
        is_altered = true;
    }
    return is_altered;
}

static void change(struct age_bytes *kept, const void *how)
{
    const struct upload *upload = how;

    if (upload->other.n > 0) {
        kept->n = 0;
        age_append(kept, upload->other.at, upload->other.n);
    }
    if (upload->is_made)
        alter_all(upload, 0x80, kept);
}

static void choose(const uint8_t bytes[static 3], struct drive_plan *plan)
{
    uint32_t split = bytes[0] | (uint32_t)bytes[1] << 8;

    plan->takes_room = bytes[2] % 4 == 3; // not for each byte of a large file
    plan->n_pieces = 1 + bytes[0] % 4;
    for (size_t i = 0; i < plan->n_pieces; i++)
        plan->pieces[i] = next_size(&split, SIZE_MAX - 1000) + (plan->takes_room ? 1000 : 0);
    plan->n_rooms = 2;
    plan->rooms[0] = 1;
    plan->rooms[1] = bytes[2] < 128 ? 256u + bytes[2] : 65536u + (bytes[2] - 128u) * 700;
}

static void make_body(uint8_t switches, uint8_t more, const uint8_t *data, size_t n,
                      struct upload *upload)
{
    struct age_bytes file = {0};

    upload->is_made = true;
    upload->n_plain = n < 2 ? 0 : data[0] | (size_t)data[1] << 8;
    if (switches & SWITCH_LONGER)
        upload->n_plain += LONGER_BYTES;
    upload->ways = n < 2 ? data : data + 2;
    upload->n_ways = n < 2 ? 0 : n - 2;
    decrypt_make(upload->kind, plain, upload->n_plain, &upload->file);
    if (more & MORE_OTHER_SEED)
        decrypt_make_seeded(upload->kind, 1, plain, upload->n_plain, &upload->other);
    else if (more & MORE_SHORTER)
        decrypt_make(upload->kind, plain, upload->n_plain / 2, &upload->other);
    age_append(&file, upload->file.at, upload->file.n);
    upload->is_altered = alter_all(upload, 0, &file);
    if (switches & SWITCH_FORM) {
        upload->body = decrypt_form("name=file; filename=f", &file);
        age_free(&file);
    } else {
        upload->body = file;
    }
}

static void read_upload(const uint8_t *data, size_t n, struct upload *upload)
{
    const uint8_t switches = data[0], more = data[1];
    const size_t kind = !(switches & SWITCH_AGE)  ? DECRYPT_FERNET
                        : switches & SWITCH_ARMOR ? DECRYPT_ARMORED
                                                  : DECRYPT_AGE;

    *upload = (struct upload){.kind = &decrypt_kinds[kind]};
    upload->options = decrypt_options(upload->kind);
    if (switches & SWITCH_FORM)
        decrypt_be_form(&upload->options);
    upload->options.release_chunks = switches & SWITCH_RELEASE;
    upload->options.must_be_whole = more & MORE_WHOLE;
    upload->options.has_ttl = switches & SWITCH_TTL;
    upload->options.ttl = more >> 3;
    upload->options.time += 10;
    if (switches & SWITCH_OTHER_KEY) {
        upload->options.key = OTHER_KEY;
        upload->options.n_key = sizeof(OTHER_KEY) - 1;
    }
    choose(data + 2, &upload->passes.first);
    choose(data + 5, &upload->passes.second);
    upload->passes.how = upload;
    if (switches & SWITCH_BODY)
        age_append(&upload->body, data + HEAD, n - HEAD);
    else
        make_body(switches, more, data + HEAD, n - HEAD, upload);
}

static bool is_same(const struct age_bytes *a, const struct age_bytes *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->at, b->at, a->n) == 0);
}

static bool is_beginning(const struct age_bytes *a, const uint8_t *bytes, size_t n)
{
    return a->n <= n && (a->n == 0 || memcmp(a->at, bytes, a->n) == 0);
}

// Of the same bytes in other pieces.
static void check_same(const struct drive_decrypted *a, const struct drive_decrypted *b)
{
    DRIVE_CHECK(a->is_refused == b->is_refused && a->is_verified == b->is_verified);
    DRIVE_CHECK(a->status == b->status && a->step == b->step);
    DRIVE_CHECK(a->size == b->size && is_same(&a->plain, &b->plain));
    if (!a->is_refused)
        DRIVE_CHECK(a->name.n == b->name.n && strcmp(a->name.chars, b->name.chars) == 0);
    // Of what is no file, how much is kept depends on the pieces.
    if (a->is_verified)
        DRIVE_CHECK(is_same(&a->kept, &b->kept) && a->step == ENC_JOB_DONE);
}

// Nobody makes another file that passes for one.
static void check_made(const struct upload *upload, const struct drive_decrypted *decrypted)
{
    if (decrypted->step == ENC_JOB_DONE)
        DRIVE_CHECK(decrypted->plain.n == upload->n_plain);
    if (upload->kind->format == ENC_JOB_AGE || decrypted->step == ENC_JOB_DONE)
        DRIVE_CHECK(is_beginning(&decrypted->plain, plain, upload->n_plain));
    if (decrypted->is_verified)
        DRIVE_CHECK(decrypted->size == upload->n_plain);
}

// What was not altered is good, for the key that it was made for.
static void check_unaltered(const struct upload *upload, const struct drive_decrypted *decrypted)
{
    if (decrypted->is_refused || upload->options.key != upload->kind->key)
        return;
    if (upload->options.has_ttl && upload->options.ttl < 10)
        DRIVE_CHECK(decrypted->status == ENC_FERNET_EXPIRED);
    else
        DRIVE_CHECK(decrypted->step == ENC_JOB_DONE);
    if (decrypted->is_verified)
        DRIVE_CHECK(is_same(&decrypted->kept, &upload->file));
}

// One pass comes to the end that two come to.
static void check_other_mode(struct upload *upload, const struct drive_decrypted *whole)
{
    struct enc_decrypt_job_options options = upload->options;
    const struct drive_passes passes = DECRYPT_WHOLE;
    struct drive_decrypted other;

    if (upload->kind->format != ENC_JOB_AGE || whole->is_refused)
        return;
    options.release_chunks = true;
    options.must_be_whole = whole->has_one_pass;
    drive_decrypt(&options, &passes, upload->body.at, upload->body.n, &other);
    if (other.is_refused)
        return;
    DRIVE_CHECK(other.status == whole->status && other.step == whole->step);
    if (whole->step == ENC_JOB_DONE)
        DRIVE_CHECK(is_same(&other.plain, &whole->plain));
    drive_decrypted_free(&other);
}

// Pass 2 gets something else.
static void check_changed(struct upload *upload, const struct drive_decrypted *whole)
{
    struct drive_decrypted changed;

    upload->passes.change = change;
    drive_decrypt(&upload->options, &upload->passes, upload->body.at, upload->body.n, &changed);
    DRIVE_CHECK(changed.is_verified && changed.size == whole->size);
    DRIVE_CHECK(changed.status == ENC_OK || changed.status == ENC_FILE_CHANGED);
    if (changed.status == ENC_OK)
        DRIVE_CHECK(is_same(&changed.plain, &whole->plain));
    check_made(upload, &changed);
    drive_decrypted_free(&changed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct drive_passes whole_passes = DECRYPT_WHOLE;
    struct drive_decrypted whole, pieced;
    struct upload upload;

    begin();
    if (size < HEAD)
        return 0;
    read_upload(data, size, &upload);
    drive_decrypt(&upload.options, &whole_passes, upload.body.at, upload.body.n, &whole);
    drive_decrypt(&upload.options, &upload.passes, upload.body.at, upload.body.n, &pieced);
    check_same(&whole, &pieced);
    if (upload.is_made)
        check_made(&upload, &whole);
    if (upload.is_made && !upload.is_altered)
        check_unaltered(&upload, &whole);
    check_other_mode(&upload, &whole);
    if (upload.is_made && whole.is_verified)
        check_changed(&upload, &whole);
    drive_decrypted_free(&whole);
    drive_decrypted_free(&pieced);
    age_free(&upload.file);
    age_free(&upload.body);
    age_free(&upload.other);
    return 0;
}
