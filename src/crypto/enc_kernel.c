// SPDX-License-Identifier: Apache-2.0
// Gives each item to what its lane was keyed for.
#include "enc_kernel.h"

#include "enc_crypto_internal.h"
#include "enc_kernel_evp.h"
#include "enc_kernel_native.h"
#include "enc_secret.h"

enum enc_status enc_kernel_lane_init(struct enc_kernel_lane *lane,
                                     const uint8_t sign_key[static 16],
                                     const uint8_t encrypt_key[static 16],
                                     const uint8_t iv[static ENC_KERNEL_BLOCK])
{
    enum enc_status status = ENC_OK;

    if (enc_kernel_native_is_there()) {
        lane->kind = ENC_KERNEL_NATIVE;
        enc_kernel_native_init(&lane->native, sign_key, encrypt_key, iv);
        enc_crypto_wipe_stack();
        return ENC_OK;
    }
    status = enc_kernel_evp_init(&lane->evp, sign_key, encrypt_key, iv);
    lane->kind = status == ENC_OK ? ENC_KERNEL_EVP : ENC_KERNEL_UNKEYED;
    return status;
}

// Runs an item, unless it is one to run together with others: true with ENC_OK.
static bool is_native(struct enc_kernel_item *item)
{
    item->status = ENC_OK;
    if (item->op == ENC_KERNEL_NONE)
        return false;
    if (item->lane->kind == ENC_KERNEL_UNKEYED ||
        (item->op == ENC_KERNEL_ENCRYPT_HASH && item->n % ENC_KERNEL_BLOCK != 0)) {
        item->status = ENC_MISUSE;
        return false;
    }
    if (item->lane->kind == ENC_KERNEL_EVP) {
        item->status = enc_kernel_evp_run(item);
        return false;
    }
    return item->n > 0;
}

void enc_kernel_run(struct enc_kernel_item *items[], size_t n)
{
    struct enc_kernel_item *native[ENC_KERNEL_WIDE];
    size_t n_native = 0;

    for (size_t i = 0; i < n; i++) {
        if (is_native(items[i]))
            native[n_native++] = items[i];
        if (n_native > 0 && (n_native == ENC_KERNEL_WIDE || i == n - 1)) {
            enc_kernel_native_run(native, n_native);
            enc_crypto_wipe_stack();
            n_native = 0;
        }
    }
}

enum enc_status enc_kernel_run_alone(struct enc_kernel_item *item)
{
    enc_kernel_run(&item, 1);
    return item->status;
}

enum enc_status enc_kernel_lane_mac(struct enc_kernel_lane *lane,
                                    uint8_t mac[static ENC_KERNEL_MAC])
{
    enum enc_status status = ENC_MISUSE;

    if (lane->kind == ENC_KERNEL_EVP) {
        status = enc_kernel_evp_mac(&lane->evp, mac);
    } else if (lane->kind == ENC_KERNEL_NATIVE) {
        enc_kernel_native_mac(&lane->native, mac);
        enc_crypto_wipe_stack();
        status = ENC_OK;
    }
    // Its keys have no more use.
    enc_kernel_lane_wipe(lane);
    return status;
}

void enc_kernel_lane_wipe(struct enc_kernel_lane *lane)
{
    if (lane->kind == ENC_KERNEL_EVP)
        enc_kernel_evp_wipe(&lane->evp);
    enc_wipe(lane, sizeof(*lane));
}
