// SPDX-License-Identifier: Apache-2.0
// The kernel computes the same at each level of the processor: the same ciphertext and the same MAC
// of each lane, whatever the items, and whichever run together.
//
// An input is a byte that says how many lanes, and then an item each two bytes: what it does, and
// how many bytes of it. The lanes take turns; an item for each is a run.
#include <string.h>

#include "../tests/unit/drive_check.h"
#include "enc_cpu.h"
#include "enc_crypto_init.h"
#include "enc_kernel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LANES_MAX 20
#define ITEM_MAX 1024
#define ITEMS_MAX 256

struct outcome {
    uint8_t out[ITEMS_MAX][ITEM_MAX];
    uint8_t macs[LANES_MAX][ENC_KERNEL_MAC];
};

static uint8_t plain[ITEM_MAX + 256];
static struct outcome expected, found;

static void begin(void)
{
    if (plain[1] != 0)
        return;
    DRIVE_CHECK(enc_crypto_init() == ENC_OK);
    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (uint8_t)(i * i * 31 + i);
}

static struct enc_kernel_item item_of(const uint8_t how[static 2], struct enc_kernel_lane *lane,
                                      size_t i, uint8_t *out)
{
    static const enum enc_kernel_op ops[] = {ENC_KERNEL_ENCRYPT_HASH, ENC_KERNEL_HASH,
                                             ENC_KERNEL_ENCRYPT_HASH, ENC_KERNEL_NONE};
    struct enc_kernel_item item = {.op = ops[how[0] & 3], .lane = lane, .out = out};

    item.in = plain + i % 256; // at any alignment
    item.n = how[1] * (size_t)(how[0] & 4 ? 4 : 1);
    if (item.op == ENC_KERNEL_ENCRYPT_HASH)
        item.n = item.n / ENC_KERNEL_BLOCK * ENC_KERNEL_BLOCK;
    return item;
}

static void run_all(size_t n_lanes, const uint8_t *data, size_t n_items, struct outcome *outcome)
{
    struct enc_kernel_lane lanes[LANES_MAX];

    memset(outcome, 0, sizeof(*outcome));
    for (size_t i = 0; i < n_lanes; i++)
        DRIVE_CHECK(enc_kernel_lane_init(&lanes[i], plain + i, plain + 2 * i, plain + 3 * i) ==
                    ENC_OK);
    for (size_t first = 0; first < n_items; first += n_lanes) {
        struct enc_kernel_item items[LANES_MAX], *pointers[LANES_MAX];
        size_t n = n_items - first < n_lanes ? n_items - first : n_lanes;
        for (size_t i = 0; i < n; i++) {
            items[i] =
                item_of(data + 2 * (first + i), &lanes[i], first + i, outcome->out[first + i]);
            pointers[i] = &items[i];
        }
        enc_kernel_run(pointers, n);
        for (size_t i = 0; i < n; i++)
            DRIVE_CHECK(items[i].status == ENC_OK);
    }
    for (size_t i = 0; i < n_lanes; i++)
        DRIVE_CHECK(enc_kernel_lane_mac(&lanes[i], outcome->macs[i]) == ENC_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t n_lanes = 1 + data[0] % LANES_MAX, n_items = (size - 1) / 2;
    if (n_items > ITEMS_MAX)
        n_items = ITEMS_MAX;

    begin();
    enc_cpu_use(ENC_CPU_PORTABLE);
    run_all(n_lanes, data + 1, n_items, &expected);
    for (unsigned level = ENC_CPU_AVX2; level < ENC_CPU_N_LEVELS; level++) {
        enc_cpu_use((enum enc_cpu_level)level);
        run_all(n_lanes, data + 1, n_items, &found);
        DRIVE_CHECK(memcmp(&found, &expected, sizeof(found)) == 0);
    }
    return 0;
}
