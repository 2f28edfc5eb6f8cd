/* SPDX-License-Identifier: MIT
 *
 * go_stream's reading against a naive model: the whole text at once, and a place in it. The bytes
 * are how the text is cut on its way, what is asked for, and the text. */
#include "tests/fuzz/fuzz.h"

enum { STEPS = 24, TEXT = 4096 };

static struct {
    uint8_t cut[8], step[STEPS];
    char text[TEXT];
    size_t n, at;
    size_t limit;
    int pair[2];
} t;

static int writes(void *arg)
{
    size_t at = 0;
    int rc = 0;

    (void)arg;
    for (unsigned i = 0; at < t.n && rc == 0; i++) {
        size_t n = 1 + t.cut[i % 8];

        n = n < t.n - at ? n : t.n - at;
        rc = go_write_all(t.pair[1], t.text + at, n);
        at += n;
        if (rc == 0)
            rc = go_yield();
    }
    go_close(t.pair[1]);
    return rc;
}

/* What reading up to `mark` gives: 1 and [t.at, *end), the text going on at *next. */
static int naive_until(const char *mark, size_t len, bool line, size_t *end, size_t *next)
{
    const char *from = t.text + t.at, *hit = memmem(from, t.n - t.at, mark, len);

    *end = hit ? (size_t)(hit - t.text) : t.n;
    *next = hit ? *end + len : t.n;
    if (hit && line && *end > t.at && t.text[*end - 1] == '\r')
        --*end;
    if (*end - t.at > t.limit)
        return -EMSGSIZE;
    return t.at < t.n;
}

static void check_until(go_stream *s, const char *mark, size_t len, bool line)
{
    char *data = NULL;
    size_t n = 0, end, next;
    int want = naive_until(mark, len, line, &end, &next);
    int rc =
        line ? go_stream_read_line(s, &data, &n) : go_stream_read_until(s, mark, len, &data, &n);

    FUZZ_CHECK(rc == want);
    if (rc != 1)
        return;
    FUZZ_CHECK(n == end - t.at);
    FUZZ_CHECK(memcmp(data, t.text + t.at, n) == 0);
    FUZZ_CHECK(data[n] == '\0');
    t.at = next;
}

static void check_step(go_stream *s, unsigned step)
{
    static const char *const marks[] = {"\r\n", "ab", "\n\n", "aab"};
    char buf[256];
    size_t n = step >> 3, left = t.n - t.at;
    ssize_t rc;

    switch (step & 7) {
    case 0:
    case 1:
    case 2:
        check_until(s, "\n", 1, true);
        break;
    case 3:
        check_until(s, marks[n % 4], strlen(marks[n % 4]), false);
        break;
    case 4:
        rc = go_stream_read_exact(s, buf, n);
        if (n <= left) {
            FUZZ_CHECK(rc == 1);
            FUZZ_CHECK(memcmp(buf, t.text + t.at, n) == 0);
            t.at += n;
        } else {
            FUZZ_CHECK(rc == (left ? -EPIPE : 0));
        }
        break;
    case 5:
        t.limit = n + 1;
        go_stream_limit(s, t.limit);
        break;
    default:
        rc = go_stream_read(s, buf, n);
        FUZZ_CHECK(rc >= 0 && (size_t)rc <= n && (size_t)rc <= left);
        FUZZ_CHECK(rc > 0 || n == 0 || left == 0);
        FUZZ_CHECK(memcmp(buf, t.text + t.at, (size_t)rc) == 0);
        t.at += (size_t)rc;
    }
}

static int play(void *arg)
{
    go_stream s;
    int rc;

    (void)arg;
    FUZZ_CHECK(go_socketpair(t.pair) == 0);
    go_stream_init(&s, t.pair[0]);
    t.limit = 1 << 20;
    GO_NURSERY(n, rc) {
        go_spawn(n, writes, NULL);
        for (int i = 0; i < STEPS; i++)
            check_step(&s, t.step[i]);
        go_close(t.pair[0]);
    }
    go_stream_fini(&s);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const go_run_opts opts = {.clock = GO_CLOCK_VIRTUAL, .no_signals = true, .watchdog = -1};
    static const char letters[] = "\n\n\r\nab";

    memset(&t, 0, sizeof t);
    for (int i = 0; i < 8; i++)
        t.cut[i] = fuzz_byte(&data, &size);
    for (int i = 0; i < STEPS; i++)
        t.step[i] = fuzz_byte(&data, &size);
    while (size && t.n < TEXT) {
        uint8_t b = fuzz_byte(&data, &size);

        if (b < 128) {
            t.text[t.n++] = letters[b % 6];
        } else { /* a run of one letter */
            for (int k = b - 120; k > 0 && t.n < TEXT; k--)
                t.text[t.n++] = 'a';
        }
    }
    FUZZ_CHECK(go_run_with(&opts, play, NULL) == 0);
    return 0;
}
