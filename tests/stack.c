/* SPDX-License-Identifier: MIT
 *
 * Stacks: their sizes, colours, guards, reuse, trimming, and what happens when there are no more.
 * How guards are made is settled once in a process, so laws that want another way run this program
 * again. */
#include "core/stack.h"
#include "tests/probe.h"
#include "tests/tap.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#if defined(__has_include) && __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define RUNNING_ON_VALGRIND 0
#endif
#define NOT_ALONE (TAP_SANITIZED || RUNNING_ON_VALGRIND) /* others use the address space too */

enum { RECORD = 448, COLOURS = 48, LINE = 64 };

static struct stack_pool pool;
static unsigned normal; /* STACK_DEFAULT's class */

static void with_pool(void (*fn)(void))
{
    normal = stack_class_of(STACK_DEFAULT);
    stack_pool_init(&pool, RECORD);
    fn();
    stack_pool_fini(&pool);
}

#define LAW_POOL(name, text) LAW_AROUND(with_pool, name, text)

static char *slot_top(const struct stack *s)
{
    return s->lo + stack_size(s);
}

/* Whether the byte at p can be read, asked of the kernel. */
static bool readable(const char *p)
{
    int fds[2];
    bool yes;

    if (!CHECK(pipe(fds) == 0))
        return false;
    yes = write(fds[1], p, 1) == 1;
    if (!yes)
        CHECK_EQ(errno, EFAULT);
    close(fds[0]);
    close(fds[1]);
    return yes;
}

static bool guarded(const struct stack *s)
{
    return readable(s->lo) && !readable(s->lo - 1) && !readable(s->lo - STACK_GUARD);
}

/* ---- sizes ---- */

LAW(classes, "stack sizes are rounded up to a power of two, from 16 KiB to 1 GiB")
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned least = page > STACK_MIN ? (unsigned)__builtin_ctzl(page) : 14;

    CHECK_EQ(stack_class_of(0), least);
    CHECK_EQ(stack_class_of(1), least);
    CHECK_EQ(stack_class_of(STACK_DEFAULT), 16);
    CHECK_EQ(stack_class_of(STACK_DEFAULT - 1), 16);
    CHECK_EQ(stack_class_of(STACK_DEFAULT + 1), 17);
    CHECK_EQ(stack_class_of(STACK_MAX), 30);
    CHECK_EQ(stack_class_of(STACK_MAX + 1), 0);
    CHECK_EQ(stack_class_of(SIZE_MAX), 0);
}

LAW_POOL(every_size, "a stack of each size can be had, and is usable from end to end")
{
    for (unsigned i = stack_class_of(0); i <= stack_class_of(STACK_MAX); i++) {
        struct stack *s = stack_get(&pool, i);

        if ((TAP_SANITIZED || sizeof(void *) == 4) && !s)
            continue; /* there may be no room for the largest */
        if (!CHECK(s))
            return;
        CHECK_EQ(stack_size(s), (size_t)1 << i);
        CHECK((char *)s + RECORD <= slot_top(s));
        CHECK((char *)s > slot_top(s) - 4096);
        CHECK_EQ((uintptr_t)s % LINE, 0);
        s->lo[0] = 1;
        ((char *)s)[-1] = 1;
        ((char *)s)[RECORD - 1] = 1;
    }
    CHECK(!stack_get(&pool, stack_class_of(STACK_MAX + 1)));
    CHECK(!stack_get(&pool, 31));
}

LAW_POOL(apart, "stacks do not overlap, and keep what was written to them")
{
    enum { N = 500 };
    static struct stack *all[N];

    for (int i = 0; i < N; i++) {
        all[i] = stack_get(&pool, normal + (unsigned)i % 3);
        if (!CHECK(all[i]))
            return;
        memset((char *)all[i] - 200, i, 200);
        memset((char *)all[i] + sizeof *all[i], i, RECORD - sizeof *all[i]);
        memset(all[i]->lo, i, 200);
    }
    CHECK_EQ(pool.live, N);
    for (int i = 0; i < N; i++) {
        char *places[] = {(char *)all[i] - 200, (char *)all[i] + sizeof *all[i],
                          (char *)all[i] + RECORD - 1, all[i]->lo, all[i]->lo + 199};

        for (int p = 0; p < 5; p++)
            if (!CHECK_EQ(*places[p], (char)i))
                return;
    }
}

