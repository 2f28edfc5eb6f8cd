/* SPDX-License-Identifier: MIT */
#include "net/dnsmsg.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HEADER = 12, WIRE_NAME = 255, LABEL = 63 };
#define LONGEST_TTL UINT32_C(86400) /* nothing is remembered for longer than a day */

/* A reader of one message. */
struct reader {
    const uint8_t *msg, *end, *at;
    uint16_t type; /* the question's */
    unsigned answers, authorities;
    uint8_t qname[WIRE_NAME]; /* uncompressed: lengths and labels */
};

struct record {
    uint8_t owner[WIRE_NAME];
    uint16_t type, class;
    uint32_t ttl;
    const uint8_t *data;
    size_t len;
};

static unsigned get16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)get16(at) << 16 | get16(at + 2);
}

/* Uncompresses the name at `at`. Returns the place behind it, or NULL: it is malformed. Each step
 * consumes a byte of the message or of the result, or follows a pointer, of which there cannot be
 * more than the message has bytes. */
static const uint8_t *read_name(const struct reader *r, const uint8_t *at, uint8_t *to)
{
    const uint8_t *after = NULL;
    size_t used = 0, jumps = 0, size = (size_t)(r->end - r->msg);

    for (;;) {
        unsigned n;

        if (at >= r->end)
            return NULL;
        n = *at++;
        if (n >= 0xc0) {
            if (at >= r->end || ++jumps > size / 2)
                return NULL;
            after = after ? after : at + 1;
            n = (n & 0x3f) << 8 | *at;
            if (n >= size)
                return NULL;
            at = r->msg + n;
            continue;
        }
        if (n > LABEL || n > (size_t)(r->end - at) || used + n + 1 + (n > 0) > WIRE_NAME)
            return NULL;
        to[used++] = (uint8_t)n;
        if (n == 0)
            return after ? after : at;
        memcpy(to + used, at, n);
        used += n;
        at += n;
    }
}

static bool same_name(const uint8_t *a, const uint8_t *b)
{
    for (;; a += *a + 1, b += *b + 1) {
        if (*a != *b)
            return false;
        if (*a == 0)
            return true;
        if (strncasecmp((const char *)a + 1, (const char *)b + 1, *a) != 0)
            return false;
    }
}

static bool host_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

/* A name as wire, as text in buf of DNS_NAME bytes; false: it is no host name. */
static bool host_text(const uint8_t *name, char *buf)
{
    char *to = buf;

    if (name[0] > 0 && name[1] == '-')
        return false;
    for (; *name; name += *name + 1) {
        if (to != buf)
            *to++ = '.';
        for (unsigned i = 1; i <= *name; i++) {
            if (!host_byte(name[i]))
                return false;
            *to++ = (char)name[i];
        }
    }
    if (to == buf)
        *to++ = '.';
    *to = '\0';
    return true;
}

bool dns_host_name(const char *name)
{
    size_t label = 0, n = 0;

    if (name[0] == '-')
        return false;
    if (strcmp(name, ".") == 0)
        return true;
    for (; name[n]; n++) {
        if (name[n] == '.') {
            if (label == 0)
                return false;
            label = 0;
        } else if (!host_byte((uint8_t)name[n]) || ++label > LABEL) {
            return false;
        }
    }
    /* on the wire: a length before each label, and a zero; a final dot is neither */
    return n + (label > 0) + 1 <= WIRE_NAME;
}

bool dns_head(const uint8_t *msg, size_t len, struct dns_head *out)
{
    if (len < HEADER || !(msg[2] & 0x80))
        return false;
    out->rcode = msg[3] & 0x0f;
    out->answers = get16(msg + 6);
    out->referral = out->rcode == 0 && out->answers == 0 && !(msg[2] & 0x04) && !(msg[3] & 0x80) &&
                    get16(msg + 10) == 0;
    return true;
}

