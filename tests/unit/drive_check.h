// SPDX-License-Identifier: Apache-2.0
// What the drivers expect, in a test and in a fuzzer alike.
#ifndef DRIVE_CHECK_H
#define DRIVE_CHECK_H

#include <stdio.h>
#include <stdlib.h>

// Aborts: cmocka and libFuzzer both report that.
#define DRIVE_CHECK(condition)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