LAW_POOL(colours, "the tops of neighbours lie in 48 different cache lines")
{
    bool seen[COLOURS] = {false};

    for (int i = 0; i < COLOURS; i++) {
        struct stack *s = stack_get(&pool, normal);
        size_t below = (size_t)(slot_top(s) - (char *)s) - RECORD;

        CHECK_EQ(below % LINE, 0);
        if (!CHECK(below / LINE < COLOURS))
            return;
        CHECK(!seen[below / LINE]);
        seen[below / LINE] = true;
    }
}

LAW_POOL(one_page, "the record and 512 bytes of frames touch one page, whatever the colour")
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    for (int i = 0; i < COLOURS; i++) {
        struct stack *s = stack_get(&pool, normal);

        memset((char *)s - 512, 1, 512);
        CHECK_EQ(stack_high_water(s), page);
    }
}

LAW_POOL(high_water, "the high-water mark counts whole pages from the top")
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct stack *s = stack_get(&pool, 20);

    slot_top(s)[-1] = 1;
    CHECK_EQ(stack_high_water(s), page);
    slot_top(s)[-(ptrdiff_t)(5 * page)] = 1;
    CHECK_EQ(stack_high_water(s), 5 * page);
    s->lo[0] = 1;
    CHECK_EQ(stack_high_water(s), stack_size(s));
}

/* ---- reuse and trimming ---- */

LAW_POOL(lifo, "free stacks are used again, last in first out, with their records")
{
    struct stack *a = stack_get(&pool, normal), *b = stack_get(&pool, normal);
    struct stack *other = stack_get(&pool, normal + 1);
    char *mark = (char *)b + sizeof *b;

    CHECK_EQ(*mark, 0);
    *mark = 7;
    stack_put(&pool, a);
    stack_put(&pool, b);
    stack_put(&pool, other);
    CHECK_EQ(pool.live, 0);
    CHECK(stack_get(&pool, normal) == b);
    CHECK_EQ(*mark, 7);
    CHECK(stack_get(&pool, normal) == a);
    CHECK(stack_get(&pool, normal + 1) == other);
    CHECK_EQ(pool.live, 3);
}

enum { MANY = 300, KEPT = 20 };
static struct stack *many[MANY];

static bool take_many(void)
{
    for (int i = 0; i < MANY; i++)
        if (!CHECK(many[i] = stack_get(&pool, normal)))
            return false;
    return true;
}

LAW_POOL(trim, "trimming gives back the memory of the coldest, and of no more than was asked")
{
    char *top[MANY];
    size_t reserved;

    if (!take_many())
        return;
    for (int i = 0; i < MANY; i++) {
        top[i] = (char *)many[i] + sizeof *many[i];
        *top[i] = 5;
        many[i]->lo[0] = 5;
    }
    reserved = pool.reserved;
    for (int i = 0; i < MANY; i += 2) /* every second one is still in use */
        stack_put(&pool, many[i]);
    stack_trim(&pool, KEPT, UINT32_MAX);
    CHECK_EQ(pool.hot_count[normal], KEPT);
    for (int i = 0; i < MANY; i++) {
        bool cold = i % 2 == 0 && i < MANY - 2 * KEPT;

        CHECK_EQ(*top[i], cold ? 0 : 5);
    }
    for (int i = 1; i < MANY; i += 2)
        stack_put(&pool, many[i]);
    stack_trim(&pool, MANY, UINT32_MAX); /* fewer are free and touched than may be kept */
    CHECK_EQ(*top[1], 5);
    stack_trim(&pool, 0, UINT32_MAX);
    CHECK_EQ(pool.hot_count[normal], 0);
    CHECK(!pool.hot[normal]);
    for (int i = 0; i < MANY; i++)
        CHECK_EQ(*top[i], 0);
    CHECK_EQ(pool.live, 0);
    if (!take_many()) /* … and they can be had again, without another reservation */
        return;
    CHECK_EQ(pool.reserved, reserved);
    for (int i = 0; i < MANY; i++) {
        CHECK_EQ(stack_size(many[i]), STACK_DEFAULT);
        CHECK_EQ(many[i]->lo[0], 0);
    }
}

