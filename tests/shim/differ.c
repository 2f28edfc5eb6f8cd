/* SPDX-License-Identifier: MIT
 *
 * Every call does in a fiber what it does outside: a table of kinds of descriptors and of small
 * programs on them, each run natively, on a thread, and then in a fiber; what they say must be the
 * same. What they say are returns, errno, bytes, and the order of things. */
#include "tests/tap.h"
#include <errno.h>
#include <fcntl.h>
#include <gosling.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

/* ---- what a program says ---- */

static pthread_mutex_t saying = PTHREAD_MUTEX_INITIALIZER;
static char said[16384];
static size_t said_n;
static bool in_fiber; /* which of the two runs this is */

static void __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
    va_list ap;

    pthread_mutex_lock(&saying);
    va_start(ap, format);
    if (said_n < sizeof said)
        said_n += (size_t)vsnprintf(said + said_n, sizeof said - said_n, format, ap);
    va_end(ap);
    pthread_mutex_unlock(&saying);
}

/* A result, with errno where there is one. */
#define SAY(call)                                                              \
    do {                                                                       \
        long rc_;                                                              \
        errno = 0;                                                             \
        rc_ = (long)(call);                                                    \
        say("%s=%ld %s; ", #call, rc_, rc_ < 0 ? strerrorname_np(errno) : ""); \
    } while (0)

/* ---- two at a time: two threads, or two fibers ---- */

struct party {
    void (*fn)(void *arg);
    void *arg;
};

static void *party_thread(void *arg)
{
    struct party *p = arg;

    p->fn(p->arg);
    return NULL;
}

static int party_fiber(void *arg)
{
    party_thread(arg);
    return 0;
}

static void beside(void (*fn)(void *arg), void (*other)(void *arg), void *arg)
{
    struct party p = {other, arg};
    pthread_t t;
    int rc;

    if (in_fiber) {
        GO_NURSERY(n, rc) {
            go_spawn(n, party_fiber, &p);
            fn(arg);
        }
        return;
    }
    pthread_create(&t, NULL, party_thread, &p);
    fn(arg);
    pthread_join(t, NULL);
}

static void a_little_later(void)
{
    const struct timespec t = {0, 15 * 1000000};

    nanosleep(&t, NULL);
}

/* ---- kinds ---- */

struct ends {
    int in, out; /* what is written to `out` is read from `in` */
    int more;    /* another descriptor to be closed */
};

static void nowhere(struct ends *e)
{
    e->in = e->out = e->more = -1;
}

static void kind_pipe(struct ends *e)
{
    int p[2];

    if (pipe(p) == 0)
        *e = (struct ends){p[0], p[1], -1};
}

static void pair(struct ends *e, int type)
{
    int p[2];

    if (socketpair(AF_UNIX, type, 0, p) == 0)
        *e = (struct ends){p[0], p[1], -1};
}

static void kind_unix(struct ends *e)
{
    pair(e, SOCK_STREAM);
}

static void kind_dgram(struct ends *e)
{
    pair(e, SOCK_DGRAM);
}

static void kind_seqpacket(struct ends *e)
{
    pair(e, SOCK_SEQPACKET);
}

static int bound(int type, struct sockaddr_in *sa)
{
    int fd = socket(AF_INET, type, 0);
    socklen_t len = sizeof *sa;

    *sa = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bind(fd, (void *)sa, sizeof *sa);
    getsockname(fd, (void *)sa, &len);
    return fd;
}

static void kind_tcp(struct ends *e)
{
    struct sockaddr_in sa;
    int l = bound(SOCK_STREAM, &sa);

    listen(l, 1);
    e->out = socket(AF_INET, SOCK_STREAM, 0);
    connect(e->out, (void *)&sa, sizeof sa);
    e->in = accept(l, NULL, NULL);
    close(l);
    e->more = -1;
}

static void kind_udp(struct ends *e)
{
    struct sockaddr_in a, b;

    e->in = bound(SOCK_DGRAM, &a);
    e->out = bound(SOCK_DGRAM, &b);
    connect(e->out, (void *)&a, sizeof a);
    connect(e->in, (void *)&b, sizeof b);
    e->more = -1;
}

static void kind_fifo(struct ends *e)
{
    char path[] = "/tmp/gosling-differ-XXXXXX";

    mktemp(path);
    mkfifo(path, 0600);
    e->more = open(path, O_RDWR);
    e->in = open(path, O_RDONLY);
    e->out = open(path, O_WRONLY);
    close(e->more);
    e->more = -1;
    unlink(path);
}

static void kind_pty(struct ends *e)
{
    struct termios t;

    e->out = posix_openpt(O_RDWR | O_NOCTTY);
    grantpt(e->out);
    unlockpt(e->out);
    e->in = open(ptsname(e->out), O_RDWR | O_NOCTTY);
    tcgetattr(e->in, &t);
    cfmakeraw(&t);
    tcsetattr(e->in, TCSANOW, &t);
    e->more = -1;
}

static void kind_eventfd(struct ends *e)
{
    e->in = eventfd(0, 0);
    e->out = dup(e->in);
    e->more = -1;
}

static void kind_file(struct ends *e)
{
    char path[] = "/tmp/gosling-differ-XXXXXX";

    e->out = mkstemp(path);
    e->in = open(path, O_RDONLY);
    e->more = -1;
    unlink(path);
}

static void kind_null(struct ends *e)
{
    e->in = open("/dev/null", O_RDONLY);
    e->out = open("/dev/null", O_WRONLY);
    e->more = -1;
}

static void kind_proc(struct ends *e)
{
    e->in = open("/proc/self/comm", O_RDONLY);
    e->out = open("/proc/self/comm", O_WRONLY);
    e->more = -1;
}

static void kind_directory(struct ends *e)
{
    e->in = open("/", O_RDONLY | O_DIRECTORY);
    e->out = dup(e->in);
    e->more = -1;
}

static void kind_epoll(struct ends *e)
{
    e->in = epoll_create1(0);
    e->out = dup(e->in);
    e->more = -1;
}

static void kind_closed(struct ends *e)
{
    kind_pipe(e);
    close(e->in);
    close(e->out);
}

static const struct kind {
    const char *name;
    void (*make)(struct ends *e);
    bool waits; /* an empty one makes a reader wait */
} kinds[] = {
    {"pipe", kind_pipe, true},
    {"unix", kind_unix, true},
    {"dgram", kind_dgram, true},
    {"seqpacket", kind_seqpacket, true},
    {"tcp", kind_tcp, true},
    {"udp", kind_udp, true},
    {"fifo", kind_fifo, true},
    {"pty", kind_pty, true},
    {"eventfd", kind_eventfd, true},
    {"file", kind_file, false},
    {"null", kind_null, false},
    {"proc", kind_proc, false},
    {"directory", kind_directory, false},
    {"epoll", kind_epoll, false},
    {"closed", kind_closed, false},
};

/* ---- programs ---- */

#define EIGHT "eight by"

static void bytes(const char *buf, long n)
{
    say("[%.*s] ", n > 0 && n < 64 ? (int)n : 0, buf);
}

static void nonblocking(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void p_read_what_is_there(struct ends *e)
{
    char b[64] = "";

    SAY(write(e->out, EIGHT, 8));
    SAY(read(e->in, b, sizeof b));
    bytes(b, 8);
}

static void p_read_in_pieces(struct ends *e)
{
    char b[64] = "";

    SAY(write(e->out, EIGHT, 8));
    SAY(read(e->in, b, 3));
    bytes(b, 3);
}

static void p_read_nothing(struct ends *e)
{
    char b[1];

    SAY(write(e->out, EIGHT, 8));
    SAY(read(e->in, b, 0));
}

static void p_readv(struct ends *e)
{
    char a[4] = "", b[8] = "";
    struct iovec v[] = {{a, 4}, {b, 8}};

    SAY(write(e->out, EIGHT, 8));
    SAY(readv(e->in, v, 2));
    bytes(a, 4);
    bytes(b, 4);
}

static void p_readv_wrong(struct ends *e)
{
    char a[4];
    struct iovec v[] = {{a, 4}};
    volatile int wrong[] = {-1, 0, 5000}; /* the compiler would see it */

    SAY(write(e->out, EIGHT, 8));
    for (int i = 0; i < (getenv("EMULATOR") ? 2 : 3); i++) /* valgrind would look at all of them */
        SAY(readv(e->in, v, wrong[i]));
}

static void p_write_nothing(struct ends *e)
{
    SAY(write(e->out, "", 0));
}

static void p_writev(struct ends *e)
{
    struct iovec v[] = {{"eigh", 4}, {"", 0}, {"t by", 4}};
    char b[64] = "";

    SAY(writev(e->out, v, 3));
    nonblocking(e->in);
    SAY(read(e->in, b, sizeof b));
    bytes(b, 8);
}

static void p_nonblocking_read(struct ends *e)
{
    char b[64];

    nonblocking(e->in);
    SAY(read(e->in, b, sizeof b));
    SAY(recv(e->in, b, sizeof b, 0));
}

static void p_nonblocking_write(struct ends *e)
{
    static char b[300000];
    int n = 0;

    nonblocking(e->out);
    memset(b, 'x', sizeof b);
    errno = 0;
    while (n < 1000 && write(e->out, b, 3000) == 3000)
        n++;
    say("many %d; ", n > 2);
}

static void p_end(struct ends *e)
{
    char b[64];

    close(e->out);
    e->out = -1;
    nonblocking(e->in);
    SAY(read(e->in, b, sizeof b));
}

static void p_broken(struct ends *e)
{
    close(e->in);
    e->in = -1;
    SAY(write(e->out, EIGHT, 8));
    SAY(write(e->out, EIGHT, 8));
    SAY(send(e->out, EIGHT, 8, MSG_NOSIGNAL));
}

static void p_wrong_way(struct ends *e)
{
    char b[64];

    nonblocking(e->out);
    SAY(write(e->in, EIGHT, 8));
    SAY(read(e->out, b, 8));
}

static void p_poll_empty(struct ends *e)
{
    struct pollfd p[] = {{e->in, POLLIN, 0}, {e->out, POLLOUT, 0}, {-1, POLLIN, 0}};

    SAY(poll(p, 3, 0));
    say("%x %x %x; ", p[0].revents, p[1].revents, p[2].revents);
    SAY(poll(p, 1, 5));
    say("%x; ", p[0].revents);
}

static void p_poll_ready(struct ends *e)
{
    struct pollfd p = {e->in, POLLIN | POLLPRI | POLLRDHUP, 0};

    SAY(write(e->out, EIGHT, 8));
    SAY(poll(&p, 1, 100));
    say("%x; ", p.revents);
}

static void p_poll_end(struct ends *e)
{
    struct pollfd p = {e->in, POLLIN | POLLRDHUP, 0};

    close(e->out);
    e->out = -1;
    SAY(poll(&p, 1, 0));
    say("%x; ", p.revents);
    p.events = 0;
    SAY(poll(&p, 1, 0));
    say("%x; ", p.revents);
}

static void p_ppoll(struct ends *e)
{
    struct timespec bad = {0, 1000000000}, soon = {0, 2000000};
    struct pollfd p = {e->in, POLLIN, 0};

    SAY(ppoll(&p, 1, &bad, NULL));
    SAY(ppoll(&p, 1, &soon, NULL));
    say("%x; ", p.revents);
}

static void p_select(struct ends *e)
{
    struct timeval t = {0, 3000};
    fd_set in, out, ex;

    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&ex);
    if (e->in >= 0 && e->out >= 0) {
        FD_SET(e->in, &in);
        FD_SET(e->in, &ex);
        FD_SET(e->out, &out);
    }
    SAY(write(e->out, EIGHT, 8));
    SAY(select(1 + (e->in > e->out ? e->in : e->out), &in, &out, &ex, &t));
    if (e->in >= 0 && e->out >= 0)
        say("%d %d %d; ", FD_ISSET(e->in, &in) != 0, FD_ISSET(e->out, &out) != 0,
            FD_ISSET(e->in, &ex) != 0);
}

static void p_select_empty(struct ends *e)
{
    struct timeval t = {0, 3000}, bad = {-1, 0};
    fd_set in;

    FD_ZERO(&in);
    FD_SET(e->in, &in);
    SAY(select(e->in + 1, &in, NULL, NULL, &t));
    say("left %ld; ", (long)t.tv_sec);
    SAY(select(e->in + 1, &in, NULL, NULL, &bad));
    if (!getenv("EMULATOR")) /* the same */
        SAY(select(-1, &in, NULL, NULL, &t));
}

static void p_epoll(struct ends *e)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.u32 = 7}, got[2] = {{0}};
    int ep = epoll_create1(0);

    SAY(epoll_ctl(ep, EPOLL_CTL_ADD, e->in, &ev));
    SAY(epoll_wait(ep, got, 2, 0));
    SAY(epoll_wait(ep, got, 2, 3));
    SAY(write(e->out, EIGHT, 8));
    SAY(epoll_wait(ep, got, 2, 10));
    say("%x %u; ", got[0].events, got[0].data.u32);
    SAY(epoll_wait(ep, got, 0, 0));
    SAY(epoll_wait(e->in, got, 1, 0));
    close(ep);
}

