/* SPDX-License-Identifier: MIT
 *
 * What lookups remember, against a model: an array. Names are few, so that they meet; time goes on
 * by seconds. */
#include "net/nscache.h"
#include "tests/fuzz/fuzz.h"

enum { NAMES = 8, KINDS = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct nscache cache;
    struct {
        go_time until;
        uint32_t addr; /* 0: nothing */
    } known[NAMES][KINDS];
    uint32_t next = 1;
    go_time now = GO_SEC;
    unsigned others = 0;

    memset(known, 0, sizeof known);
    nscache_init(&cache);
    while (size) {
        uint8_t op = fuzz_byte(&data, &size), arg = fuzz_byte(&data, &size);
        unsigned which = arg % NAMES, kind = arg / NAMES % KINDS;
        struct found f = {.ttl = arg >> 4};
        char name[16];

        snprintf(name, sizeof name, "name%u", which);
        switch (op % 5) {
        case 0:
        case 1: {
            const struct found *got = nscache_get(&cache, name, (int)kind, now);

            if (others == 0)
                FUZZ_CHECK((got != NULL) ==
                           (known[which][kind].addr && known[which][kind].until > now));
            if (got)
                FUZZ_CHECK(got->n == 1 && got->addrs->v4.s_addr == known[which][kind].addr &&
                           known[which][kind].until > now);
            break;
        }
        case 2:
            found_add(&f, AF_INET, &next);
            nscache_put(&cache, name, (int)kind, now, &f);
            known[which][kind].addr = f.ttl ? next : 0;
            known[which][kind].until = now + f.ttl * GO_SEC;
            next++;
            break;
        case 3:
            now += (arg & 7) * GO_SEC;
            break;
        default:
            if (arg == 255) {
                nscache_flush(&cache);
                memset(known, 0, sizeof known);
                others = 0;
            } else if (arg >= 250) { /* a crowd, so that the oldest must go */
                f.ttl = 1000;
                found_add(&f, AF_INET, &next);
                for (int i = 0; i < NSCACHE_MOST / 2; i++) {
                    snprintf(name, sizeof name, "other%u", others++);
                    nscache_put(&cache, name, 0, now, &f);
                }
            }
        }
        found_free(&f);
        FUZZ_CHECK(cache.n <= NSCACHE_MOST);
    }
    nscache_flush(&cache);
    FUZZ_CHECK(cache.n == 0);
    return 0;
}
