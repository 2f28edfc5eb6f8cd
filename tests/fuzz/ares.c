/* SPDX-License-Identifier: MIT
 *
 * Answers on their way through c-ares: a question to a server of ours, which sends the bytes back,
 * with the question's id or without. The question is answered or not; it never hangs, nor leaves
 * anything behind. */
#include "net/ares.h"
#include "tests/fuzz/fuzz.h"
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
    const uint8_t *data;
    size_t size;
    bool done;
} t;

static void on_answer(struct cares_ask *q, int status, const uint8_t *answer, size_t len)
{
    (void)q;
    FUZZ_CHECK(!t.done);
    FUZZ_CHECK(status <= 0 && (status < 0 || (answer && len > 0)));
    t.done = true;
}

static void send_answers(int fd)
{
    struct sockaddr_storage from;
    socklen_t len = sizeof from;
    uint8_t q[512], a[600];
    ssize_t n = recvfrom(fd, q, sizeof q, MSG_DONTWAIT, (struct sockaddr *)&from, &len);

    while (n > 0 && t.size) {
        uint8_t how = fuzz_byte(&t.data, &t.size);
        size_t size = how & 1 ? (size_t)n : 0, rest = how >> 2;

        memcpy(a, q, size);
        if (how & 1) { /* the question as it was, and an answer's head */
            a[2] = 0x84;
            a[3] = fuzz_byte(&t.data, &t.size);
            a[7] = fuzz_byte(&t.data, &t.size) & 3;
        }
        while (rest-- && size < sizeof a)
            a[size++] = fuzz_byte(&t.data, &t.size);
        if (how & 2 && size > 1)
            memcpy(a, q, 2);
        (void)!sendto(fd, a, size, MSG_DONTWAIT, (struct sockaddr *)&from, len);
    }
}

static int play(void *arg)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct cares_ask q = {.done = on_answer};
    struct cares *c;
    socklen_t len = sizeof to;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    uint8_t how = fuzz_byte(&t.data, &t.size);

    (void)arg;
    FUZZ_CHECK(bind(fd, (struct sockaddr *)&to, sizeof to) == 0);
    getsockname(fd, (struct sockaddr *)&to, &len);
    FUZZ_CHECK(cares_open(go_sched_self(), (struct sockaddr *)&to, how & 1 ? CARES_EDNS : 0, &c) ==
               0);
    FUZZ_CHECK(cares_ask(c, &q, "one.test", how & 2 ? 28 : 1) == 0);
    send_answers(fd);
    for (int i = 0; i < 4 && !t.done; i++)
        go_sleep(1); /* virtual time jumps when nothing is there to be read */
    cares_drop(&q);
    FUZZ_CHECK(!q.pending && !cares_busy(c));
    cares_close(c);
    close(fd);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const go_run_opts opts = {.clock = GO_CLOCK_VIRTUAL, .no_signals = true, .watchdog = -1};

    t.data = data;
    t.size = size;
    t.done = false;
    FUZZ_CHECK(go_run_with(&opts, play, NULL) == 0);
    return 0;
}
