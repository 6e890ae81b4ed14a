// SPDX-License-Identifier: Apache-2.0
// Runs something on a stack of its own, and looks for secrets there afterwards. Include it behind
// freed_blocks.h, which knows the secrets.
#ifndef STACK_SECRETS_H
#define STACK_SECRETS_H

#include <ucontext.h>

#define N_STACK ((size_t)256 << 10)

static ucontext_t here, there;

static inline size_t count_secrets_on_stack_after(void (*run)(void))
{
    uint8_t *stack = calloc(1, N_STACK);
    size_t n_found;

    assert_non_null(stack);
    assert_int_equal(getcontext(&there), 0);
    there.uc_stack.ss_sp = stack;
    there.uc_stack.ss_size = N_STACK;
    there.uc_link = &here;
    makecontext(&there, run, 0);
    assert_int_equal(swapcontext(&here, &there), 0);
    n_found = count_secrets(stack, N_STACK);
    free(stack);
    return n_found;
}

#endif
