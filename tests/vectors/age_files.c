// SPDX-License-Identifier: Apache-2.0
// For the tests of age: whole files. Reads lines, does what they say, and prints for each the name
// of the status that it ended with. What comes out goes to the file OUT, before a failure too.
//
//   decrypt IN OUT PIECES IDENTITY...
//   encrypt IN OUT PIECES ROOM binary|armor SEED RECIPIENT...
//   keys SECRET         prints the identity and the recipient of 32 bytes in place of a status
//
// PIECES: "N,N,...", how much of IN is handed over at a time; ROOM: bytes of room for what comes
// out. An identity and a recipient are as age has them, or "passphrase:HEX" and
// "passphrase:WORK_FACTOR:HEX". SEED is nonce, file key, and 32 bytes for each recipient, in
// hexadecimal, or "random".
#include <stdlib.h>
#include <string.h>

#include "age_lines.h"
#include "enc_age.h"
#include "enc_crypto_init.h"
#include "enc_random.h"

#define PASSPHRASE "passphrase:"

static bool is_passphrase(const char *text)
{
    return strncmp(text, PASSPHRASE, strlen(PASSPHRASE)) == 0;
}

static enum enc_status read_identity(const char *text, struct enc_age_identity *ret_identity)
{
    if (!is_passphrase(text))
        return enc_age_identity_parse(text, strlen(text), ret_identity);
    struct bytes passphrase = decode_hex(text + strlen(PASSPHRASE));
    enum enc_status st =
        enc_age_passphrase_identity((const char *)passphrase.at, passphrase.n, 0, ret_identity);
    free_bytes(&passphrase);
    return st;
}

static enum enc_status read_recipient(const char *text, struct enc_age_recipient *ret_recipient)
{
    char *end;

    if (!is_passphrase(text))
        return enc_age_recipient_parse(text, strlen(text), ret_recipient);
    unsigned work_factor = (unsigned)strtoul(text + strlen(PASSPHRASE), &end, 10);
    require(*end == ':');
    struct bytes passphrase = decode_hex(end + 1);
    enum enc_status st = enc_age_passphrase_recipient((const char *)passphrase.at, passphrase.n,
                                                      work_factor, ret_recipient);
    free_bytes(&passphrase);
    return st;
}

static enum enc_status decrypt_piece(struct enc_age_decryptor *decryptor, struct bytes piece,
                                     uint8_t *room, FILE *out)
{
    for (size_t at = 0; at < piece.n;) {
        size_t n_taken = SIZE_MAX, n_out = SIZE_MAX;
        enum enc_status st = enc_age_decryptor_update(decryptor, piece.at + at, piece.n - at, room,
                                                      ENC_AGE_CHUNK, &n_taken, &n_out);

        if (st != ENC_OK) {
            require(n_taken == SIZE_MAX && n_out == SIZE_MAX);
            return st;
        }
        require(n_taken <= piece.n - at && n_out <= ENC_AGE_CHUNK && n_taken + n_out > 0);
        write_output(out, room, n_out);
        at += n_taken;
    }
    return ENC_OK;
}

static enum enc_status decrypt_end(struct enc_age_decryptor *decryptor, uint8_t *room, FILE *out)
{
    bool is_ended = false;

    while (!is_ended) {
        size_t n_out = SIZE_MAX;
        enum enc_status st =
            enc_age_decryptor_finish(decryptor, room, ENC_AGE_CHUNK, &n_out, &is_ended);

        if (st != ENC_OK) {
            require(n_out == SIZE_MAX && !is_ended);
            return st;
        }
        require(n_out <= ENC_AGE_CHUNK && (n_out > 0 || is_ended));
        write_output(out, room, n_out);
    }
    return ENC_OK;
}

// A decryptor that failed goes on failing in the same way.
static void require_latched(struct enc_age_decryptor *decryptor, enum enc_status status,
                            uint8_t *room)
{
    static const uint8_t more[] = "x";
    size_t n_taken, n_out;
    bool is_ended;

    require(enc_age_decryptor_update(decryptor, more, 1, room, ENC_AGE_CHUNK, &n_taken, &n_out) ==
            status);
    require(enc_age_decryptor_finish(decryptor, room, ENC_AGE_CHUNK, &n_out, &is_ended) == status);
}

