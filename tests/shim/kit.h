/* SPDX-License-Identifier: MIT
 *
 * What the shim's tests share: a fiber that counts beside a call that waits (if the call blocks the
 * thread, nothing is counted), and which entries there are. */
#ifndef TESTS_SHIM_KIT_H
#define TESTS_SHIM_KIT_H

#include "tests/tap.h"
#include <gosling.h>
#include <stdlib.h>
#include <string.h>

static unsigned counted;
static bool counting;

static TAP_UNUSED int counts(void *arg)
{
    (void)arg;
    while (counting) {
        counted++;
        go_sleep(GO_MS);
    }
    return 0;
}

/* The generic switch has no assembly, also none for call sites. */
static TAP_UNUSED bool has_sites(void)
{
#if defined(__x86_64__) || defined(__aarch64__)
    const char *arch = getenv("ARCH");

    return !arch || strcmp(arch, "generic") != 0;
#else
    return false;
#endif
}

#endif
