/* SPDX-License-Identifier: MIT */
#include "net/peers.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

enum { FIRST_SIZE = 64 };

/* The seed: strangers choose the addresses. The kernel gives each process 16 random bytes. */
void peers_init(struct peers *p)
{
    const void *bytes = (const void *)getauxval(AT_RANDOM);

    *p = (struct peers){.seed = 1};
    if (bytes)
        memcpy(&p->seed, bytes, sizeof p->seed);
}

void peers_fini(struct peers *p)
{
    for (unsigned i = 0; i < p->size; i++)
        for (struct peer *at = p->slots[i], *next; at; at = next) {
            next = at->next;
            free(at);
        }
    free(p->slots);
}

/* Multiply and fold, with a secret in both halves: a stranger who picks addresses cannot pick their
 * slots. */
static unsigned slot_of(const struct peers *p, const uint8_t *address)
{
    uint64_t half[2], x;

    memcpy(half, address, sizeof half);
    x = (half[0] ^ p->seed) * UINT64_C(0x9E3779B97F4A7C15);
    x ^= x >> 32;
    x = (x + (half[1] ^ (p->seed >> 7))) * UINT64_C(0xD6E8FEB86659FD93);
    return (unsigned)(x >> 32) & (p->size - 1);
}

static bool key_of(const union addr *a, uint8_t *key)
{
    if (a->sa.sa_family == AF_INET6) {
        memcpy(key, &a->v6.sin6_addr, 16);
        return true;
    }
    if (a->sa.sa_family != AF_INET)
        return false;
    memcpy(key, "\0\0\0\0\0\0\0\0\0\0\377\377", 12);
    memcpy(key + 12, &a->v4.sin_addr, 4);
    return true;
}

static int grow(struct peers *p)
{
    struct peers bigger = {.size = p->size ? p->size * 2 : FIRST_SIZE,
                           .used = p->used,
                           .seed = p->seed};

    bigger.slots = calloc(bigger.size, sizeof *bigger.slots);
    if (!bigger.slots)
        return p->size ? 0 : -ENOMEM; /* a full table is slower, not wrong */
    for (unsigned i = 0; i < p->size; i++)
        for (struct peer *at = p->slots[i], *next; at; at = next) {
            struct peer **slot = &bigger.slots[slot_of(&bigger, at->address)];

            next = at->next;
            at->next = *slot;
            *slot = at;
        }
    free(p->slots);
    *p = bigger;
    return 0;
}

int peers_add(struct peers *p, const union addr *a, unsigned most, struct peer **out)
{
    uint8_t key[16];
    struct peer *at, **slot;

    *out = NULL;
    if (!key_of(a, key))
        return 0;
    if (p->used >= p->size && grow(p) < 0)
        return -ENOMEM;
    slot = &p->slots[slot_of(p, key)];
    for (at = *slot; at && memcmp(at->address, key, sizeof key) != 0;)
        at = at->next;
    if (!at) {
        at = calloc(1, sizeof *at);
        if (!at)
            return -ENOMEM;
        memcpy(at->address, key, sizeof key);
        at->next = *slot;
        *slot = at;
        p->used++;
    }
    if (at->count >= most)
        return -EAGAIN;
    at->count++;
    *out = at;
    return 0;
}

void peers_remove(struct peers *p, struct peer *peer)
{
    struct peer **at;

    if (!peer || --peer->count > 0)
        return;
    for (at = &p->slots[slot_of(p, peer->address)]; *at != peer;)
        at = &(*at)->next;
    *at = peer->next;
    free(peer);
    p->used--;
}
