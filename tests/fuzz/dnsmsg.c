/* SPDX-License-Identifier: MIT
 *
 * Answers of name servers: bytes as they are, or put together so that most of them are messages,
 * with names that point anywhere. Whatever comes out must stand in the message. */
#include "net/dnsmsg.h"
#include "tests/fuzz/fuzz.h"

enum { MOST = 1500 };

struct writer {
    uint8_t bytes[MOST];
    size_t n;
};

static void put(struct writer *w, unsigned value, int size)
{
    while (size-- > 0 && w->n < MOST)
        w->bytes[w->n++] = (uint8_t)(value >> 8 * size);
}

/* Labels, and then the root or a pointer. */
static void put_name(struct writer *w, const uint8_t **data, size_t *size)
{
    uint8_t how = fuzz_byte(data, size);

    for (int i = how & 3; i > 0; i--) {
        uint8_t len = 1 + fuzz_byte(data, size) % (how & 4 ? 63 : 3);

        put(w, len, 1);
        while (len--)
            put(w, how & 8 ? fuzz_byte(data, size) : 'a' + len % 3u, 1);
    }
    if (how & 16)
        put(w, 0, 1);
    else if (how & 32) /* to what most want: the question */
        put(w, 0xc00c, 2);
    else
        put(w, 0xc000u | fuzz_byte(data, size), 2);
}

static void put_message(struct writer *w, const uint8_t **data, size_t *size)
{
    static const unsigned types[] = {DNS_A,     DNS_AAAA, DNS_CNAME, DNS_PTR,
                                     DNS_CNAME, DNS_A,    DNS_SOA,   41};
    uint8_t head = fuzz_byte(data, size);
    unsigned records = head >> 4;

    put(w, 0x1234, 2);
    put(w, 0x8000u | (head & 7 ? 0 : fuzz_byte(data, size)), 2);
    put(w, head & 8 ? fuzz_byte(data, size) : 1, 2);
    put(w, records, 2);
    put(w, head & 1, 2);
    put(w, 0, 2);
    put_name(w, data, size);
    put(w, types[fuzz_byte(data, size) & 7], 2);
    put(w, 1, 2);
    for (records += head & 1; records > 0; records--) {
        uint8_t how = fuzz_byte(data, size);
        size_t at;

        put_name(w, data, size);
        put(w, types[how & 7], 2);
        put(w, how & 128 ? fuzz_byte(data, size) : 1, 2);
        put(w, fuzz_byte(data, size) << (how >> 3 & 15), 4);
        at = w->n;
        put(w, 0, 2);
        if (types[how & 7] == DNS_A || types[how & 7] == DNS_AAAA)
            for (int k = types[how & 7] == DNS_A ? 4 : 16; k > 0; k--)
                put(w, fuzz_byte(data, size), 1);
        else
            put_name(w, data, size);
        if (types[how & 7] == DNS_SOA) {
            put_name(w, data, size);
            for (int k = 0; k < 5; k++)
                put(w, fuzz_byte(data, size), 4);
        }
        if (at + 2 <= w->n) {
            size_t len = w->n - at - 2;

            w->bytes[at] = (uint8_t)(len >> 8);
            w->bytes[at + 1] = (uint8_t)len;
            if (types[how & 7] == DNS_CNAME && how & 64) /* it lies about its length */
                w->bytes[at + 1] ^= 1;
        }
    }
}

static void check(const struct found *f, const uint8_t *a, size_t a_len, const uint8_t *b,
                  size_t b_len)
{
    FUZZ_CHECK(f->n <= f->room);
    FUZZ_CHECK(f->status == FOUND_SUCCESS || f->herr != 0);
    for (size_t i = 0; i < f->n; i++) {
        size_t size = f->addrs[i].family == AF_INET ? 4 : 16;

        FUZZ_CHECK(f->addrs[i].family == AF_INET || f->addrs[i].family == AF_INET6);
        FUZZ_CHECK((a && memmem(a, a_len, &f->addrs[i].v6, size)) ||
                   (b && memmem(b, b_len, &f->addrs[i].v6, size)));
    }
    FUZZ_CHECK(!f->name || strlen(f->name) < DNS_NAME);
}

/* A copy whose end ASan knows. */
static uint8_t *exact(const struct writer *w)
{
    uint8_t *p = malloc(w->n ? w->n : 1);

    FUZZ_CHECK(p != NULL);
    memcpy(p, w->bytes, w->n);
    return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct writer w[2];
    struct found f = {0};
    struct dns_head head;
    uint8_t how = fuzz_byte(&data, &size), *a, *b;

    w[0].n = w[1].n = 0;
    for (int i = 0; i < 2; i++)
        if (how & (1 << i)) {
            put_message(&w[i], &data, &size);
        } else {
            while (size && w[i].n < (i ? MOST : 300))
                put(&w[i], fuzz_byte(&data, &size), 1);
        }
    a = exact(&w[0]);
    b = exact(&w[1]);
    dns_head(a, w[0].n, &head);
    dns_single(a, w[0].n, &f);
    check(&f, a, w[0].n, NULL, 0);
    found_free(&f);
    dns_pair(how & 4 ? NULL : a, w[0].n, how & 8 && !(how & 4) ? NULL : b, w[1].n, &f);
    check(&f, a, w[0].n, b, w[1].n);
    found_free(&f);
    dns_pointer(b, w[1].n, &f);
    check(&f, NULL, 0, NULL, 0);
    FUZZ_CHECK(!f.name || dns_host_name(f.name));
    found_free(&f);
    FUZZ_CHECK(dns_negative_ttl(a, w[0].n) <= 3 * 3600);
    free(a);
    free(b);
    return 0;
}
