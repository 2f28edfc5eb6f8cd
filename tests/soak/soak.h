/* SPDX-License-Identifier: MIT
 *
 * The soak: servers, their clients and everything that may go wrong, for as long as one likes, and
 * at the end nothing is left over. A soak is a row of rounds, each a whole go_run of some seconds,
 * after which every descriptor, mapping and block of memory must be back.
 *
 * Its actors are fibers with dice of their own, thrown by the seed, the round, the kind and the
 * number of the actor: the same seed decides the same, though the kernel's timing may differ. An
 * actor may meet an error only where a fault explains it: one that was injected while it was at it,
 * or one that it, or the other side, has brought about itself. Everything else is a complaint, and
 * fails the soak. */
#ifndef TESTS_SOAK_SOAK_H
#define TESTS_SOAK_SOAK_H

#include <errno.h>
#include <gosling.h>
#include <stdbool.h>
#include <stdint.h>

/* What is counted: first what was done, then what was done against it. */
#define SOAK_COUNTS(X)                   \
    X(CONNECTIONS, "connections")        \
    X(RECORDS, "echo records")           \
    X(BYTES, "echo bytes")               \
    X(COPIED, "copied bytes")            \
    X(LINES, "chat lines")               \
    X(HEARD, "chat lines heard")         \
    X(LOOKUPS, "lookups")                \
    X(OFFLOADS, "offloads")              \
    X(PROGRAMS, "programs run")          \
    X(FORKS, "forks")                    \
    X(CANCELS, "cancels and time-outs")  \
    X(RESETS, "resets")                  \
    X(CLOSES, "closes under a reader")   \
    X(DROPS, "connections dropped half") \
    X(REFUSED, "connects that failed")   \
    X(NO_MEMORY, "allocations refused")  \
    X(NO_MAPPING, "mappings refused")    \
    X(FEW_FDS, "descriptors rationed")   \
    X(FELT, "calls that felt a shortage")

enum soak_count {
#define SOAK_ENUM(name, text) N_##name,
    SOAK_COUNTS(SOAK_ENUM)
#undef SOAK_ENUM
        N_COUNTS
};

struct soak {
    uint64_t seed;
    unsigned round;
    bool stop;  /* actors end when they have done what they are at */
    bool quiet; /* no faults are injected */
    bool names; /* there is a name server */
    int complaints;
    go_resolver resolver; /* of this round */
    bool shuffled;
    long count[N_COUNTS];
    go_nursery *actors; /* where they all are */
    const char *echo_port, *copy_port, *chat_port;
};

extern struct soak soak;

/* Something does not hold. Prints it with the seed. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- dice ---- */

struct dice {
    uint64_t state;
};

struct dice dice_of(const char *kind, unsigned number);
uint32_t throw_dice(struct dice *d, uint32_t sides); /* 0 … sides - 1 */

/* What is byte i of the stream that `key` stands for. */
uint8_t soak_byte(uint64_t key, size_t i);
void soak_fill(uint64_t key, uint8_t *to, size_t n);
bool soak_same(uint64_t key, const uint8_t *from, size_t n);
uint64_t soak_mix(uint64_t x);

/* ---- faults ---- */

/* How many faults have been injected so far. While some are at hand, each call gives another
 * number. */
uint64_t faults_now(void);
bool faults_since(uint64_t then); /* one that was injected since, or may be just now */
void faults_off(void);            /* in a fork child */

/* Actors that make memory and descriptors scarce, for a while, again and again. */
int memory_faults(void *number);
int descriptor_faults(void *number);

/* ---- the ledger: blocks and mappings that the library and the soak have ---- */

struct ledger_sum {
    size_t blocks, bytes, mappings, mapped;
};

void ledger_fail(unsigned one_in, unsigned mapping_one_in); /* 0: never */
long ledger_failed(void);                                   /* allocations so far */
long ledger_unmapped(void);                                 /* mappings refused so far */
void ledger_mark(void);                                     /* what is there now may stay */
struct ledger_sum ledger_more(bool print);                  /* what has come since */
struct ledger_sum ledger_kept(void);                        /* what was there at the mark */

/* ---- what is run ---- */

int echo_server(void *listener), copy_server(void *listener), chat_server(void *listener);
int echo_client(void *number), copy_client(void *number), chat_client(void *number);
int asks_names(void *number), offloads_work(void *number);
int forks_children(void *number), runs_programs(void *number);
const char *names_world(void); /* NULL, or why there is no name server */

/* Connects to port of loopback, by one of its names. Returns the fd or an error; complains of
 * errors that nothing explains. */
int soak_connect(struct dice *d, const char *port, uint64_t faults);
void soak_reset(int fd); /* closes fd with a reset */

/* Whether rc may be, with these faults; counts and complains. */
bool explained(int rc, uint64_t faults, const char *what);

#endif
