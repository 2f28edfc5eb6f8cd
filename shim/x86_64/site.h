/* SPDX-License-Identifier: MIT
 *
 * x86-64: a `syscall` instruction has 2 bytes and a jump 5. But nearly all of libc's come as `mov
 * $number, %eax; syscall`, 7 bytes, and those of read as `xor %eax, %eax; syscall; cmp $-4096,
 * %rax`, 10: in glibc 2.36, 436 and 3 of the 526 that there are. Some futexes have a few more
 * instructions in between, which move to the thunk. Nothing jumps into the middle, where the number
 * would not be in the register. */
#ifndef SHIM_X86_64_SITE_H
#define SHIM_X86_64_SITE_H

#include "shim/sites.h"
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { SITE_STEP = 1, SITE_JUMP = 5, SITE_THUNK = 64, SITE_MOVED_MOST = 32, SITE_NEAR_MB = 1024 };

void shim_site_entry(void);

/* How long the instruction at p is, if it is one that computes an argument between registers and
 * may be anywhere; else 0. */
static unsigned movable(const unsigned char *p)
{
    /* a prefix: the registers with high numbers, or of bytes */
    unsigned rex = (p[0] & 0xf0) == 0x40;

    p += rex;
    switch (p[0]) {
    case 0x31: /* xor, mov, test, and: registers */
    case 0x89:
    case 0x85:
    case 0x21:
        return p[1] >= 0xc0 ? rex + 2 : 0;
    case 0x80: /* with a constant of a byte */
    case 0x83:
    case 0xc1:
        return p[1] >= 0xc0 ? rex + 3 : 0;
    case 0x81: /* of four */
        return p[1] >= 0xc0 ? rex + 6 : 0;
    case 0xb9: /* mov $constant to ecx, edx, esi */
    case 0xba:
    case 0xbe:
        return rex + 5;
    case 0x0f: /* setcc, movzbl */
        return ((p[1] & 0xf0) == 0x90 || p[1] == 0xb6) && p[2] >= 0xc0 ? rex + 3 : 0;
    default:
        return 0;
    }
}

static bool is_syscall(const unsigned char *p)
{
    return p[0] == 0x0f && p[1] == 0x05;
}

/* Whether there is one at p; text is all of it up to end. */
static bool site_at(unsigned char *p, const unsigned char *text, const unsigned char *end,
                    struct site *s)
{
    static const unsigned char read_site[] = {0x31, 0xc0, 0x0f, 0x05, 0x48,
                                              0x3d, 0x00, 0xf0, 0xff, 0xff};

    (void)text;
    *s = (struct site){.at = p};
    if (p + 5 + SITE_MOVED_MOST + 16 > end)
        return false;
    if (memcmp(p, read_site, sizeof read_site) == 0) {
        s->nr = SYS_read;
        s->length = 10;
    } else if (p[0] == 0xb8 && p[3] == 0 && p[4] == 0) {
        unsigned n;

        s->nr = p[1] | p[2] << 8;
        while (!is_syscall(p + 5 + s->moved) && (n = movable(p + 5 + s->moved)) &&
               s->moved + n <= SITE_MOVED_MOST)
            s->moved += n;
        s->length = is_syscall(p + 5 + s->moved) ? 5 + s->moved + 2 : 0;
    }
    return s->length && shim_knows(s->nr);
}

static unsigned char *put(unsigned char *t, const void *code, size_t n)
{
    memcpy(t, code, n);
    return t + n;
}

/* endbr64 is not needed: only direct jumps come here. */
static void site_thunk(unsigned char *t, const struct site *s)
{
    uint64_t back = (uintptr_t)s->at + s->length, entry = (uintptr_t)shim_site_entry;
    unsigned char *end = t + SITE_THUNK;
    int32_t nr = s->nr, near;

    t = put(t, "\xb8", 1); /* mov $nr, %eax */
    t = put(t, &nr, 4);
    t = put(t, s->at + 5, s->moved);
    t = put(t, "\x49\xbb", 2); /* movabs $back, %r11 */
    t = put(t, &back, 8);
    near = (int32_t)(entry - (uintptr_t)(t + SITE_JUMP));
    if ((uint64_t)(uintptr_t)(t + SITE_JUMP) + (uint64_t)(int64_t)near == entry) {
        t = put(t, "\xe9", 1); /* jmp entry */
        t = put(t, &near, 4);
    } else {
        t = put(t, "\x48\xb9", 2); /* movabs $entry, %rcx */
        t = put(t, &entry, 8);
        t = put(t, "\xff\xe1", 2); /* jmp *%rcx */
    }
    memset(t, 0xcc, (size_t)(end - t));
}

/* Nothing of libc may run in here: not even memcpy. */
static inline void site_jump(const struct site *s, const unsigned char *thunk)
{
    int32_t to = (int32_t)(thunk - (s->at + SITE_JUMP));

    s->at[0] = 0xe9;
    for (unsigned k = 0; k < 4; k++)
        s->at[1 + k] = (unsigned char)((uint32_t)to >> 8 * k);
    for (unsigned k = SITE_JUMP; k < s->length; k++)
        s->at[k] = 0x90;
}

/* syscall; ret: what trap.c sends the library's own calls to. */
enum { SITE_STUB = 3 };

static inline void site_stub(unsigned char *at)
{
    at[0] = 0x0f;
    at[1] = 0x05;
    at[2] = 0xc3;
}

static inline void site_written(unsigned char *from, unsigned char *to)
{
    (void)from;
    (void)to;
}

/* What the text's protection has beside reading and executing. */
static inline int site_protection(const struct dl_phdr_info *info)
{
    (void)info;
    return 0;
}

#endif