/* Reads header and question. */
static bool begin(struct reader *r, const uint8_t *msg, size_t len)
{
    if (len < HEADER || get16(msg + 4) != 1)
        return false;
    r->msg = msg;
    r->end = msg + len;
    r->answers = get16(msg + 6);
    r->authorities = get16(msg + 8);
    r->at = read_name(r, msg + HEADER, r->qname);
    if (!r->at || r->end - r->at < 4)
        return false;
    r->type = (uint16_t)get16(r->at);
    r->at += 4;
    return true;
}

static bool next(struct reader *r, struct record *out)
{
    r->at = read_name(r, r->at, out->owner);
    if (!r->at || r->end - r->at < 10)
        return false;
    out->type = (uint16_t)get16(r->at);
    out->class = (uint16_t)get16(r->at + 2);
    out->ttl = get32(r->at + 4);
    out->len = get16(r->at + 8);
    out->data = r->at + 10;
    if ((size_t)(r->end - out->data) < out->len)
        return false;
    r->at = out->data + out->len;
    return true;
}

static void lower_ttl(struct found *f, uint32_t ttl)
{
    if (ttl > LONGEST_TTL)
        ttl = ttl >> 31 ? 0 : LONGEST_TTL; /* RFC 2181: one that looks negative is 0 */
    if (ttl < f->ttl)
        f->ttl = ttl;
}

static bool malformed(struct found *f)
{
    f->status = FOUND_UNAVAIL;
    f->herr = NO_RECOVERY;
    f->err = EMSGSIZE;
    return false;
}

/* Reads a message's addresses into f. Their owner must be the name that was asked for, or the last
 * alias's target; an alias's own owner is not looked at, as glibc does it. With `name` the
 * canonical name is stored: the last alias before the first address, or, if `late`, the last of
 * all, of those that are host names. False: f says why. */
static bool read_addresses(struct found *f, const uint8_t *msg, size_t len, bool name, bool late)
{
    struct reader r;
    struct record rec;
    uint8_t expected[WIRE_NAME];
    char text[DNS_NAME];
    size_t before = f->n, size;
    bool stored = false;

    if (!begin(&r, msg, len))
        return malformed(f);
    size = r.type == DNS_A ? 4 : 16;
    memcpy(expected, r.qname, sizeof expected);
    if ((!late && r.answers == 0) || !host_text(r.qname, text)) {
        f->status = FOUND_NOTFOUND;
        f->herr = HOST_NOT_FOUND;
        return false;
    }
    for (unsigned i = 0; i < r.answers; i++) {
        if (!next(&r, &rec))
            return malformed(f);
        if (rec.class != 1)
            continue;
        if (rec.type == DNS_CNAME || rec.type == r.type)
            lower_ttl(f, rec.ttl);
        if (rec.type == DNS_CNAME) {
            char alias[DNS_NAME];

            if (!read_name(&r, rec.data, expected))
                return malformed(f);
            if ((!stored || late) && host_text(expected, alias))
                memcpy(text, alias, sizeof text);
        } else if (rec.type == r.type && rec.len == size && same_name(rec.owner, expected)) {
            if (!found_add(f, size == 4 ? AF_INET : AF_INET6, rec.data))
                return false;
            if (name && !stored && !late && !found_name(f, text))
                return false;
            stored = true;
        }
    }
    if (f->n == before) {
        f->status = late ? FOUND_TRYAGAIN : FOUND_NOTFOUND;
        f->herr = late ? NO_RECOVERY : HOST_NOT_FOUND;
        return false;
    }
    if (name && late && !found_name(f, text))
        return false;
    f->status = FOUND_SUCCESS;
    return true;
}

/* The addresses go, the reason stays. */
static void give_up(struct found *f)
{
    int err = f->err;

    found_nothing(f, f->status, f->herr);
    f->err = err;
}

void dns_single(const uint8_t *msg, size_t len, struct found *f)
{
    f->ttl = LONGEST_TTL;
    if (!read_addresses(f, msg, len, true, true))
        give_up(f);
}