LAW_POOL(trimmed_apart, "trimmed stacks are handed out once")
{
    if (!take_many())
        return;
    for (int i = 0; i < MANY; i++)
        stack_put(&pool, many[i]);
    stack_trim(&pool, KEPT, UINT32_MAX);
    if (!take_many())
        return;
    for (int i = 0; i < MANY; i++)
        *(int *)(void *)many[i]->lo = i;
    for (int i = 0; i < MANY; i++)
        CHECK_EQ(*(int *)(void *)many[i]->lo, i);
}

/* ---- guards ---- */

LAW_POOL(guards, "S10.10 guards are 64 KiB, in force below every stack, and survive a trim")
{
    CHECK_EQ(STACK_GUARD, 64 * 1024);
    if (stack_guards() == STACK_GUARDS_NONE) {
        TAP_SKIP("this system protects no memory");
        return;
    }
    if (!take_many())
        return;
    for (int i = 0; i < MANY; i++)
        CHECK(guarded(many[i]));
    for (int i = 0; i < MANY; i++)
        stack_put(&pool, many[i]);
    stack_trim(&pool, KEPT, UINT32_MAX);
    if (!take_many())
        return;
    for (int i = 0; i < MANY; i++)
        CHECK(guarded(many[i]));
    CHECK_EQ(pool.unguarded, 0);
}

/* Runs the laws of this program whose text contains `law` again, with guards made this way: its
 * status, and in said what it wrote to stderr. */
