// SPDX-License-Identifier: Apache-2.0
// A file that is opened in any pieces releases what it releases as a whole, and ends in the same
// way; one that is accepted is what encrypting its plaintext gives.
//
// An input is a byte of switches and two that choose the pieces. Then comes either a file, for the
// identities below; or a description of one that the target makes, since no fuzzer finds tags: a
// byte for each chunk, up to one with CHUNKS_END, and then ways to alter the file, three bytes
// each.
#include "../tests/unit/age_files.h"
#include "enc_age_type.h"
#include "enc_crypto_init.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHUNK ENC_AGE_CHUNK
#define CHUNKS_MAX 4
#define PASSPHRASE "fuzz"
#define WORK_FACTOR_MAX 4

enum {
    SWITCH_FILE = 1,       // the rest is a file
    SWITCH_ARMOR = 2,      // of one that is made
    SWITCH_PASSPHRASE = 4, // the same
};

// Of a chunk: two bits that alter its number, then these, and above them three that choose a size.
enum { CHUNK_LAST = 4, CHUNKS_END = 0x80 };

static struct enc_age_identity identities[2];
static struct enc_age_seed seed;
static uint8_t plain[(CHUNKS_MAX + 1) * CHUNK];

static void begin(void)
{
    if (identities[0].type)
        return;
    DRIVE_CHECK(enc_crypto_init() == ENC_OK);
    DRIVE_CHECK(enc_age_passphrase_identity(PASSPHRASE, strlen(PASSPHRASE), WORK_FACTOR_MAX,
                                            &identities[1]) == ENC_OK);
    identities[0] = age_identity(1);
    age_make_seed(&seed, 1);
    age_fill(plain, sizeof(plain));
}

// What a file has to come to.
struct expected {
    enum enc_status status;
    size_t n; // bytes that are released
};

static size_t size_of_chunk(uint8_t byte)
{
    static const size_t sizes[] = {CHUNK, 0, 1, 100, CHUNK - 1, CHUNK + 1, 16, 4096};

    return sizes[byte >> 3 & 7];
}

// What becomes of the i-th of n chunks that are one behind the other. ENC_AGE_PAYLOAD ends it.
static void expect_chunk(uint8_t byte, size_t i, size_t n, struct expected *expected)
{
    const size_t size = size_of_chunk(byte);
    const bool is_end = i + 1 == n, is_last = byte & CHUNK_LAST;
    // Where a full chunk ends, the reader knows without what follows. A shorter one it takes to be
    // where the input ends.
    const bool is_read = size == CHUNK || (is_end && size < CHUNK && is_last);

    expected->status = ENC_AGE_PAYLOAD;
    if (!is_read || (byte & 3) != 0 || (size == 0 && i > 0))
        return;
    expected->n += size;
    if (is_last == is_end)
        expected->status = ENC_OK;
}

static void seal_chunk(uint8_t byte, size_t i, struct age_bytes *file)
{
    static uint8_t sealed[CHUNK + 1 + ENC_AEAD_TAG];
    const size_t n = size_of_chunk(byte);
    struct enc_age_stream stream;

    DRIVE_CHECK(enc_age_stream_init(&stream, &seed.file_key, seed.nonce) == ENC_OK);
    stream.nonce[ENC_AEAD_NONCE - 2] = (uint8_t)(i ^ (byte & 3));
    DRIVE_CHECK(enc_age_stream_seal_begin(&stream, byte & CHUNK_LAST) == ENC_OK);
    DRIVE_CHECK(enc_age_stream_seal_update(&stream, plain + i * CHUNK, n, sealed) == ENC_OK);
    DRIVE_CHECK(enc_age_stream_seal_end(&stream, sealed + n) == ENC_OK);
    enc_age_stream_wipe(&stream);
    age_append(file, sealed, n + ENC_AEAD_TAG);
}

// The header of an empty file of ours, and the nonce.
static void seal_head(uint8_t switches, struct age_bytes *file)
{
    struct enc_age_recipient recipient = age_recipient(1);
    struct enc_age_encryptor_options options = {
        .recipients = &recipient, .n_recipients = 1, .seed = &seed};

    if (switches & SWITCH_PASSPHRASE)
        DRIVE_CHECK(enc_age_passphrase_recipient(PASSPHRASE, strlen(PASSPHRASE), 1, &recipient) ==
                    ENC_OK);
    age_seal(&options, NULL, 0, file);
    file->n -= ENC_AEAD_TAG;
}