static void p_recv_flags(struct ends *e)
{
    char b[64] = "";

    SAY(recv(e->in, b, sizeof b, MSG_DONTWAIT));
    SAY(write(e->out, EIGHT, 8));
    SAY(recv(e->in, b, 4, MSG_PEEK));
    bytes(b, 4);
    SAY(recv(e->in, b, 4, MSG_PEEK | MSG_TRUNC));
    SAY(recv(e->in, b, sizeof b, MSG_DONTWAIT));
    bytes(b, 8);
    SAY(recv(e->in, b, sizeof b, MSG_OOB | MSG_DONTWAIT));
}

static void p_recvfrom(struct ends *e)
{
    struct sockaddr_storage from = {0};
    socklen_t len = sizeof from;
    char b[64] = "";

    SAY(send(e->out, EIGHT, 8, 0));
    SAY(recvfrom(e->in, b, sizeof b, MSG_DONTWAIT, (void *)&from, &len));
    say("len %u; ", len);
    SAY(sendto(e->out, EIGHT, 8, 0, (void *)&from, 3));
}

static void p_messages(struct ends *e)
{
    char a[5] = "", b[9] = "";
    struct iovec put[] = {{"eigh", 4}, {"t by", 4}}, get[] = {{a, 4}, {b, 8}};
    struct msghdr m = {.msg_iov = put, .msg_iovlen = 2};

    SAY(sendmsg(e->out, &m, 0));
    m.msg_iov = get;
    SAY(recvmsg(e->in, &m, MSG_DONTWAIT));
    say("[%s%s] %x; ", a, b, m.msg_flags);
}

