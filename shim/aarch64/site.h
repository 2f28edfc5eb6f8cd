/* SPDX-License-Identifier: MIT
 *
 * AArch64: `svc #0` and a branch have 4 bytes each, so every call site can be replaced. The number
 * is in x8, nearly always by a `mov x8, #number` shortly before. Where it is not, as in syscall(),
 * the site stays: it may be a clone, whose child wakes on another stack. */
#ifndef SHIM_AARCH64_SITE_H
#define SHIM_AARCH64_SITE_H

#include "shim/sites.h"
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#ifndef PROT_BTI
#define PROT_BTI 0x10
#endif
#ifndef PT_GNU_PROPERTY
#define PT_GNU_PROPERTY 0x6474e553
#endif

enum { SITE_ALL = 0, SITE_STEP = 4, SITE_THUNK = 48, SITE_NEAR_MB = 120, LOOK_BACK = 24 };

void shim_site_entry(void);

static inline uint32_t instruction(const unsigned char *p)
{
    return *(const uint32_t *)(const void *)p;
}

/* Whether there is one at p; text is all of it up to end. */
static bool site_at(unsigned char *p, const unsigned char *text, const unsigned char *end,
                    struct site *s)
{
    (void)end;
    if (instruction(p) != 0xd4000001) /* svc #0 */
        return false;
    for (unsigned back = 1; back <= LOOK_BACK && p - text >= 4 * (long)back; back++) {
        uint32_t i = instruction(p - (size_t)4 * back);

        if ((i & 0x7fe0001f) == 0x52800008) { /* mov x8 or w8, #number */
            *s = (struct site){.at = p, .nr = (int)(i >> 5 & 0xffff), .length = 4};
            return true;
        }
        if (i == 0xd65f03c0) /* ret: another function's */
            return false;
    }
    return false;
}

static uint32_t branch(const unsigned char *from, const unsigned char *to)
{
    return 0x14000000 | ((uint32_t)((to - from) >> 2) & 0x03ffffff);
}

/* Without BTI's landing pads: anonymous memory is not guarded. */
static void site_thunk(unsigned char *t, const struct site *s, enum site_kind kind)
{
    uint32_t *w = (uint32_t *)(void *)t;
    uint64_t *literal = (uint64_t *)(void *)(t + 32);

    (void)kind;
    w[0] = 0xa9be47f0;                        /*  0  stp x16, x17, [sp, #-32]! */
    w[1] = 0x100000b0;                        /*  4  adr x16, 24 */
    w[2] = 0x580000d1;                        /*  8  ldr x17, 32 */
    w[3] = 0xa90147f0;                        /* 12  stp x16, x17, [sp, #16] */
    w[4] = 0x580000d0;                        /* 16  ldr x16, 40 */
    w[5] = 0xd61f0200;                        /* 20  br x16 */
    w[6] = 0xa8c247f0;                        /* 24  ldp x16, x17, [sp], #32 */
    w[7] = branch(t + 28, s->at + s->length); /* 28  b back */
    literal[0] = (uintptr_t)s->at + s->length;
    literal[1] = (uintptr_t)shim_site_entry;
}

/* Nothing of libc may run in here. */
static inline void site_jump(const struct site *s, const unsigned char *thunk)
{
    *(volatile uint32_t *)(void *)s->at = branch(s->at, thunk);
}

/* Nobody needs one. */
enum { SITE_STUB = 0, SITE_RETURN = 0 };

static inline void site_stub(unsigned char *at)
{
    (void)at;
}

/* The instruction cache does not see what was stored. */
static inline void site_written(unsigned char *from, unsigned char *to)
{
    __builtin___clear_cache((char *)from, (char *)to);
}

/* What the text's protection has beside reading and executing: landing pads (BTI), if libc's
 * properties and the processor have them. */
static inline int site_protection(const struct dl_phdr_info *info)
{
    if (!(getauxval(AT_HWCAP2) & 1 << 17)) /* HWCAP2_BTI */
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        const uint32_t *w = (const uint32_t *)(info->dlpi_addr + p->p_vaddr);

        /* three words of a note's head, "GNU", and its first property: kind, size, bits */
        if (p->p_type == PT_GNU_PROPERTY && p->p_filesz >= 28 && w[4] == 0xc0000000 && w[6] & 1)
            return PROT_BTI;
    }
    return 0;
}

#endif
