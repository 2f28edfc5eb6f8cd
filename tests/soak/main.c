/* SPDX-License-Identifier: MIT
 *
 * soak [MINUTES [SEED]]: see soak.h. */
#include "tests/soak/soak.h"
#include <dirent.h>
#include <malloc.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { ROUND = 5, PATIENCE = 60 }; /* seconds */

struct soak soak;

static const char *const names[] = {
#define SOAK_NAME(name, text) [N_##name] = text,
    SOAK_COUNTS(SOAK_NAME)
#undef SOAK_NAME
};

static const char *const resolver_names[] = {"auto", "ares", "thread"};

void complain(const char *fmt, ...)
{
    va_list ap;

    if (++soak.complaints > 30)
        return;
    fprintf(stderr, "soak: round %u of seed %llu (%s%s): ", soak.round,
            (unsigned long long)soak.seed, resolver_names[soak.resolver],
            soak.shuffled ? ", shuffled" : "");
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

/* ---- dice: splitmix64 ---- */

uint64_t soak_mix(uint64_t x)
{
    x += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

struct dice dice_of(const char *kind, unsigned number)
{
    uint64_t x = soak_mix(soak.seed) ^ soak_mix(soak.round + ((uint64_t)number << 32));

    while (*kind)
        x = soak_mix(x + (uint8_t)*kind++);
    return (struct dice){x};
}

uint32_t throw_dice(struct dice *d, uint32_t sides)
{
    d->state += UINT64_C(0x9E3779B97F4A7C15);
    return sides ? (uint32_t)(((soak_mix(d->state) >> 32) * sides) >> 32) : 0;
}

uint8_t soak_byte(uint64_t key, size_t i)
{
    return (uint8_t)(soak_mix(key + i / 8) >> 8 * (i % 8));
}

void soak_fill(uint64_t key, uint8_t *to, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = soak_byte(key, i);
}

bool soak_same(uint64_t key, const uint8_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (from[i] != soak_byte(key, i))
            return false;
    return true;
}

/* ---- what several actors need ---- */

bool explained(int rc, uint64_t faults, const char *what)
{
    if (!faults_since(faults)) {
        complain("%s got %s, and there was no fault", what, strerrorname_np(-rc));
        return false;
    }
    soak.count[N_FELT]++;
    return true;
}

int soak_connect(struct dice *d, const char *port, uint64_t faults)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost", "::1", "::ffff:127.0.0.1"};
    int fd = go_tcp_connect(hosts[throw_dice(d, 4)], port, NULL);

    if (fd < 0) {
        soak.count[N_REFUSED]++;
        explained(fd, faults, "a connect");
    }
    return fd;
}

void soak_reset(int fd)
{
    struct linger now = {1, 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    go_close(fd);
}

/* ---- a round ---- */

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double began, round_ends;

static void print_counts(FILE *out, const char *between, int first, int last)
{
    for (int i = first; i < last; i++)
        fprintf(out, "%s%ld %s", i > first ? between : "", soak.count[i], names[i]);
}

static void progress(void)
{
    static double said;

    if (seconds() - said < 10)
        return;
    said = seconds();
    printf("soak: %3.0f s, round %u (%s%s): ", said - began, soak.round,
           resolver_names[soak.resolver], soak.shuffled ? ", shuffled" : "");
    print_counts(stdout, ", ", 0, N_CANCELS);
    printf("\n");
}

static int conductor(void *arg)
{
    (void)arg;
    while (seconds() < round_ends) {
        go_sleep(50 * GO_MS);
        progress();
    }
    soak.stop = true;
    alarm(PATIENCE);
    return 0;
}

/* $SOAK_CAST, words of these, plays with some of them alone: to find out what a failure needs. */
static const struct cast {
    const char *name;
    go_fn *fn;
    unsigned n;
} cast[] = {{"memory", memory_faults, 1},  {"descriptors", descriptor_faults, 1},
            {"echo", echo_client, 12},     {"copy", copy_client, 4},
            {"chat", chat_client, 12},     {"names", asks_names, 6},
            {"offload", offloads_work, 3}, {"forks", forks_children, 1},
            {"programs", runs_programs, 1}};

/* AddressSanitizer's allocator has locks that fork leaves locked in the child when another thread
 * holds one (GCC 12): there, rounds have forks or threads, by turns. */
static bool plays(const char *name)
{
    const char *only = getenv("SOAK_CAST");

#ifdef __SANITIZE_ADDRESS__
    if (soak.round % 2 ? strcmp(name, "offload") == 0 : strcmp(name, "forks") == 0)
        return false;
#endif
    return !only || strstr(only, name);
}

static int listen_any(const char **port)
{
    static char text[3][8];
    static unsigned next;
    int fd = go_tcp_listen(NULL, "0", NULL);

    *port = snprintf(text[next % 3], 8, "%d", go_local_port(fd)) ? text[next % 3] : NULL;
    next++;
    return fd;
}

static void check_rest(void)
{
    static go_stats st;

    go_stats_get(&st);
    if (st.fibers != 1 || st.parked != 0)
        complain("%u fibers are left over, %u of them parked", st.fibers - 1, st.parked);
    if (st.stacks != 1) /* the loop's */
        complain("%zu stacks are left over", st.stacks - 1);
    if (st.sources || st.offloads_queued)
        complain("%u sources, %u offloads are left over", st.sources, st.offloads_queued);
}

static int round_main(void *arg)
{
    static const go_nursery_opts service = {.policy = GO_SERVICE}, all = {.policy = GO_SUPERVISE};
    int echo = listen_any(&soak.echo_port), copy = listen_any(&soak.copy_port);
    int chat = listen_any(&soak.chat_port), rc, inner = 0;

    (void)arg;
    GO_NURSERY_OPTS(servers, rc, &service) {
        go_spawn(servers, echo_server, &echo);
        go_spawn(servers, copy_server, &copy);
        go_spawn(servers, chat_server, &chat);
        GO_NURSERY_OPTS(actors, inner, &all) {
            soak.actors = actors;
            go_spawn(actors, conductor, NULL);
            for (size_t i = 0; i < sizeof cast / sizeof *cast; i++)
                for (unsigned k = 0; k < cast[i].n && plays(cast[i].name); k++)
                    go_spawn_with(actors, &(go_spawn_opts){.stack_size = 128 << 10}, cast[i].fn,
                                  (void *)(uintptr_t)k);
        }
        if (inner < 0) {
            complain("an actor ended with %s", strerrorname_np(-inner));
            go_error_print(go_last_error(), stderr);
        }
    }
    /* a server's error is that of its handlers, which clients bring about */
    go_close(echo);
    go_close(copy);
    go_close(chat);
    check_rest();
    (void)rc;
    return 0;
}

/* ---- what must be as it was ---- */

static unsigned descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned n = 0;

    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n;
}

/* A lookup that was left on a thread of libc's keeps what it has until it has timed out. */
static void wait_for_threads(unsigned fds)
{
    struct timespec t = {0, 10000000};

    for (int i = 0; i < 3000; i++) {
        struct ledger_sum more = ledger_more(false);

        if (descriptors() == fds && !more.blocks && !more.mappings)
            return;
        nanosleep(&t, NULL);
    }
}

static void one_round(double length)
{
    struct dice d = dice_of("round", 0);
    unsigned fds = descriptors();
    go_run_opts opts = {.no_signals = true, .watchdog = -1};
    struct ledger_sum more;
    int rc;

    opts.seed = throw_dice(&d, 2) ? 1 + throw_dice(&d, UINT32_MAX) : 0;
    opts.resolver = soak.resolver = (go_resolver)throw_dice(&d, 3);
    if (!plays("offload"))
        opts.resolver = soak.resolver = GO_RESOLVER_ARES;
    soak.shuffled = opts.seed != 0;
    soak.stop = false;
    round_ends = seconds() + length;
    alarm((unsigned)length + PATIENCE);
    rc = go_run_with(&opts, round_main, NULL);
    alarm(0);
    soak.count[N_NO_MEMORY] = ledger_failed();
    soak.count[N_NO_MAPPING] = ledger_unmapped();
    if (rc < 0)
        complain("the run ended with %s", strerrorname_np(-rc));
    wait_for_threads(fds);
    if (descriptors() != fds)
        complain("there were %u descriptors, and now there are %u", fds, descriptors());
    more = ledger_more(soak.complaints < 30);
    if (more.blocks || more.mappings)
        complain("left over: %zu blocks (%zu bytes), %zu mappings (%zu bytes)", more.blocks,
                 more.bytes, more.mappings, more.mapped);
}

static void hangs(int sig)
{
    static const char text[] = "soak: it hangs; the fibers:\n";

    (void)sig;
    (void)!write(2, text, sizeof text - 1);
    signal(SIGALRM, SIG_DFL);
    alarm(5);
    go_dump(stderr); /* nothing is to be lost any more */
    _exit(1);
}

/* What stays for the life of the process is made: the scheduler, the descriptors' generations. */
static int warm_up(void *arg)
{
    int fds[2], rc = go_pipe(fds);

    (void)arg;
    if (rc < 0)
        return rc;
    go_close(fds[0]);
    return go_close(fds[1]);
}

/* What libc, libev and c-ares have allocated, too. */
static size_t heap(void)
{
    struct mallinfo2 m = mallinfo2();

    return m.uordblks + m.hblkhd;
}

int main(int argc, char **argv)
{
    double minutes = argc > 1 ? atof(argv[1]) : 1, end;
    const char *why;
    struct ledger_sum kept;
    size_t before = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 2 && *argv[2])
        soak.seed = strtoull(argv[2], NULL, 0);
    else if (getrandom(&soak.seed, 4, 0) != 4)
        soak.seed = (uint64_t)time(NULL);
    printf("soak: %g minutes with seed %llu\n", minutes, (unsigned long long)soak.seed);
    signal(SIGALRM, hangs);
    why = names_world();
    soak.names = !why;
    if (why)
        printf("soak: no name server, literals alone are looked up: %s\n", why);
    if (go_run(warm_up, NULL) < 0)
        complain("not even a pipe");
    ledger_mark();
    kept = ledger_kept();
    began = seconds();
    end = began + minutes * 60;
    while (seconds() < end - 1 && soak.complaints == 0) {
        double left = end - seconds();

        soak.round++;
        one_round(left < ROUND ? left : ROUND);
        if (soak.round == 2)
            before = heap();
    }
    printf("soak: %.0f s, %u rounds\n  done: ", seconds() - began, soak.round);
    print_counts(stdout, ", ", 0, N_CANCELS);
    printf("\n  against it: ");
    print_counts(stdout, ", ", N_CANCELS, N_COUNTS);
    printf("\n%s", soak.complaints ? "" : "  left over: no fiber, descriptor, stack or byte\n");
    printf("  kept for the process's life: %zu blocks, %zu bytes (schedulers, generations of "
           "descriptors), %zu mappings\n",
           kept.blocks, kept.bytes, kept.mappings);
    if (before)
        printf("  libraries' heap: %zd bytes more than after two rounds\n",
               (ssize_t)(heap() - before));
    printf("soak: %s (seed %llu)\n", soak.complaints ? "FAILED" : "ok",
           (unsigned long long)soak.seed);
    return soak.complaints != 0;
}