static void p_many_messages(struct ends *e)
{
    char a[5] = "", b[5] = "";
    struct iovec put[] = {{"one", 3}, {"four", 4}}, get[] = {{a, 4}, {b, 4}};
    struct mmsghdr m[2] = {{.msg_hdr = {.msg_iov = &put[0], .msg_iovlen = 1}},
                           {.msg_hdr = {.msg_iov = &put[1], .msg_iovlen = 1}}};

    SAY(sendmmsg(e->out, m, 2, 0));
    say("%u %u; ", m[0].msg_len, m[1].msg_len);
    m[0].msg_hdr.msg_iov = &get[0];
    m[1].msg_hdr.msg_iov = &get[1];
    SAY(recvmmsg(e->in, m, 2, MSG_DONTWAIT, NULL));
    say("[%s] [%s]; ", a, b);
    SAY(recvmmsg(e->in, m, 2, MSG_DONTWAIT, NULL));
}

static void p_time_limit(struct ends *e)
{
    struct timeval t = {0, 5000}, got = {0};
    socklen_t len = sizeof got;
    char b[64];

    if (setsockopt(e->in, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t) < 0) {
        say("no socket (%s)", strerrorname_np(errno));
        return;
    }
    SAY(recv(e->in, b, sizeof b, 0));
    SAY(read(e->in, b, sizeof b));
    SAY(recv(e->in, b, sizeof b, MSG_WAITALL));
    getsockopt(e->in, SOL_SOCKET, SO_RCVTIMEO, &got, &len);
    say("still %ld; ", (long)got.tv_usec);
}

