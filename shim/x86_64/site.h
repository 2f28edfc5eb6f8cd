/* SPDX-License-Identifier: MIT
 *
 * x86-64: a `syscall` instruction has 2 bytes and a jump 5. But nearly all of libc's come as `mov
 * $number, %eax; syscall`, 7 bytes, those of read as `xor %eax, %eax; syscall; cmp $-4096, %rax`,
 * 10, and some, in loops, have the number in one of the upper registers: `mov %r8d, %eax; syscall`,
 * 5. Some have a few more instructions in between, which move to the thunk. Nothing jumps into the
 * middle, where the number would not be in the register. In glibc 2.36 that is nearly all of the
 * 526 that there are; the rest is left to traps (trap.c).
 *
 * The thunks lie behind each other, and with them the stub of the library's own calls and the
 * return from signals: what is in there may make system calls when all else is stopped. */
#ifndef SHIM_X86_64_SITE_H
#define SHIM_X86_64_SITE_H

#include "shim/sites.h"
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum {
    SITE_ALL = 1,
    SITE_STEP = 1,
    SITE_JUMP = 5,
    SITE_THUNK = 80,
    SITE_MOVED_MOST = 32,
    SITE_NEAR_MB = 1024
};

void shim_site_entry(void);
void shim_clone_entry(void);

/* How long an instruction's operands are, from its ModRM byte on. 0: relative to where it stands.
 */
static unsigned operands(const unsigned char *p)
{
    unsigned mod = p[0] >> 6, rm = p[0] & 7, n = 1;

    if (mod == 3)
        return 1;
    if (mod == 0 && rm == 5)
        return 0;
    if (rm == 4) { /* with an index */
        n++;
        if (mod == 0 && (p[1] & 7) == 5)
            n += 4;
    }
    return n + (mod == 1 ? 1 : mod == 2 ? 4 : 0);
}

/* How long the instruction at p is, if it is one that computes or stores an argument, and may be
 * anywhere; else 0. */
static unsigned movable(const unsigned char *p)
{
    /* a prefix: the registers with high numbers, or of 64 bits or bytes */
    unsigned rex = (p[0] & 0xf0) == 0x40, n;

    p += rex;
    switch (p[0]) {
    case 0x31: /* xor, mov, test, and, cmp, lea */
    case 0x89:
    case 0x85:
    case 0x21:
    case 0x39:
    case 0x8b:
    case 0x8d:
        n = operands(p + 1);
        return n ? rex + 1 + n : 0;
    case 0x80: /* with a constant of a byte */
    case 0x83:
    case 0xc1:
    case 0xc6:
        n = operands(p + 1);
        return n ? rex + 1 + n + 1 : 0;
    case 0x81: /* of four */
    case 0xc7:
        n = operands(p + 1);
        return n ? rex + 1 + n + 4 : 0;
    case 0xb9: /* mov $constant to a register that is not eax */
    case 0xba:
    case 0xbe:
    case 0xbf:
        return rex + 5;
    case 0x0f: /* setcc, cmovcc, movzbl */
        n = (p[1] & 0xf0) == 0x90 || (p[1] & 0xf0) == 0x40 || p[1] == 0xb6 ? operands(p + 2) : 0;
        return n ? rex + 2 + n : 0;
    default:
        return 0;
    }
}

