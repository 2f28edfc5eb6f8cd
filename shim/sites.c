/* SPDX-License-Identifier: MIT
 *
 * Entry B: libc's system calls are replaced by jumps, in a way that each architecture's site.h
 * knows. Each jumps to a thunk of its own near libc, which goes on to shim_site_entry (site.S) if
 * its number is the engine's. Where traps may stop all other calls (SITE_ALL), the thunks of the
 * rest just make them.
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
#include <sys/single_threaded.h>
#include <unistd.h>

struct sites_text sites_text;

#ifdef SHIM_SITES

#ifdef __x86_64__
#include "shim/x86_64/site.h"
#else
#include "shim/aarch64/site.h"
#endif

enum { SITES_MOST = 1024, PAGE = 4096 };

struct libc {
    unsigned char *text, *end;
    struct site sites[SITES_MOST];
    unsigned count;
    int protection; /* of the text, beside reading and executing */
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
    l->protection = site_protection(info);
    return 1;
}

/* Those whose number can block, or is known only later, are the engine's. Where clones of threads
 * are, they go by an entry of their own. */
static enum site_kind kind_of(int nr)
{
    if (SITE_ALL && (nr == SYS_clone || nr == SYS_clone3))
        return SITE_CLONE;
    return nr == SITE_ANY || shim_knows(nr) ? SITE_KNOWN : SITE_PLAIN;
}

static void find_sites(struct libc *l)
{
    struct site s;

    for (unsigned char *p = l->text; p < l->end && l->count < SITES_MOST; p += SITE_STEP)
        if (site_at(p, l->text, l->end, &s) && (SITE_ALL || kind_of(s.nr) != SITE_PLAIN)) {
            l->sites[l->count++] = s;
            p += s.length - SITE_STEP;
        }
}

/* Room for the thunks, where a jump reaches them. */
static unsigned char *room_near(const struct libc *l, size_t size)
{
    for (uintptr_t step = 1; step < SITE_NEAR_MB; step++) {
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
    for (unsigned i = 0; i < l->count; i++)
        site_jump(&l->sites[i], thunks + i * SITE_THUNK);
    site_written(l->text, l->end);
    return (int)protect(l, PROT_READ | PROT_EXEC | l->protection);
}

/* Another thread could be in the middle of any of it. */
static bool alone(void)
{
    DIR *d;
    unsigned n = 0;

    if (__libc_single_threaded) /* an emulator's own threads are in /proc as well */
        return true;
    d = opendir("/proc/self/task");
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
    size = (l.count * SITE_THUNK + SITE_STUB + PAGE - 1) & ~(size_t)(PAGE - 1);
    thunks = room_near(&l, size);
    if (!thunks)
        return "there is no room near libc";
    for (unsigned i = 0; i < l.count; i++)
        site_thunk(thunks + i * SITE_THUNK, &l.sites[i], kind_of(l.sites[i].nr));
    site_stub(thunks + l.count * SITE_THUNK);
    site_written(thunks, thunks + size);
    if (mprotect(thunks, size, PROT_READ | PROT_EXEC) < 0)
        goto unmap;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &saved);
    rc = write_jumps(&l, thunks);
    sigprocmask(SIG_SETMASK, &saved, NULL);
    if (rc < 0)
        goto unmap;
    *count = l.count;
    sites_text.at = thunks;
    sites_text.size = size;
    if (SITE_STUB) {
        sites_text.stub = thunks + l.count * SITE_THUNK;
        sites_text.restorer = sites_text.stub + SITE_RETURN;
    }
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