static void p_send_limit(struct ends *e)
{
    static char b[4 << 20];
    struct timeval t = {0, 5000};
    ssize_t n;

    if (setsockopt(e->out, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t) < 0) {
        say("no socket (%s)", strerrorname_np(errno));
        return;
    }
    n = send(e->out, b, sizeof b, 0); /* nobody reads: a part, or why not */
    say("%s; ", n > 0 && (size_t)n < sizeof b ? "a part" : n < 0 ? strerrorname_np(errno) : "all");
    if (n > 0)
        SAY(send(e->out, b, sizeof b, 0));
}

static void p_at_a_place(struct ends *e)
{
    char b[64] = "";
    struct iovec v = {b, 3};

    SAY(write(e->out, EIGHT, 8));
    SAY(pread(e->in, b, 3, 2));
    bytes(b, 3);
    SAY(pread(e->in, b, 3, -1));
    SAY(preadv(e->in, &v, 1, 1));
    SAY(pwrite(e->out, "XY", 2, 1));
    SAY(pwritev(e->out, &v, 1, 20));
    SAY(preadv2(e->in, &v, 1, 0, 0));
    bytes(b, 3);
}

static void p_not_a_listener(struct ends *e)
{
    SAY(accept(e->in, NULL, NULL));
    SAY(accept4(e->in, NULL, NULL, 0x1234));
}