static void put_into_armor(struct age_bytes *file)
{
    struct enc_age_armor_writer writer = {0};
    struct age_bytes text = {0};
    size_t cap = enc_age_armor_bound(file->n) + ENC_AGE_ARMOR_END_CHARS;
    uint8_t *out = malloc(cap);

    DRIVE_CHECK(out);
    size_t n = enc_age_armor_write(&writer, file->at, file->n, out);
    n += enc_age_armor_write_end(&writer, out + n);
    age_append(&text, out, n);
    free(out);
    age_free(file);
    *file = text;
}

// Alters a file at a place that scales with its size, most often near an end of it.
static void alter(const uint8_t how[static 3], struct age_bytes *file)
{
    size_t place = how[1] | (size_t)how[2] << 8, at = place % (file->n + 1);

    if (how[0] & 0x40)
        at = place * file->n / 65536;
    else if (how[0] & 0x80)
        at = file->n - at;
    switch (how[0] & 3) {
    case 0:
        if (at < file->n)
            file->at[at] ^= (uint8_t)(1 << (how[0] >> 2 & 7));
        break;
    case 1:
        file->n = at;
        break;
    case 2: // a byte more
        age_append(file, "\n", 1);
        memmove(file->at + at + 1, file->at + at, file->n - 1 - at);
        break;
    case 3: // a byte less
        if (at < file->n) {
            memmove(file->at + at, file->at + at + 1, file->n - at - 1);
            file->n--;
        }
        break;
    }
}

// Makes the file that the rest of the input describes. False if it is altered: then nothing is
// expected of it but that it does not lie.
static bool make_file(uint8_t switches, const uint8_t *data, size_t n, struct age_bytes *file,
                      struct expected *expected)
{
    size_t n_chunks = 0;
    bool is_altered = false;

    while (n_chunks < n && n_chunks < CHUNKS_MAX && !(data[n_chunks] & CHUNKS_END))
        n_chunks++;
    *expected = (struct expected){n_chunks > 0 ? ENC_OK : ENC_AGE_PAYLOAD, 0};
    seal_head(switches, file);
    for (size_t i = 0; i < n_chunks; i++) {
        seal_chunk(data[i], i, file);
        if (expected->status == ENC_OK)
            expect_chunk(data[i], i, n_chunks, expected);
    }
    if (switches & SWITCH_ARMOR)
        put_into_armor(file);
    for (size_t at = n_chunks + 1; at + 3 <= n; at += 3, is_altered = true)
        alter(data + at, file);
    return !is_altered;
}

// The binary file, without what armor there is around it.
static void take_out_of_armor(struct age_bytes *file)
{
    struct enc_age_armor_reader reader = {0};
    struct age_bytes binary = {0};
    uint8_t out[1024];

    if (file->at[0] == 'a')
        return;
    for (size_t at = 0; at < file->n;) {
        size_t n_taken, n_out;
        DRIVE_CHECK(enc_age_armor_read(&reader, file->at + at, file->n - at, out, sizeof(out),
                                       &n_taken, &n_out) == ENC_OK);
        age_append(&binary, out, n_out);
        at += n_taken;
    }
    DRIVE_CHECK(enc_age_armor_read_end(&reader) == ENC_OK);
    age_free(file);
    *file = binary;
}

