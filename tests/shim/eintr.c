/* SPDX-License-Identifier: MIT
 *
 * Signals and calls that wait: the EINTR matrix. Each row makes one call, in whose middle a signal
 * comes that the program handles, and later what the call waits for; with and without SA_RESTART;
 * as the whole program natively, and as a fiber. What is returned, errno, and how often the handler
 * ran must be the same. Each row is a process of its own, many at a time. */
#include "tests/tap.h"
#include <errno.h>
#include <fcntl.h>
#include <gosling.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SIGNAL_MS = 30, END_MS = 120 };

static int ends[2];
static volatile sig_atomic_t handled;
static char dir[64];

static void handles(int sig)
{
    (void)sig;
    handled++;
}

static void ms(int n)
{
    struct timespec t = {n / 1000, n % 1000 * 1000000}, left;

    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &left) == EINTR)
        t = left;
}

/* ---- what ends the calls: another process, or another thread ---- */

static void in_process(void (*fn)(void))
{
    if (fork() == 0) {
        close(1); /* who reads that must not wait for us */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        ms(END_MS);
        fn();
        _exit(0);
    }
}

static void *thread_main(void *arg)
{
    void (*fn)(void) = *(void (**)(void))arg;

    ms(END_MS);
    fn();
    return NULL;
}

static void in_thread(void (*fn)(void))
{
    static void (*kept)(void);
    sigset_t all, saved;
    pthread_t t;

    kept = fn;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &saved);
    if (pthread_create(&t, NULL, thread_main, &kept))
        abort();
    pthread_detach(t);
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
}

static void put_byte(void)
{
    if (write(ends[1], "x", 1) != 1)
        abort();
}

static void take_all(void)
{
    static char buf[1 << 20];

    if (read(ends[0], buf, sizeof buf) < 0)
        abort();
    ms(50);
    if (read(ends[0], buf, sizeof buf) < 0)
        abort();
}

static void pipe_pair(void)
{
    if (pipe(ends) < 0)
        abort();
}

static void socket_pair(void)
{
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        abort();
}

/* ---- the calls ---- */

static char byte[64];

static long call_read(void)
{
    pipe_pair();
    in_process(put_byte);
    return read(ends[0], byte, 1);
}

static long call_readv(void)
{
    struct iovec v = {byte, 1};

    pipe_pair();
    in_process(put_byte);
    return readv(ends[0], &v, 1);
}

static long call_recv(void)
{
    socket_pair();
    in_process(put_byte);
    return recv(ends[0], byte, 1, 0);
}

static long call_recvmsg(void)
{
    struct iovec v = {byte, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};

    socket_pair();
    in_process(put_byte);
    return recvmsg(ends[0], &m, 0);
}

static long call_recv_timed(void)
{
    struct timeval tv = {2, 0};

    socket_pair();
    in_process(put_byte);
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    return recv(ends[0], byte, 1, 0);
}

static long call_write(void)
{
    static char much[1 << 17];

    pipe_pair();
    in_process(take_all);
    if (write(ends[1], much, 65536) != 65536) /* full, and no signal yet */
        abort();
    return write(ends[1], much, 4096);
}

static long call_write_rest(void)
{
    static char much[100000];

    pipe_pair();
    in_process(take_all);
    return write(ends[1], much, sizeof much);
}

static long call_poll(void)
{
    struct pollfd p;

    pipe_pair();
    in_process(put_byte);
    p = (struct pollfd){ends[0], POLLIN, 0};
    return poll(&p, 1, 2000);
}

static long call_poll_nothing(void)
{
    return poll(NULL, 0, 200);
}

static long call_ppoll(void)
{
    struct timespec t = {2, 0};
    struct pollfd p;

    pipe_pair();
    in_process(put_byte);
    p = (struct pollfd){ends[0], POLLIN, 0};
    return ppoll(&p, 1, &t, NULL);
}

static long call_select(void)
{
    fd_set in;

    pipe_pair();
    in_process(put_byte);
    FD_ZERO(&in);
    FD_SET(ends[0], &in);
    return select(ends[0] + 1, &in, NULL, NULL, NULL);
}