static int again(const char *how, const char *law, char *said, size_t size)
{
    const char *emulator = getenv("EMULATOR");
    char self[4096] = "";
    int fds[2], status = -1;
    size_t n = 0;
    ssize_t got;
    pid_t pid;

    if (pipe(fds) || readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);

        dup2(fds[1], 2);
        dup2(null, 1);
        close(fds[0]);
        setenv("GOSLING_GUARDS", how, 1);
        if (emulator && *emulator)
            execl("/bin/sh", "sh", "-c", "exec $EMULATOR \"$0\" \"$1\"", self, law, (char *)NULL);
        execl(self, self, law, (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    while (n + 1 < size && (got = read(fds[0], said + n, size - 1 - n)) > 0)
        n += (size_t)got;
    said[n] = 0;
    close(fds[0]);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool asked_for(const char *how)
{
    const char *wish = getenv("GOSLING_GUARDS");

    return wish && !strcmp(wish, how);
}

LAW(guards_mprotect, "S10.10 mprotect makes guards where the kernel has no MADV_GUARD_INSTALL")
{
    char said[4096];

    if (stack_guards() == STACK_GUARDS_NONE) {
        TAP_SKIP("this system protects no memory");
        return;
    }
    CHECK_EQ(again("mprotect", "guards are 64", said, sizeof said), 0);
    CHECK_STR(said, "");
}

LAW_POOL(guards_none, "stacks work without guards, and are counted then")
{
    char said[4096];

    if (!asked_for("none")) {
        CHECK_EQ(again("none", "stacks work without", said, sizeof said), 0);
        CHECK_STR(said, "");
        return;
    }
    CHECK_EQ(stack_guards(), STACK_GUARDS_NONE);
    if (!take_many())
        return;
    CHECK(readable(many[0]->lo - 1));
    CHECK(pool.unguarded >= MANY);
}

static long most_maps(void)
{
    FILE *f = fopen("/proc/sys/vm/max_map_count", "r");
    long n = 0;

    if (f) {
        if (fscanf(f, "%ld", &n) != 1)
            n = 0;
        fclose(f);
    }
    return n;
}

LAW_POOL(maps_run_out, "with no mappings left there are stacks without guards, and one report")
{
    char said[4096], *report;
    long maps = most_maps(), n;
    struct stack *first, *last = NULL;
    void *room;

    if (sizeof(void *) == 4) {
        TAP_SKIP("with 32 bits there is no room for as many stacks");
        return;
    }
    if (NOT_ALONE || maps <= 0 || maps > 100000 || stack_guards() == STACK_GUARDS_NONE) {
        TAP_SKIP("vm.max_map_count is out of reach");
        return;
    }
    if (!asked_for("mprotect")) {
        CHECK_EQ(again("mprotect", "with no mappings", said, sizeof said), 0);
        report = strstr(said, "vm.max_map_count");
        if (CHECK(report))
            CHECK(!strstr(report + 1, "no more memory mappings"));
        CHECK_HAS(said, "raise vm.max_map_count");
        return;
    }
    first = stack_get(&pool, normal);
    for (n = 1; n < maps / 2 + 5000; n++)
        if (!CHECK(last = stack_get(&pool, normal)))
            return;
    CHECK(guarded(first));
    CHECK(readable(last->lo - 1));
    CHECK(pool.unguarded >= 5000);
    CHECK(pool.unguarded < 10000);
    /* The rest of the process has not lost its own mappings. */
    for (int i = 0; i < 400; i++) {
        room = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (!CHECK(room != MAP_FAILED) || !CHECK(mprotect(room, 4096, PROT_NONE) == 0))
            return;
    }
}

/* ---- exhaustion ---- */

static long address_space(void)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long pages = 0;

    if (f) {
        if (fscanf(f, "%ld", &pages) != 1)
            pages = 0;
        fclose(f);
    }
    return pages * sysconf(_SC_PAGESIZE);
}

/* A law that sets limits runs in a child. */
static void in_child(void (*fn)(void))
{
    int status = 0;
    pid_t pid;

    if (NOT_ALONE) {
        TAP_SKIP("address space is not only ours");
        return;
    }
    if (!probe_address_space()) {
        TAP_SKIP(PROBE_NO_ADDRESS_SPACE);
        return;
    }
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        with_pool(fn);
        fflush(stdout);
        _exit(tap.wrong != 0);
    }
    waitpid(pid, &status, 0);
    CHECK_EQ(status, 0);
}

static unsigned take_all(struct stack **list, unsigned size_class)
{
    unsigned n = 0;

    for (struct stack *s; (s = stack_get(&pool, size_class)); n++) {
        s->next = *list;
        *list = s;
    }
    return n;
}

LAW_AROUND(in_child, address_space_ends,
           "S3.53 stacks up to the limit of the address space, then NULL, and nothing is lost")
{
    struct rlimit limit;
    struct stack *list = NULL, *next;
    unsigned n, stride = STACK_DEFAULT + STACK_GUARD;
    size_t live;

    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = (rlim_t)address_space() + 100 * 1024 * 1024;
    if (!CHECK(setrlimit(RLIMIT_AS, &limit) == 0))
        return;
    n = take_all(&list, normal);
    /* All but the last few of what could fit: smaller and smaller chunks were tried. */
    CHECK(n > 100u * 1024 * 1024 / stride - 64);
    CHECK(n < 100u * 1024 * 1024 / stride + 1);
    CHECK_EQ(pool.live, n);
    live = pool.live;
    CHECK(!stack_get(&pool, normal));
    CHECK(!stack_get(&pool, stack_class_of(STACK_MAX)));
    CHECK_EQ(pool.live, live);
    for (struct stack *s = list; s; s = next) {
        next = s->next;
        stack_put(&pool, s);
    }
    list = NULL;
    stack_trim(&pool, 10, UINT32_MAX);
    CHECK_EQ(take_all(&list, normal), n);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_AS, &limit);
    for (int i = 0; i < 200; i++) /* more memory: more stacks */
        CHECK(stack_get(&pool, normal));
}

TAP_MAIN