/* lea of an address beside itself: its displacement is put right in the thunk. */
static bool is_lea_near(const unsigned char *p)
{
    return (p[0] == 0x48 || p[0] == 0x4c) && p[1] == 0x8d && (p[2] & 0xc7) == 0x05;
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
    /* xor %edi, %edi; mov %edx, %eax; syscall: a thread's end, in a loop around these three */
    static const unsigned char exit_site[] = {0x31, 0xff, 0x89, 0xd0, 0x0f, 0x05};

    (void)text;
    *s = (struct site){.at = p};
    if (p + 5 + SITE_MOVED_MOST + 16 > end)
        return false;
    if (memcmp(p, read_site, sizeof read_site) == 0) {
        s->nr = SYS_read;
        s->length = 10;
    } else if (memcmp(p, exit_site, sizeof exit_site) == 0) {
        s->nr = SITE_ANY;
        s->length = sizeof exit_site;
    } else if (p[0] == 0x44 && p[1] == 0x89 && (p[2] & 0xc7) == 0xc0 && is_syscall(p + 3)) {
        s->nr = SITE_ANY;
        s->length = 5;
    } else if (p[0] == 0xb8 && p[3] == 0 && p[4] == 0) {
        unsigned n;

        s->nr = p[1] | p[2] << 8;
        while (!is_syscall(p + 5 + s->moved)) {
            const unsigned char *at = p + 5 + s->moved;

            if (is_lea_near(at) && !s->near) {
                s->near = s->moved + 3;
                n = 7;
            } else {
                n = movable(at);
            }
            if (!n || s->moved + n > SITE_MOVED_MOST)
                return false;
            s->moved += n;
        }
        s->length = 5 + s->moved + 2;
    }
    return s->length > 0;
}

static unsigned char *put(unsigned char *t, const void *code, size_t n)
{
    memcpy(t, code, n);
    return t + n;
}

static unsigned char *put_jump(unsigned char *t, uintptr_t to)
{
    int32_t near = (int32_t)(to - (uintptr_t)(t + SITE_JUMP));

    if ((uintptr_t)(t + SITE_JUMP) + (uintptr_t)(intptr_t)near == to) {
        t = put(t, "\xe9", 1); /* jmp to */
        return put(t, &near, 4);
    }
    t = put(t, "\x48\xb9", 2); /* movabs $to, %rcx */
    t = put(t, &to, 8);
    return put(t, "\xff\xe1", 2); /* jmp *%rcx */
}

/* What has been moved; a displacement in it means the same place as before. */
static unsigned char *put_moved(unsigned char *t, const struct site *s)
{
    const unsigned char *from = s->at + 5;

    if (s->near) {
        int32_t d;

        memcpy(&d, from + s->near, 4);
        d += (int32_t)(from - t);
        t = put(t, from, s->near);
        t = put(t, &d, 4);
        return put(t, from + s->near + 4, s->moved - s->near - 4);
    }
    return put(t, from, s->moved);
}

/* endbr64 is not needed: only direct jumps come here. What a clone returns in is this thunk, since
 * its child may have another stack. */
static void site_thunk(unsigned char *t, const struct site *s, enum site_kind kind)
{
    uintptr_t back = (uintptr_t)s->at + s->length;
    unsigned char *end = t + SITE_THUNK;

    if (s->nr == SITE_ANY) {
        t = put(t, s->at, s->length - 2);
    } else {
        int32_t nr = s->nr;

        t = put(t, "\xb8", 1); /* mov $nr, %eax */
        t = put(t, &nr, 4);
        t = put_moved(t, s);
    }
    if (kind == SITE_PLAIN) {
        t = put(t, "\x0f\x05", 2);
        t = put_jump(t, back);
    } else if (kind == SITE_CLONE) {
        unsigned char *address;

        t = put(t, "\x49\xbb", 2); /* movabs $call, %r11 */
        address = t;
        t = put_jump(t + 8, (uintptr_t)shim_clone_entry);
        put(address, &t, 8);
        t = put(t, "\x0f\x05", 2); /* call: */
        t = put_jump(t, back);
    } else {
        t = put(t, "\x49\xbb", 2); /* movabs $back, %r11 */
        t = put(t, &back, 8);
        t = put_jump(t, (uintptr_t)shim_site_entry);
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

/* At `at`, in the thunks' room: syscall; ret, for the library's own calls when all else is stopped;
 * and the return from signal handlers, in the form by which unwinders know one. */
enum { SITE_STUB = 16, SITE_RETURN = 3 };

static inline void site_stub(unsigned char *at)
{
    memcpy(at, "\x0f\x05\xc3\x48\xc7\xc0\x0f\x00\x00\x00\x0f\x05", 12);
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