// Chunks of the plaintext under the file's own key and nonce are the payload itself.
static void check_payload(const struct enc_age_file_key *file_key, const uint8_t *payload, size_t n,
                          const struct age_bytes *opened)
{
    static uint8_t sealed[CHUNK + ENC_AEAD_TAG];
    struct enc_age_stream stream;
    size_t at = 0;
    bool is_last = false;

    DRIVE_CHECK(n > ENC_AGE_NONCE);
    DRIVE_CHECK(enc_age_stream_init(&stream, file_key, payload) == ENC_OK);
    payload += ENC_AGE_NONCE;
    n -= ENC_AGE_NONCE;
    for (; !is_last; at += CHUNK) {
        is_last = opened->n - at <= CHUNK;
        size_t n_chunk = is_last ? opened->n - at : CHUNK;
        DRIVE_CHECK(enc_age_stream_seal_begin(&stream, is_last) == ENC_OK);
        DRIVE_CHECK(enc_age_stream_seal_update(&stream, opened->at + at, n_chunk, sealed) ==
                    ENC_OK);
        DRIVE_CHECK(enc_age_stream_seal_end(&stream, sealed + n_chunk) == ENC_OK);
        n_chunk += ENC_AEAD_TAG;
        DRIVE_CHECK(n_chunk <= n && memcmp(sealed, payload, n_chunk) == 0);
        payload += n_chunk;
        n -= n_chunk;
    }
    DRIVE_CHECK(n == 0);
    enc_age_stream_wipe(&stream);
}

static void check_accepted(struct age_bytes *file, const struct age_bytes *opened)
{
    static uint8_t storage[ENC_AGE_HEADER_MAX];
    static uint8_t none[1];
    const struct age_bytes nothing = {.at = none};
    struct enc_age_header_reader reader;
    struct enc_age_file_key file_key;
    size_t n_head;
    bool is_whole;

    take_out_of_armor(file);
    enc_age_header_reader_init(&reader, storage);
    DRIVE_CHECK(enc_age_header_read(&reader, file->at, file->n, &n_head, &is_whole) == ENC_OK);
    DRIVE_CHECK(is_whole && enc_age_unwrap(&reader, identities, 2, &file_key) == ENC_OK);
    DRIVE_CHECK(enc_age_header_verify(&reader, &file_key) == ENC_OK);
    check_payload(&file_key, file->at + n_head, file->n - n_head, opened->n ? opened : &nothing);
}

static void choose_pieces(const uint8_t bytes[static 2], struct age_pieces *pieces)
{
    uint32_t split = 1 + (bytes[0] | (uint32_t)bytes[1] << 8);
    static const size_t most[] = {16, 300, 5000, CHUNK + 100};

    pieces->n = 1 + split % AGE_PIECES_MAX;
    for (size_t i = 0; i < pieces->n; i++) {
        split = split * 1664525 + 1013904223;
        pieces->sizes[i] = 1 + (split >> 8) % most[split >> 30];
    }
}

// The whole, and the same in pieces.
static void open_file(const struct age_bytes *file, const uint8_t bytes[static 2],
                      struct age_opened *ret_opened)
{
    struct age_opened other;
    struct age_pieces pieces;

    age_open(identities, 2, file->at, file->n, &age_whole, ret_opened);
    choose_pieces(bytes, &pieces);
    age_open(identities, 2, file->at, file->n, &pieces, &other);
    DRIVE_CHECK(age_is_same(ret_opened, &other));
    age_free(&other.plain);
    if (file->n > 3000) // it takes its time
        return;
    age_open(identities, 2, file->at, file->n, &age_bytewise, &other);
    DRIVE_CHECK(age_is_same(ret_opened, &other));
    age_free(&other.plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct age_bytes file = {0};
    struct age_opened opened;
    struct expected expected;

    begin();
    if (size < 3)
        return 0;
    if (data[0] & SWITCH_FILE) {
        age_append(&file, data + 3, size - 3);
        open_file(&file, data + 1, &opened);
    } else {
        bool is_expected = make_file(data[0], data + 3, size - 3, &file, &expected);
        open_file(&file, data + 1, &opened);
        DRIVE_CHECK(!is_expected ||
                    (opened.status == expected.status && opened.plain.n == expected.n));
        // Altered or not, there is no other plaintext that could be released.
        DRIVE_CHECK(opened.plain.n == 0 || memcmp(opened.plain.at, plain, opened.plain.n) == 0);
        DRIVE_CHECK(opened.status != ENC_OK ||
                    (expected.status == ENC_OK && opened.plain.n == expected.n));
    }
    if (opened.status == ENC_OK)
        check_accepted(&file, &opened.plain);
    age_free(&opened.plain);
    age_free(&file);
    return 0;
}