static long call_epoll(void)
{
    struct epoll_event e = {.events = EPOLLIN};
    int fd = epoll_create1(0);

    pipe_pair();
    in_process(put_byte);
    epoll_ctl(fd, EPOLL_CTL_ADD, ends[0], &e);
    return epoll_wait(fd, &e, 1, -1);
}

static long call_nanosleep(void)
{
    struct timespec t = {0, 200000000}, left = {0};
    long rc = nanosleep(&t, &left);

    return rc < 0 ? rc - 1000 * (left.tv_nsec > 100000000) : rc;
}

static long call_clock_nanosleep(void)
{
    struct timespec t = {0, 200000000};

    return clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

static long call_usleep(void)
{
    return usleep(200000);
}

static long call_sleep(void)
{
    return sleep(1);
}

static long call_pause(void)
{
    return pause();
}

static long call_sigsuspend(void)
{
    sigset_t none;

    sigemptyset(&none);
    return sigsuspend(&none);
}

/* With the signal pending already. */
static void until_pending(sigset_t *none)
{
    sigset_t set;

    sigemptyset(none);
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    ms(2 * SIGNAL_MS);
}

static long call_sigsuspend_pending(void)
{
    sigset_t none;

    until_pending(&none);
    return sigsuspend(&none);
}

static long call_ppoll_pending(void)
{
    struct timespec t = {2, 0};
    sigset_t none;

    until_pending(&none);
    return ppoll(NULL, 0, &t, &none);
}

static long call_pselect_pending(void)
{
    struct timespec t = {2, 0};
    sigset_t none;

    until_pending(&none);
    return pselect(0, NULL, NULL, NULL, &t, &none);
}

static long call_sigtimedwait(void)
{
    struct timespec t = {0, 200000000};
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return sigtimedwait(&set, NULL, &t);
}

static pid_t short_child(void)
{
    pid_t child = fork();

    if (child == 0) {
        ms(END_MS);
        _exit(3);
    }
    return child;
}

static long call_waitpid(void)
{
    int status = 0;
    pid_t child = short_child(), rc = waitpid(child, &status, 0);

    return rc == child ? status : rc;
}

static long call_wait(void)
{
    int status = 0;
    pid_t child = short_child(), rc = wait(&status);

    return rc == child ? status : rc;
}

static int lock_fd[2];

static void open_locks(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s/lock%d", dir, getpid());
    for (int i = 0; i < 2; i++)
        lock_fd[i] = open(path, O_RDWR | O_CREAT, 0600);
}

static void unlock(void)
{
    flock(lock_fd[0], LOCK_UN);
}

static long call_flock(void)
{
    open_locks();
    flock(lock_fd[0], LOCK_EX);
    in_thread(unlock);
    return flock(lock_fd[1], LOCK_EX);
}

static long call_setlkw(void)
{
    struct flock l = {.l_type = F_WRLCK};
    int ready[2];
    char c;

    open_locks();
    if (pipe(ready) < 0)
        abort();
    if (fork() == 0) {
        fcntl(lock_fd[0], F_SETLKW, &l);
        close(ready[1]);
        ms(END_MS);
        _exit(0);
    }
    close(ready[1]);
    while (read(ready[0], &c, 1) < 0)
        ;
    return fcntl(lock_fd[1], F_SETLKW, &l);
}

static int ipc;

static void message(void)
{
    struct {
        long type;
        char c;
    } m = {1, 'x'};

    msgsnd(ipc, &m, 1, 0);
}

static long call_msgrcv(void)
{
    struct {
        long type;
        char text[8];
    } m;
    long rc;
    int saved;

    ipc = msgget(IPC_PRIVATE, 0600);
    in_process(message);
    rc = msgrcv(ipc, &m, 8, 0, 0);
    saved = errno;
    ms(END_MS);
    msgctl(ipc, IPC_RMID, NULL);
    errno = saved;
    return rc;
}

static void give(void)
{
    struct sembuf one = {0, 1, 0};

    semop(ipc, &one, 1);
}

static long call_semop(void)
{
    struct sembuf one = {0, -1, 0};
    long rc;
    int saved;

    ipc = semget(IPC_PRIVATE, 1, 0600);
    in_process(give);
    rc = semop(ipc, &one, 1);
    saved = errno;
    ms(END_MS);
    semctl(ipc, 0, IPC_RMID);
    errno = saved;
    return rc;
}

static sem_t semaphore;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static void post(void)
{
    sem_post(&semaphore);
}

static long call_sem_wait(void)
{
    sem_init(&semaphore, 0, 0);
    in_thread(post);
    return sem_wait(&semaphore);
}

static void in_a_second(struct timespec *t)
{
    clock_gettime(CLOCK_REALTIME, t);
    t->tv_sec++;
}

static long call_sem_timedwait(void)
{
    struct timespec t;

    sem_init(&semaphore, 0, 0);
    in_thread(post);
    in_a_second(&t);
    return sem_timedwait(&semaphore, &t);
}

static void *holds(void *arg)
{
    pthread_mutex_lock(&mutex);
    sem_post(&semaphore);
    ms(END_MS);
    pthread_mutex_unlock(&mutex);
    return arg;
}

static long call_mutex(void)
{
    sigset_t all, saved;
    pthread_t t;

    sem_init(&semaphore, 0, 0);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &saved);
    pthread_create(&t, NULL, holds, NULL);
    sem_wait(&semaphore);
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
    return pthread_mutex_lock(&mutex);
}

