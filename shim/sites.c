/* SPDX-License-Identifier: MIT
 *
 * On x86-64 a `syscall` instruction has 2 bytes and a jump 5. But nearly all of libc's come as `mov
 * $number, %eax; syscall`, 7 bytes, and those of read as `xor %eax, %eax; syscall; cmp $-4096,
 * %rax`, 10: in glibc 2.36, 436 and 3 of the 526 that there are. Some futexes have a few
 * more instructions in between, which move to the thunk. Nothing jumps into the middle, where the
 * number would not be in the register. Only the sites
 * whose number can block are touched. Each jumps to a thunk of its own near libc, which loads the
 * number and the address to go on at, and goes on to shim_site_entry.
 *
 * The text is writable for some microseconds, while this is the only thread and takes no signals,
 * and never executable at the same time. Everything in between is raw system calls, since libc's
 * code is not there. */
#include "shim/sites.h"
#include "core/sys.h"
#include <dirent.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef SHIM_SITES

void shim_site_entry(void);

enum { JUMP = 5, THUNK = 64, MOVED_MOST = 32, SITES_MOST = 512, PAGE = 4096, NEAR = 1 << 30 };

struct site {
    unsigned char *at;
    int nr;
    unsigned length; /* of what is replaced */
    unsigned moved;  /* of the instructions between the two */
};

struct libc {
    unsigned char *text, *end;
    struct site sites[SITES_MOST];
    unsigned count;
};

static int find_libc(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct libc *l = arg;
    const char *name = strrchr(info->dlpi_name, '/');

    (void)size;
    if (!name || strncmp(name, "/libc.so.6", 10) != 0)
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];

        if (p->p_type == PT_LOAD && p->p_flags & PF_X) {
            l->text = (unsigned char *)info->dlpi_addr + p->p_vaddr;
            l->end = l->text + p->p_filesz;
        }
    }
    return 1;
}

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

static void find_sites(struct libc *l)
{
    static const unsigned char read_site[] = {0x31, 0xc0, 0x0f, 0x05, 0x48,
                                              0x3d, 0x00, 0xf0, 0xff, 0xff};

    for (unsigned char *p = l->text; p + 5 + MOVED_MOST + 16 <= l->end && l->count < SITES_MOST;
         p++) {
        struct site s = {.at = p};

        if (memcmp(p, read_site, sizeof read_site) == 0) {
            s.nr = SYS_read;
            s.length = 10;
        } else if (p[0] == 0xb8 && p[3] == 0 && p[4] == 0) {
            unsigned n;

            s.nr = p[1] | p[2] << 8;
            while (!is_syscall(p + 5 + s.moved) && (n = movable(p + 5 + s.moved)) &&
                   s.moved + n <= MOVED_MOST)
                s.moved += n;
            s.length = is_syscall(p + 5 + s.moved) ? 5 + s.moved + 2 : 0;
        }
        if (s.length && shim_knows(s.nr))
            l->sites[l->count++] = s;
    }
}

/* Room for the thunks, where a jump of 32 bits reaches them. */
static unsigned char *room_near(const struct libc *l, size_t size)
{
    for (uintptr_t step = 1; step < 1024; step++) {
        uintptr_t at = ((uintptr_t)l->text - step * 0x100000) & ~(uintptr_t)(PAGE - 1);
        void *p = mmap((void *)at, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

        if (p == (void *)at)
            return p;
        if (p != MAP_FAILED)
            munmap(p, size);
    }
    return NULL;
}

static unsigned char *put(unsigned char *t, const void *code, size_t n)
{
    memcpy(t, code, n);
    return t + n;
}

/* endbr64 is not needed: only direct jumps come here. */
static void make_thunk(unsigned char *t, const struct site *s)
{
    uint64_t back = (uintptr_t)s->at + s->length, entry = (uintptr_t)shim_site_entry;
    unsigned char *end = t + THUNK;
    int32_t nr = s->nr, near;

    t = put(t, "\xb8", 1); /* mov $nr, %eax */
    t = put(t, &nr, 4);
    t = put(t, s->at + 5, s->moved);
    t = put(t, "\x49\xbb", 2); /* movabs $back, %r11 */
    t = put(t, &back, 8);
    near = (int32_t)(entry - (uintptr_t)(t + JUMP));
    if ((uint64_t)(uintptr_t)(t + JUMP) + (uint64_t)(int64_t)near == entry) {
        t = put(t, "\xe9", 1); /* jmp entry */
        t = put(t, &near, 4);
    } else {
        t = put(t, "\x48\xb9", 2); /* movabs $entry, %rcx */
        t = put(t, &entry, 8);
        t = put(t, "\xff\xe1", 2); /* jmp *%rcx */
    }
    memset(t, 0xcc, (size_t)(end - t));
}

static inline long protect(const struct libc *l, int how)
{
    uintptr_t from = (uintptr_t)l->text & ~(uintptr_t)(PAGE - 1);

    return SYS3(SYS_mprotect, from, (uintptr_t)l->end - from, how);
}

/* Nothing of libc may run in here: not even memcpy. */
static __attribute__((noinline, optimize("no-tree-loop-distribute-patterns"))) int write_jumps(
    const struct libc *l, unsigned char *thunks)
{
    int rc = (int)protect(l, PROT_READ | PROT_WRITE);

    if (rc < 0)
        return rc;
    for (unsigned i = 0; i < l->count; i++) {
        unsigned char *at = l->sites[i].at;
        int32_t to = (int32_t)(thunks + i * THUNK - (at + JUMP));

        at[0] = 0xe9;
        for (unsigned k = 0; k < 4; k++)
            at[1 + k] = (unsigned char)((uint32_t)to >> 8 * k);
        for (unsigned k = JUMP; k < l->sites[i].length; k++)
            at[k] = 0x90;
    }
    return (int)protect(l, PROT_READ | PROT_EXEC);
}

/* Another thread could be in the middle of any of it. */
static bool alone(void)
{
    DIR *d = opendir("/proc/self/task");
    unsigned n = 0;

    if (!d)
        return false;
    while (readdir(d))
        n++;
    closedir(d);
    return n == 3; /* and "." and ".." */
}

const char *sites_patch(unsigned *count)
{
    static struct libc l;
    unsigned char *thunks;
    sigset_t all, saved;
    size_t size;
    int rc;

    *count = 0;
    dl_iterate_phdr(find_libc, &l);
    if (!l.text)
        return "no libc.so.6 is loaded";
    find_sites(&l);
    if (l.count == 0)
        return "this libc has no call sites of the known form";
    if (!alone())
        return "the program has threads already";
    size = (l.count * THUNK + PAGE - 1) & ~(size_t)(PAGE - 1);
    thunks = room_near(&l, size);
    if (!thunks)
        return "there is no room near libc";
    for (unsigned i = 0; i < l.count; i++)
        make_thunk(thunks + i * THUNK, &l.sites[i]);
    if (mprotect(thunks, size, PROT_READ | PROT_EXEC) < 0)
        goto unmap;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &saved);
    rc = write_jumps(&l, thunks);
    sigprocmask(SIG_SETMASK, &saved, NULL);
    if (rc < 0)
        goto unmap;
    *count = l.count;
    return NULL;

unmap:
    munmap(thunks, size);
    return "the kernel does not allow code to be changed";
}

#else

const char *sites_patch(unsigned *count)
{
    *count = 0;
    return "there is no entry by call sites on this architecture";
}

#endif
