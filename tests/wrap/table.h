/* SPDX-License-Identifier: MIT
 *
 * Rows of the table of threads: each does something with libc's threads alone, and says what came
 * of it; wrap.sh compares what they say natively with what they say under `gosling run`. A row is
 * named after its group, and a run of the program with its name does it. Nothing may depend on the
 * time that it takes. */
#ifndef TESTS_WRAP_TABLE_H
#define TESTS_WRAP_TABLE_H

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct row {
    const char *name;
    void (*fn)(void);
};

#define ROW(name)                                                                       \
    static void name(void);                                                             \
    static const struct row *const row_##name __attribute__((used, section("table"))) = \
        &(const struct row){#name, name};                                               \
    static void name(void)

#define say(...) (printf(__VA_ARGS__), fflush(stdout))

/* An error's name, or "0". */
static inline const char *err(int e)
{
    return e ? strerrorname_np(e) : "0";
}

static inline void rest(long ms)
{
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

    while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
        ;
}

static inline pthread_t start(void *(*fn)(void *), void *arg)
{
    pthread_t t;
    int rc = pthread_create(&t, NULL, fn, arg);

    if (rc) {
        say("pthread_create: %s\n", err(rc));
        exit(1);
    }
    return t;
}

static inline long join(pthread_t t)
{
    void *result = NULL;
    int rc = pthread_join(t, &result);

    if (rc)
        say("pthread_join: %s\n", err(rc));
    return (long)result;
}

/* `ms` from now on by that clock. */
static inline struct timespec from_now(clockid_t clock, long ms)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    ts.tv_sec += ms / 1000;
    ts.tv_nsec += ms % 1000 * 1000000;
    if (ts.tv_nsec >= 1000000000) {
        ts.tv_sec++;
        ts.tv_nsec -= 1000000000;
    }
    return ts;
}

#endif