static void p_connect_it(struct ends *e)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX, .sun_path = "/nowhere/at/all"};

    SAY(connect(e->out, (void *)&sa, sizeof sa));
    SAY(connect(e->out, (void *)&sa, 1));
}

static void p_dup(struct ends *e)
{
    char b[64] = "";
    int d = dup(e->in), f;

    SAY(write(e->out, EIGHT, 8));
    SAY(read(d, b, 4));
    bytes(b, 4);
    f = open("/dev/null", O_RDONLY);
    if (d >= 0)
        SAY(dup2(f, d) == d);
    SAY(read(d, b, 4));
    SAY(dup2(-1, d));
    SAY(dup3(f, f, 0));
    SAY(dup2(f, f) == f);
    close(f);
    if (d >= 0)
        close(d);
}

static void p_close(struct ends *e)
{
    int d = dup(e->in);
    char b[1];

    SAY(close(d));
    SAY(close(d));
    SAY(read(d, b, 1));
    SAY(close(-1));
}

static void p_flags(struct ends *e)
{
    SAY(fcntl(e->in, F_GETFL));
    SAY(fcntl(e->in, F_GETFD));
    SAY(fcntl(e->in, F_SETFD, FD_CLOEXEC));
    SAY(fcntl(e->in, F_GETFD));
    SAY(fcntl(e->in, 12345));
}

static void p_locks(struct ends *e)
{
    struct flock l = {.l_type = F_WRLCK};

    SAY(flock(e->in, LOCK_EX | LOCK_NB));
    SAY(flock(e->in, LOCK_EX));
    SAY(flock(e->in, LOCK_UN));
    SAY(fcntl(e->out, F_SETLK, &l));
    SAY(fcntl(e->out, F_SETLKW, &l));
    SAY(lockf(e->out, F_TEST, 1));
}

static void p_sync(struct ends *e)
{
    SAY(fsync(e->out));
    SAY(fdatasync(e->out));
}

static void p_sendfile(struct ends *e)
{
    int f = open("/proc/self/exe", O_RDONLY);
    off_t at = 1;
    char b[8] = "";

    SAY(sendfile(e->out, f, &at, 3));
    say("at %ld; ", (long)at);
    nonblocking(e->in);
    SAY(read(e->in, b, 8));
    SAY(sendfile(e->out, e->in, NULL, 3));
    close(f);
}

static void writes_later(void *arg)
{
    struct ends *e = arg;

    a_little_later();
    say("writing; ");
    if (write(e->out, EIGHT, 8) != 8)
        say("not written (%s); ", strerrorname_np(errno));
}

static void reads_and_waits(void *arg)
{
    struct ends *e = arg;
    char b[64] = "";

    say("reading; ");
    SAY(read(e->in, b, sizeof b));
    bytes(b, 8);
}

static void p_wait_to_read(struct ends *e)
{
    beside(reads_and_waits, writes_later, e);
}

static void polls_and_waits(void *arg)
{
    struct ends *e = arg;
    struct pollfd p = {e->in, POLLIN, 0};

    say("polling; ");
    SAY(poll(&p, 1, -1));
    say("%x; ", p.revents);
}

static void p_wait_to_poll(struct ends *e)
{
    beside(polls_and_waits, writes_later, e);
}

