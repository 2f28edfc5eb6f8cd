/* SPDX-License-Identifier: MIT
 *
 * What an ELF program is, as far as the shim is concerned. */
#ifndef TOOLS_ELF_H
#define TOOLS_ELF_H

#include <stdbool.h>
#include <stddef.h>

struct elf {
    const char *kind;    /* in words */
    const char *why_not; /* it cannot be wrapped, in words; NULL: it can */
    bool threads;        /* it imports pthread_create, or the like */
    /* what it imports, by how the shim covers it */
    char **covered, **inner, **blocking;
    size_t covered_n, inner_n, blocking_n;
    void *image; /* the file */
    size_t size;
};

/* 0, -ENOEXEC: no ELF file of this machine; -errno. Call elf_free in any case. */
int elf_read(const char *path, struct elf *e);
void elf_free(struct elf *e);

#endif