static enum enc_status decrypt_file(const struct enc_age_identity *identities, size_t n_identities,
                                    struct pieces *pieces, FILE *out)
{
    struct enc_age_decryptor *decryptor = malloc(sizeof(*decryptor));
    uint8_t *room = malloc(ENC_AGE_CHUNK);
    enum enc_status st = ENC_OK;

    require(decryptor != NULL && room != NULL);
    memset(decryptor, 0xA5, sizeof(*decryptor)); // its storage need not be clear
    enc_age_decryptor_init(decryptor, identities, n_identities);
    while (st == ENC_OK && pieces->left.n > 0) {
        struct bytes piece = next_piece(pieces);

        st = decrypt_piece(decryptor, piece, room, out);
        free_bytes(&piece);
    }
    if (st == ENC_OK)
        st = decrypt_end(decryptor, room, out);
    if (st != ENC_OK)
        require_latched(decryptor, st, room);
    enc_age_decryptor_wipe(decryptor);
    free(room);
    free(decryptor);
    return st;
}

static enum enc_status decrypt(const struct request *request)
{
    static struct enc_age_identity identities[FIELDS_MAX];
    const size_t n_before = 4;
    const size_t n_identities = request->n_fields - n_before;
    struct pieces pieces;

    require(request->n_fields >= n_before);
    for (size_t i = 0; i < n_identities; i++) {
        enum enc_status st = read_identity(request->fields[n_before + i], &identities[i]);

        if (st != ENC_OK)
            return st;
    }
    struct bytes file = read_file(request->fields[1]);
    FILE *out = open_output(request->fields[2]);
    begin_pieces(&pieces, file, request->fields[3]);
    enum enc_status st = decrypt_file(identities, n_identities, &pieces, out);
    close_output(out);
    free_bytes(&file);
    return st;
}

static enum enc_status encrypt_piece(struct enc_encryptor *encryptor, struct bytes piece,
                                     struct bytes room, FILE *out)
{
    for (size_t at = 0; at < piece.n;) {
        struct enc_kernel_item item = {0}, *items[] = {&item};
        size_t bound = encryptor->ops->bound(encryptor, piece.n - at);
        size_t n_taken, n_out;
        enum enc_status st = encryptor->ops->prepare(encryptor, piece.at + at, piece.n - at,
                                                     room.at, room.n, &n_taken, &item);

        if (st != ENC_OK)
            return st;
        enc_kernel_run(items, 1);
        st = encryptor->ops->commit(encryptor, &item, &n_out);
        if (st != ENC_OK)
            return st;
        require(n_taken <= piece.n - at && n_taken + n_out > 0);
        require(n_out <= room.n && n_out <= bound);
        write_output(out, room.at, n_out);
        at += n_taken;
    }
    return ENC_OK;
}

static enum enc_status encrypt_end(struct enc_encryptor *encryptor, struct bytes room, FILE *out)
{
    bool is_ended = false;

    while (!is_ended) {
        size_t n_out;
        enum enc_status st = encryptor->ops->finish(encryptor, room.at, room.n, &n_out, &is_ended);

        if (st != ENC_OK)
            return st;
        require(n_out <= room.n && (n_out > 0 || is_ended));
        write_output(out, room.at, n_out);
    }
    return ENC_OK;
}

static enum enc_status encrypt_file(const struct enc_age_encryptor_options *options,
                                    struct pieces *pieces, struct bytes room, FILE *out)
{
    struct enc_age_encryptor *encryptor = malloc(sizeof(*encryptor));
    uint64_t total;