static void wakes(void)
{
    pthread_mutex_lock(&mutex);
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
}

static long call_cond_timed(void)
{
    struct timespec t;

    in_a_second(&t);
    pthread_mutex_lock(&mutex);
    in_thread(wakes);
    return pthread_cond_timedwait(&cond, &mutex, &t);
}

static long call_accept(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    socklen_t len = sizeof(sa_family_t);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), got;

    if (bind(fd, (struct sockaddr *)&a, len) < 0 || listen(fd, 1) < 0)
        abort();
    len = sizeof a;
    getsockname(fd, (struct sockaddr *)&a, &len);
    if (fork() == 0) {
        int c = socket(AF_UNIX, SOCK_STREAM, 0);

        ms(END_MS);
        _exit(connect(c, (struct sockaddr *)&a, len) < 0);
    }
    got = accept(fd, NULL, NULL);
    return got < 0 ? got : 1;
}

static long call_fgets(void)
{
    FILE *f;
    char line[16];

    pipe_pair();
    in_process(put_byte);
    f = fdopen(ends[0], "r");
    close(ends[1]);
    return fgets(line, sizeof line, f) ? 1 : ferror(f) ? -1 : 0;
}

/* ---- handlers that do more ---- */

static sigjmp_buf env;

static void jumps(int sig)
{
    (void)sig;
    handled++;
    siglongjmp(env, 1);
}

static void set_handler(void (*fn)(int), int flags)
{
    struct sigaction sa = {.sa_handler = fn, .sa_flags = flags}, was;

    sigaction(SIGALRM, &sa, &was);
}

static void alarm_in(int n)
{
    struct itimerval it = {.it_value = {n / 1000, n % 1000 * 1000}};

    setitimer(ITIMER_REAL, &it, NULL);
}

static long call_jump(void)
{
    volatile long before = 0;

    set_handler(jumps, 0);
    pipe_pair();
    in_process(put_byte);
    if (sigsetjmp(env, 1) == 0) {
        before = read(ends[0], byte, 1);
        return before;
    }
    return 100 + read(ends[0], byte, 1); /* which waits as before */
}

static void jumps_busy(int sig)
{
    (void)sig;
    handled++;
    siglongjmp(env, 1);
}

/* Out of a computation. */
static long call_jump_busy(void)
{
    set_handler(jumps_busy, 0);
    pipe_pair();
    in_process(put_byte);
    if (sigsetjmp(env, 1) == 0)
        for (volatile long i = 0;; i++)
            ;
    return 100 + read(ends[0], byte, 1);
}

static void writes(int sig)
{
    (void)sig;
    handled++;
    put_byte();
}