static void selects_and_waits(void *arg)
{
    struct ends *e = arg;
    fd_set in;

    FD_ZERO(&in);
    FD_SET(e->in, &in);
    say("selecting; ");
    SAY(select(e->in + 1, &in, NULL, NULL, NULL));
}

static void p_wait_to_select(struct ends *e)
{
    beside(selects_and_waits, writes_later, e);
}

static void epolls_and_waits(void *arg)
{
    struct ends *e = arg;
    struct epoll_event ev = {.events = EPOLLIN}, got;
    int ep = epoll_create1(0);

    epoll_ctl(ep, EPOLL_CTL_ADD, e->in, &ev);
    say("polling; ");
    SAY(epoll_wait(ep, &got, 1, -1));
    close(ep);
}

static void p_wait_to_epoll(struct ends *e)
{
    beside(epolls_and_waits, writes_later, e);
}

enum { LOAD = 1 << 20 };

static size_t came;

static void reads_all(void *arg)
{
    struct ends *e = arg;
    static char b[LOAD];
    size_t all = 0;
    ssize_t n;

    a_little_later();
    while (all < LOAD && (n = read(e->in, b, sizeof b)) > 0)
        all += (size_t)n;
    came = all;
}

/* Which of the two ends first is up to the kernel. */
static void beside_a_reader(void (*fn)(void *arg), struct ends *e)
{
    beside(fn, reads_all, e);
    say("came %zu; ", came);
}

static void writes_all(void *arg)
{
    struct ends *e = arg;
    static char b[LOAD];

    SAY(write(e->out, b, LOAD));
}

static void p_large_write(struct ends *e)
{
    beside_a_reader(writes_all, e);
}

static void writes_vectors(void *arg)
{
    struct ends *e = arg;
    static char b[LOAD];
    struct iovec v[] = {{b, LOAD / 2 + 7}, {b, 0}, {b, LOAD / 4}, {b, LOAD / 4 - 7}};

    SAY(writev(e->out, v, 4));
}

static void p_large_writev(struct ends *e)
{
    beside_a_reader(writes_vectors, e);
}

static void sends_all(void *arg)
{
    struct ends *e = arg;
    static char b[LOAD];

    SAY(send(e->out, b, LOAD, 0));
}

static void p_large_send(struct ends *e)
{
    beside_a_reader(sends_all, e);
}

static void sends_message(void *arg)
{
    struct ends *e = arg;
    static char b[LOAD];
    struct iovec v[] = {{b, LOAD / 2 + 7}, {b, LOAD / 2 - 7}};
    struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};

    SAY(sendmsg(e->out, &m, 0));
}

static void p_large_message(struct ends *e)
{
    beside_a_reader(sends_message, e);
}

static void writes_halves(void *arg)
{
    struct ends *e = arg;

    SAY(write(e->out, "half", 4));
    a_little_later();
    SAY(write(e->out, "more", 4));
}

static char whole[9];

static void receives_whole(void *arg)
{
    struct ends *e = arg;

    memset(whole, 0, sizeof whole);
    came = (size_t)recv(e->in, whole, 8, MSG_WAITALL);
}

/* Which of the two goes on first, after the last byte, is up to the kernel. */
static void p_wait_for_all(struct ends *e)
{
    beside(receives_whole, writes_halves, e);
    say("came %zd [%s]; ", (ssize_t)came, whole);
}

/* The first half is there already. */
static void p_wait_for_the_rest(struct ends *e)
{
    char b[9] = "";
    struct iovec v = {b, 8};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};

    SAY(write(e->out, "here", 4));
    beside(receives_whole, writes_later, e);
    say("came %zd [%s]; ", (ssize_t)came, whole);
    nonblocking(e->out);
    SAY(write(e->out, "some", 4));
    SAY(recvmsg(e->in, &m, MSG_WAITALL));
}