    require(encryptor != NULL);
    memset(encryptor, 0xA5, sizeof(*encryptor)); // its storage need not be clear
    enum enc_status st = enc_age_encryptor_init(encryptor, options);
    if (st == ENC_OK)
        require(encryptor->base.ops->total(&encryptor->base, pieces->left.n, &total));
    while (st == ENC_OK && pieces->left.n > 0) {
        struct bytes piece = next_piece(pieces);

        st = encrypt_piece(&encryptor->base, piece, room, out);
        free_bytes(&piece);
    }
    if (st == ENC_OK) {
        st = encrypt_end(&encryptor->base, room, out);
        require(st != ENC_OK || (uint64_t)ftell(out) == total);
        encryptor->base.ops->wipe(&encryptor->base);
    }
    free(encryptor);
    return st;
}

static void read_seed(const char *text, size_t n_recipients, struct enc_age_seed *ret_seed)
{
    if (strcmp(text, "random") == 0) {
        require(enc_random_secret((uint8_t *)ret_seed, sizeof(*ret_seed)) == ENC_OK);
        return;
    }
    struct bytes seed = decode_hex(text);
    const uint8_t *file_key = seed.at + ENC_AGE_NONCE;
    const uint8_t *stanzas = file_key + sizeof(ret_seed->file_key.bytes);
    require(stanzas + n_recipients * ENC_AGE_STANZA_SEED == seed.at + seed.n);
    memcpy(ret_seed->nonce, seed.at, ENC_AGE_NONCE);
    memcpy(ret_seed->file_key.bytes, file_key, sizeof(ret_seed->file_key.bytes));
    memcpy(ret_seed->stanzas, stanzas, n_recipients * ENC_AGE_STANZA_SEED);
    free_bytes(&seed);
}

static enum enc_status encrypt(const struct request *request)
{
    static struct enc_age_recipient recipients[FIELDS_MAX];
    const size_t n_before = 7;
    struct enc_age_seed seed;
    struct pieces pieces;

    require(request->n_fields > n_before);
    struct enc_age_encryptor_options options = {
        .recipients = recipients,
        .n_recipients = request->n_fields - n_before,
        .seed = &seed,
        .armor = strcmp(request->fields[5], "armor") == 0,
    };
    read_seed(request->fields[6], options.n_recipients, &seed);
    for (size_t i = 0; i < options.n_recipients; i++) {
        enum enc_status st = read_recipient(request->fields[n_before + i], &recipients[i]);

        if (st != ENC_OK)
            return st;
    }
    struct bytes file = read_file(request->fields[1]);
    struct bytes room = {.n = strtoul(request->fields[4], NULL, 10)};
    room.at = malloc(room.n);
    require(room.at != NULL);
    FILE *out = open_output(request->fields[2]);
    begin_pieces(&pieces, file, request->fields[3]);
    enum enc_status st = encrypt_file(&options, &pieces, room, out);
    close_output(out);
    free_bytes(&room);
    free_bytes(&file);
    return st;
}

static void print_keys(const struct request *request)
{
    struct bytes secret = decode_hex(request->fields[1]);
    struct enc_age_identity identity;
    struct enc_age_recipient recipient;
    struct enc_age_key_text identity_text, recipient_text;

    require(secret.n == 32 && enc_age_x25519_identity(secret.at, &identity) == ENC_OK);
    enc_age_identity_recipient(&identity, &recipient);
    enc_age_identity_text(&identity, &identity_text);
    enc_age_recipient_text(&recipient, &recipient_text);
    require(strlen(identity_text.chars) == identity_text.n_chars);
    require(strlen(recipient_text.chars) == recipient_text.n_chars);
    printf("%s %s\n", identity_text.chars, recipient_text.chars);
    free_bytes(&secret);
}

static void run(const struct request *request)
{
    const char *command = request->fields[0];

    if (strcmp(command, "keys") == 0) {
        require(request->n_fields == 2);
        print_keys(request);
        return;
    }
    bool is_decrypt = strcmp(command, "decrypt") == 0;
    require(is_decrypt || strcmp(command, "encrypt") == 0);
    puts(enc_status_name(is_decrypt ? decrypt(request) : encrypt(request)));
}

int main(void)
{
    require(enc_crypto_init() == ENC_OK);
    for_each_request(run);
    enc_crypto_free();
    return 0;
}