/* Two answers make one as glibc combines them: the first one's failure to be a message at all is
 * final; otherwise a success is one, whatever the other says. */
void dns_pair(const uint8_t *a, size_t a_len, const uint8_t *aaaa, size_t aaaa_len, struct found *f)
{
    struct found second = {.ttl = LONGEST_TTL};

    f->status = FOUND_NOTFOUND;
    f->ttl = LONGEST_TTL;
    if (a && !read_addresses(f, a, a_len, true, false) && f->status != FOUND_NOTFOUND) {
        give_up(f);
        return;
    }
    if (!aaaa)
        return;
    read_addresses(&second, aaaa, aaaa_len, f->status != FOUND_SUCCESS, false);
    /* no memory for a half */
    if (second.status != FOUND_SUCCESS && second.herr == NETDB_INTERNAL) {
        found_free(f);
        *f = second;
        return;
    }
    if (second.status == FOUND_SUCCESS || second.n > 0) {
        for (size_t i = 0; i < second.n; i++)
            if (!found_add(f, second.addrs[i].family, &second.addrs[i].v6))
                goto free_second;
        if (second.name && !f->name) {
            f->name = second.name;
            second.name = NULL;
        }
        if (second.ttl < f->ttl)
            f->ttl = second.ttl;
    }
    if (f->status != FOUND_SUCCESS) {
        if (second.status != FOUND_NOTFOUND)
            f->status = second.status;
        f->herr = second.herr;
        f->err = second.err;
    }
free_second:
    found_free(&second);
}

void dns_pointer(const uint8_t *msg, size_t len, struct found *f)
{
    struct reader r;
    struct record rec;
    uint8_t expected[WIRE_NAME], target[WIRE_NAME];
    char text[DNS_NAME];

    f->ttl = LONGEST_TTL;
    if (!begin(&r, msg, len))
        goto malformed;
    memcpy(expected, r.qname, sizeof expected);
    for (unsigned i = 0; i < r.answers; i++) {
        if (!next(&r, &rec))
            goto malformed;
        if (rec.class != 1)
            continue;
        if (rec.type == DNS_CNAME || rec.type == DNS_PTR)
            lower_ttl(f, rec.ttl);
        if (rec.type == DNS_CNAME) {
            if (!read_name(&r, rec.data, expected))
                goto malformed;
        } else if (rec.type == DNS_PTR && same_name(rec.owner, expected)) {
            if (!read_name(&r, rec.data, target) || !host_text(target, text))
                goto malformed;
            f->status = FOUND_SUCCESS;
            found_name(f, text);
            return;
        }
    }
    found_nothing(f, FOUND_TRYAGAIN, NO_RECOVERY);
    return;
malformed:
    found_nothing(f, FOUND_UNAVAIL, NO_RECOVERY);
}

/* The serial, refresh, retry, expire and minimum of a SOA stand behind its two names. */
uint32_t dns_negative_ttl(const uint8_t *msg, size_t len)
{
    enum { LONGEST = 3 * 3600 }; /* RFC 2308, 5: one to three hours */
    struct reader r;
    struct record rec;
    uint8_t name[WIRE_NAME];

    if (!begin(&r, msg, len))
        return 0;
    for (unsigned i = 0; i < r.answers + r.authorities; i++) {
        const uint8_t *at;
        uint32_t ttl;

        if (!next(&r, &rec))
            return 0;
        if (i < r.answers || rec.type != DNS_SOA || rec.class != 1)
            continue;
        at = read_name(&r, rec.data, name);
        at = at ? read_name(&r, at, name) : NULL;
        if (!at || r.end - at < 20)
            return 0;
        ttl = get32(at + 16) < rec.ttl ? get32(at + 16) : rec.ttl;
        return ttl < LONGEST ? ttl : LONGEST;
    }
    return 0;
}