static void reset(struct ends *e)
{
    const struct linger now = {.l_onoff = 1};

    setsockopt(e->in, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(e->in);
    e->in = -1;
}

/* Its error is told once: who tries twice hears another. */
static void p_reset(struct ends *e)
{
    reset(e);
    SAY(send(e->out, EIGHT, 8, MSG_NOSIGNAL));
    SAY(send(e->out, EIGHT, 8, MSG_NOSIGNAL));
}

static void p_reset_read(struct ends *e)
{
    char b[8];

    reset(e);
    SAY(recv(e->out, b, 8, 0));
    SAY(recv(e->out, b, 8, 0));
}

static void closes_later(void *arg)
{
    struct ends *e = arg;

    a_little_later();
    say("closing; ");
    close(e->out);
    e->out = -1;
}

static void p_wait_for_end(struct ends *e)
{
    beside(reads_and_waits, closes_later, e);
}

static void shuts_later(void *arg)
{
    struct ends *e = arg;

    a_little_later();
    say("shutting; ");
    shutdown(e->in, SHUT_RD);
}

static void p_wait_for_shutdown(struct ends *e)
{
    beside(reads_and_waits, shuts_later, e);
}

enum {
    ANY = 0,
    WAITING = 1, /* only where an empty one makes a reader wait */
    STREAM = 2,  /* only where bytes are a stream */
    SOCKET = 4,  /* only on sockets */
    OPEN = 8     /* not on closed numbers */
};

static const struct program {
    const char *name;
    void (*run)(struct ends *e);
    unsigned where;
} programs[] = {
    {"read what is there", p_read_what_is_there, ANY},
    {"read in pieces", p_read_in_pieces, ANY},
    {"read nothing", p_read_nothing, ANY},
    {"readv", p_readv, ANY},
    {"readv, wrong counts", p_readv_wrong, OPEN},
    {"write nothing", p_write_nothing, ANY},
    {"writev", p_writev, ANY},
    {"O_NONBLOCK read", p_nonblocking_read, ANY},
    {"O_NONBLOCK write", p_nonblocking_write, ANY},
    {"the end", p_end, ANY},
    {"the other end is gone", p_broken, ANY},
    {"the wrong way", p_wrong_way, ANY},
    {"poll, empty", p_poll_empty, ANY},
    {"poll, ready", p_poll_ready, ANY},
    {"poll, the end", p_poll_end, ANY},
    {"ppoll", p_ppoll, ANY},
    {"select", p_select, ANY},
    {"select, empty", p_select_empty, OPEN},
    {"epoll", p_epoll, ANY},
    {"recv's flags", p_recv_flags, ANY},
    {"recvfrom", p_recvfrom, ANY},
    {"messages", p_messages, ANY},
    {"many messages", p_many_messages, ANY},
    {"SO_RCVTIMEO", p_time_limit, ANY},
    {"SO_SNDTIMEO", p_send_limit, ANY},
    {"at a place", p_at_a_place, ANY},
    {"accept on it", p_not_a_listener, ANY},
    {"connect it", p_connect_it, ANY},
    {"dup", p_dup, ANY},
    {"close", p_close, ANY},
    {"flags", p_flags, ANY},
    {"locks", p_locks, ANY},
    {"sync", p_sync, ANY},
    {"sendfile", p_sendfile, ANY},
    {"wait to read", p_wait_to_read, WAITING},
    {"wait to poll", p_wait_to_poll, WAITING},
    {"wait to select", p_wait_to_select, WAITING},
    {"wait to epoll", p_wait_to_epoll, WAITING},
    {"a large write", p_large_write, STREAM},
    {"a large writev", p_large_writev, STREAM},
    {"a large send", p_large_send, STREAM | SOCKET},
    {"a large message", p_large_message, STREAM | SOCKET},
    {"MSG_WAITALL", p_wait_for_all, STREAM | SOCKET},
    {"MSG_WAITALL, a part is there", p_wait_for_the_rest, STREAM | SOCKET},
    {"a reset, sending", p_reset, STREAM | SOCKET},
    {"a reset, receiving", p_reset_read, STREAM | SOCKET},
    {"wait for the end", p_wait_for_end, STREAM},
    {"wait for shutdown", p_wait_for_shutdown, STREAM | SOCKET},
};

/* ---- the runner ---- */

enum { PROGRAMS = sizeof programs / sizeof *programs, KINDS = sizeof kinds / sizeof *kinds };

struct row {
    const struct program *program;
    const struct kind *kind;
};

static void run_row(const struct row *r)
{
    struct ends e;

    nowhere(&e);
    r->kind->make(&e);
    r->program->run(&e);
    if (e.in >= 0)
        close(e.in);
    if (e.out >= 0)
        close(e.out);
    if (e.more >= 0)
        close(e.more);
}

static int row_fiber(void *arg)
{
    run_row(arg);
    return 0;
}

static void run_once(const struct row *r, bool fiber, char *out)
{
    static const go_run_opts opts = {.no_signals = true, .watchdog = -1};

    in_fiber = fiber;
    said_n = 0;
    said[0] = '\0';
    if (fiber)
        CHECK_EQ(go_run_with(&opts, row_fiber, (void *)(uintptr_t)r), 0);
    else
        run_row(r);
    memcpy(out, said, sizeof said);
}

static bool fits(const struct row *r)
{
    unsigned where = r->program->where;
    bool closed = r->kind->make == kind_closed,
         stream = r->kind->make == kind_pipe || r->kind->make == kind_unix ||
                  r->kind->make == kind_tcp || r->kind->make == kind_fifo,
         socket = r->kind->make == kind_unix || r->kind->make == kind_tcp;

    return !((where & WAITING && !r->kind->waits) || (where & STREAM && !stream) ||
             (where & SOCKET && !socket) || (where & OPEN && closed));
}

static unsigned rows;

static void compare(const struct row *r)
{
    static char native[sizeof said], patched[sizeof said];

    if (!fits(r))
        return;
    if (getenv("DIFFER_SHOWS")) /* which one hangs */
        tap_note("%s on %s", r->program->name, r->kind->name);
    rows++;
    /* What the kernel does in the background (a reset that arrives) may come sooner or later: what
     * counts is a difference that stays. */
    for (int i = 0; i < 4; i++) {
        run_once(r, false, native);
        run_once(r, true, patched);
        if (strcmp(native, patched) == 0)
            return;
    }
    CHECK(!"the same");
    tap_note("%s on %s", r->program->name, r->kind->name);
    tap_note("  natively: %s", native);
    tap_note("  patched:  %s", patched);
}

static void compare_kind(const char *name)
{
    signal(SIGPIPE, SIG_IGN);
    for (int k = 0; k < KINDS; k++)
        for (int p = 0; p < PROGRAMS && strcmp(kinds[k].name, name) == 0; p++)
            compare(&(struct row){&programs[p], &kinds[k]});
    tap_note("%u rows so far", rows);
}

LAW(on_pipe, "S11.01 calls on a pipe do in a fiber what they do outside")
{
    compare_kind("pipe");
}

LAW(on_unix, "S11.02 calls on a Unix stream do in a fiber what they do outside")
{
    compare_kind("unix");
}

LAW(on_dgram, "S11.03 calls on a Unix datagram socket do in a fiber what they do outside")
{
    compare_kind("dgram");
}

LAW(on_seqpacket, "S11.04 calls on a seqpacket socket do in a fiber what they do outside")
{
    compare_kind("seqpacket");
}

LAW(on_tcp, "S11.05 calls on a TCP connection do in a fiber what they do outside")
{
    compare_kind("tcp");
}

LAW(on_udp, "S11.06 calls on a UDP socket do in a fiber what they do outside")
{
    compare_kind("udp");
}

LAW(on_fifo, "S11.07 calls on a FIFO do in a fiber what they do outside")
{
    compare_kind("fifo");
}

LAW(on_pty, "S11.08 calls on a tty do in a fiber what they do outside")
{
    compare_kind("pty");
}

LAW(on_eventfd, "S11.09 calls on an eventfd do in a fiber what they do outside")
{
    compare_kind("eventfd");
}

LAW(on_file, "S11.10 calls on a regular file do in a fiber what they do outside")
{
    compare_kind("file");
}

LAW(on_null, "S11.11 calls on /dev/null do in a fiber what they do outside")
{
    compare_kind("null");
}

LAW(on_proc, "S11.12 calls on a file of /proc do in a fiber what they do outside")
{
    compare_kind("proc");
}

LAW(on_directory, "S11.13 calls on a directory do in a fiber what they do outside")
{
    compare_kind("directory");
}

LAW(on_epoll, "S11.14 calls on an epoll set do in a fiber what they do outside")
{
    if (getenv("EMULATOR"))
        TAP_SKIP("qemu's preadv2 knows no flags, and nothing else tells that it cannot be read");
    else
        compare_kind("epoll");
}

LAW(on_closed, "S11.15 calls on a closed number do in a fiber what they do outside")
{
    compare_kind("closed");
}

TAP_MAIN