/* The self-pipe. */
static long call_self_pipe(void)
{
    struct pollfd p;
    long rc;

    set_handler(writes, SA_RESTART);
    pipe_pair();
    p = (struct pollfd){ends[0], POLLIN, 0};
    rc = poll(&p, 1, 2000);
    return rc == -1 && errno == EINTR ? 100 + poll(&p, 1, 2000) : rc;
}

static long call_self_pipe_read(void)
{
    set_handler(writes, SA_RESTART);
    pipe_pair();
    return read(ends[0], byte, 1);
}

static volatile int masked;

static void looks(int sig, siginfo_t *info, void *context)
{
    sigset_t now;

    (void)context;
    handled++;
    sigprocmask(SIG_BLOCK, NULL, &now);
    masked = sigismember(&now, SIGALRM) + 2 * sigismember(&now, SIGUSR1) + 4 * (sig == SIGALRM) +
             8 * (info->si_signo == SIGALRM) + 16 * (info->si_code == SI_KERNEL);
}

static long call_mask(void)
{
    struct sigaction sa = {.sa_sigaction = looks, .sa_flags = SA_SIGINFO}, was;
    sigset_t now;

    sigemptyset(&sa.sa_mask);
    sigaddset(&sa.sa_mask, SIGUSR1);
    sigaction(SIGALRM, &sa, NULL);
    sigaction(SIGALRM, NULL, &was);
    if (was.sa_sigaction != looks || !(was.sa_flags & SA_SIGINFO))
        return -7;
    if (pause() != -1)
        return -8;
    sigprocmask(SIG_BLOCK, NULL, &now);
    return masked + 100 * sigismember(&now, SIGALRM) + 200 * sigismember(&now, SIGUSR1);
}

static long call_twice(void)
{
    struct sigaction sa = {.sa_handler = handles}, was;

    sa.sa_flags = (int)SA_RESETHAND;
    sigaction(SIGALRM, &sa, NULL);
    if (pause() != -1)
        return -8;
    sigaction(SIGALRM, NULL, &was);
    return was.sa_handler == SIG_DFL;
}

static long call_bsd(void)
{
    signal(SIGALRM, handles); /* which restarts */
    pipe_pair();
    in_process(put_byte);
    return read(ends[0], byte, 1);
}

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static long call_siginterrupt(void)
{
    signal(SIGALRM, handles);
    siginterrupt(SIGALRM, 1);
    pipe_pair();
    in_process(put_byte);
    return read(ends[0], byte, 1);
}

static long call_child_of_handler(void)
{
    signal(SIGALRM, SIG_IGN);
    return signal(SIGALRM, handles) == SIG_IGN && signal(SIGALRM, handles) == handles;
}

struct row {
    const char *name;
    long (*call)(void);
};

#define ROW(name)          \
    {                      \
#name, call_##name \
    }

static const struct row rows[] = {
    ROW(read),
    ROW(readv),
    ROW(recv),
    ROW(recvmsg),
    ROW(recv_timed),
    ROW(write),
    ROW(write_rest),
    ROW(poll),
    ROW(poll_nothing),
    ROW(ppoll),
    ROW(select),
    ROW(epoll),
    ROW(nanosleep),
    ROW(clock_nanosleep),
    ROW(usleep),
    ROW(sleep),
    ROW(pause),
    ROW(sigsuspend),
    ROW(sigtimedwait),
    ROW(sigsuspend_pending),
    ROW(ppoll_pending),
    ROW(pselect_pending),
    ROW(waitpid),
    ROW(wait),
    ROW(flock),
    ROW(setlkw),
    ROW(msgrcv),
    ROW(semop),
    ROW(sem_wait),
    ROW(sem_timedwait),
    ROW(mutex),
    ROW(cond_timed),
    ROW(accept),
    ROW(fgets),
    ROW(jump),
    ROW(jump_busy),
    ROW(self_pipe),
    ROW(self_pipe_read),
    ROW(mask),
    ROW(twice),
    ROW(bsd),
    ROW(siginterrupt),
    ROW(child_of_handler),
};

enum { ROWS = sizeof rows / sizeof *rows };

/* ---- a row in a process of its own ---- */

