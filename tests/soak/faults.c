/* SPDX-License-Identifier: MIT */
#include "tests/soak/soak.h"
#include <dirent.h>
#include <stdlib.h>
#include <sys/resource.h>

static bool scarce;       /* descriptors are rationed */
static uint64_t rationed; /* how often they were, and the moments of it */

uint64_t faults_now(void)
{
    if (scarce)
        rationed++;
    return rationed + (uint64_t)ledger_failed() + (uint64_t)ledger_unmapped();
}

bool faults_since(uint64_t then)
{
    return scarce || faults_now() != then;
}

int memory_faults(void *number)
{
    struct dice d = dice_of("memory", (unsigned)(uintptr_t)number);

    while (!soak.stop) {
        go_sleep((50 + throw_dice(&d, 400)) * GO_MS);
        if (soak.quiet || soak.stop)
            continue;
        ledger_fail(2 + throw_dice(&d, 30), throw_dice(&d, 2) ? 1 + throw_dice(&d, 4) : 0);
        go_sleep((1 + throw_dice(&d, 40)) * GO_MS);
        ledger_fail(0, 0);
    }
    return 0;
}

static rlim_t usual;

static void limit_descriptors(rlim_t n)
{
    struct rlimit l;

    getrlimit(RLIMIT_NOFILE, &l);
    if (!usual)
        usual = l.rlim_cur;
    l.rlim_cur = n ? n : usual;
    setrlimit(RLIMIT_NOFILE, &l);
}

static rlim_t highest_descriptor(void)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *e;
    rlim_t highest = 0;

    while (dir && (e = readdir(dir)))
        if ((rlim_t)atoi(e->d_name) > highest)
            highest = (rlim_t)atoi(e->d_name);
    if (dir)
        closedir(dir);
    return highest;
}

int descriptor_faults(void *number)
{
    struct dice d = dice_of("descriptors", (unsigned)(uintptr_t)number);

    while (!soak.stop) {
        go_sleep((100 + throw_dice(&d, 700)) * GO_MS);
        if (soak.quiet || soak.stop)
            continue;
        soak.count[N_FEW_FDS]++;
        scarce = true;
        rationed++;
        limit_descriptors(highest_descriptor() / (1 + throw_dice(&d, 2)) + 1);
        go_sleep((1 + throw_dice(&d, 60)) * GO_MS);
        limit_descriptors(0);
        scarce = false;
        rationed++;
    }
    return 0;
}

void faults_off(void)
{
    soak.quiet = true;
    ledger_fail(0, 0);
    if (usual)
        limit_descriptors(0);
    scarce = false;
}