static long make(const struct row *r, int flags)
{
    long rc;

    set_handler(handles, flags);
    alarm_in(SIGNAL_MS);
    errno = 0;
    rc = r->call();
    alarm_in(0);
    return rc;
}

struct making {
    const struct row *row;
    int flags;
    long result;
    int error;
};

static int in_fiber(void *arg)
{
    struct making *m = arg;

    m->result = make(m->row, m->flags);
    m->error = errno;
    return 0;
}

static void report_row(struct making *m, bool fiber)
{
    const go_run_opts opts = {.no_signals = true, .watchdog = -1, .no_deadlock = true};
    int rc = 0;

    if (fiber)
        rc = go_run_with(&opts, in_fiber, m);
    else
        in_fiber(m);
    if (rc < 0)
        printf("the run: %d\n", rc);
    else
        printf("%ld %s, handler %d times\n", m->result,
               m->result < 0 ? strerrorname_np(m->error) : "", (int)handled);
}

struct child {
    pid_t pid;
    int out; /* its standard output */
    char text[200];
};

static void start(struct child *c, const struct row *r, int flags, bool fiber)
{
    int out[2];

    if (pipe(out) < 0)
        abort();
    fflush(stdout);
    c->pid = fork();
    if (c->pid == 0) {
        struct making m = {.row = r, .flags = flags};

        dup2(out[1], 1);
        close(out[0]);
        close(out[1]);
        setpgid(0, 0);
        report_row(&m, fiber);
        fflush(stdout);
        _exit(0);
    }
    close(out[1]);
    c->out = out[0];
}

static void finish(struct child *c)
{
    struct pollfd p = {c->out, POLLIN, 0};
    size_t n = 0;
    ssize_t got = 1;

    while (n < sizeof c->text - 1 && got > 0) {
        if (poll(&p, 1, 4000) <= 0) {
            n += (size_t)snprintf(c->text + n, sizeof c->text - n, "… and hangs\n");
            break;
        }
        got = read(c->out, c->text + n, sizeof c->text - 1 - n);
        n += got > 0 ? (size_t)got : 0;
    }
    c->text[n] = '\0';
    close(c->out);
    kill(-c->pid, SIGKILL);
    waitpid(c->pid, NULL, 0);
}

static bool same(const struct row *r, int flags)
{
    struct child a, b;

    start(&a, r, flags, false);
    start(&b, r, flags, true);
    finish(&a);
    finish(&b);
    if (strcmp(a.text, b.text) == 0)
        return true;
    tap_note("%s%s: natively %s", r->name, flags ? ", SA_RESTART" : "", a.text);
    tap_note("  but as a fiber %s", b.text);
    return false;
}

/* All rows at once; those that differ once more, alone, since a busy machine may be late. */
static void compare(int flags)
{
    static struct child c[ROWS][2];
    unsigned wrong = 0;

    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < 2; k++)
            start(&c[i][k], &rows[i], flags, k == 1);
    for (int i = 0; i < ROWS; i++)
        for (int k = 0; k < 2; k++)
            finish(&c[i][k]);
    for (int i = 0; i < ROWS; i++)
        if (strcmp(c[i][0].text, c[i][1].text) != 0)
            wrong += !same(&rows[i], flags) && !same(&rows[i], flags);
    CHECK_EQ(wrong, 0);
}

LAW(ends_calls, "S11.75 a handled signal ends a fiber's wait with EINTR where it ends a thread's")
{
    if (getenv("EMULATOR") || TAP_SANITIZED) {
        TAP_SKIP("what emulators and sanitizers make of signals is their own");
        return;
    }
    snprintf(dir, sizeof dir, "/tmp/gosling-eintr-XXXXXX");
    CHECK(mkdtemp(dir));
    compare(0);
}

LAW(restarts, "S11.76 and with SA_RESTART those calls go on that go on in a thread")
{
    if (getenv("EMULATOR") || TAP_SANITIZED) {
        TAP_SKIP("what emulators and sanitizers make of signals is their own");
        return;
    }
    compare(SA_RESTART);
    tap_note("%d calls, with and without SA_RESTART", ROWS);
}

TAP_MAIN
