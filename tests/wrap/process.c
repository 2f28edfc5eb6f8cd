/* SPDX-License-Identifier: MIT
 *
 * Threads and processes: fork, exec, spawn, ids; and calls that wait. */
#include "tests/wrap/table.h"
#include <aio.h>
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <mqueue.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

extern char **environ;

static atomic_int flag;
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;

static void *rests(void *arg)
{
    while (!atomic_load(&flag))
        rest(1);
    return arg;
}

static int status_of(pid_t pid)
{
    int status = -1;

    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void *echo(void *arg)
{
    return arg;
}

ROW(fork_plain)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(5);
    say("%d\n", status_of(pid));
}

static void *forks(void *arg)
{
    pid_t pid = fork();

    if (pid == 0) {
        say("%d ", gettid() == getpid());
        exit(join(start(echo, (void *)6)) == 6 ? 7 : 8);
    }
    say("%d\n", status_of(pid));
    return arg;
}

ROW(fork_from_thread)
{
    pthread_t t = start(rests, NULL);

    join(start(forks, NULL));
    atomic_store(&flag, 1);
    join(t);
}

/* libc's own idea of its id is what such a mutex has for its owner. */
static void *forks_and_owns(void *arg)
{
    pid_t pid = fork();
    pthread_mutexattr_t attr;
    pthread_mutex_t m;

    if (pid == 0) {
        pthread_mutexattr_init(&attr);
        pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
        pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_ERRORCHECK);
        pthread_mutex_init(&m, &attr);
        say("%s ", err(pthread_mutex_lock(&m)));
        say("%d %s ", m.__data.__owner == getpid(), err(pthread_mutex_lock(&m)));
        say("%s %s\n", err(pthread_mutex_unlock(&m)), err(pthread_kill(pthread_self(), 0)));
        _exit(0);
    }
    say("%d\n", status_of(pid));
    return arg;
}

ROW(fork_owns)
{
    forks_and_owns(NULL);
    join(start(forks_and_owns, NULL));
}

/* Without fork's handlers, and without that libc knows. */
static int is_alone(void *arg)
{
    pid_t pid = *(pid_t *)arg;

    rest(1);
    say("%d %d %d ", gettid() == getpid(), getpid() != pid, getppid() == pid);
    say("%s ", err(pthread_kill(pthread_self(), 0)));
    return 9;
}

ROW(fork_otherwise)
{
    static char stack[256 * 1024] __attribute__((aligned(16)));
    pthread_t t[2];
    pid_t self = getpid(), pid;

    for (int i = 0; i < 2; i++)
        t[i] = start(rests, NULL);
    pid = _Fork();
    if (pid == 0)
        _exit(is_alone(&self));
    say("%d\n", status_of(pid));
#ifdef SYS_fork
    pid = (pid_t)syscall(SYS_fork);
    if (pid == 0)
        _exit(is_alone(&self));
    say("%d\n", status_of(pid));
#endif
    pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
        _exit(is_alone(&self));
    say("%d\n", status_of(pid));
    say("%d\n", status_of(clone(is_alone, stack + sizeof stack, SIGCHLD, &self)));
    atomic_store(&flag, 1);
    for (int i = 0; i < 2; i++)
        join(t[i]);
}

static void *joins(void *arg)
{
    say("%ld\n", join(*(pthread_t *)arg));
    return NULL;
}

ROW(fork_main_is_joined)
{
    static pthread_t chief;
    pid_t pid;

    chief = pthread_self();
    pid = fork();
    if (pid == 0) {
        start(joins, &chief);
        pthread_exit((void *)3);
    }
    say("%d\n", status_of(pid));
}

ROW(fork_with_siblings)
{
    pthread_t t[20];
    pid_t pid;

    for (int i = 0; i < 20; i++)
        t[i] = start(rests, NULL);
    pid = fork();
    if (pid == 0) {
        long sum = 0;

        for (long i = 0; i < 20; i++)
            sum += join(start(echo, (void *)i));
        _exit(sum == 190 ? 4 : 5);
    }
    say("%d\n", status_of(pid));
    atomic_store(&flag, 1);
    for (int i = 0; i < 20; i++)
        join(t[i]);
}

static void before(void)
{
    say("before ");
}

static void parent(void)
{
    say("parent ");
}

static void child(void)
{
    rest(20); /* the parent first */
    say("child ");
}

ROW(fork_handlers)
{
    pid_t pid;

    pthread_atfork(before, NULL, child);
    pthread_atfork(NULL, parent, NULL);
    pid = fork();
    if (pid == 0)
        _exit(0);
    status_of(pid);
    say("\n");
}

ROW(fork_grandchildren)
{
    pid_t pid = fork();

    if (pid == 0) {
        pid_t grand = fork();

        if (grand == 0)
            _exit((int)join(start(echo, (void *)3)));
        _exit(status_of(grand) + 1);
    }
    say("%d\n", status_of(pid));
}

static void *execs(void *arg)
{
    execlp("sh", "sh", "-c", "echo executed; exit 9", (char *)NULL);
    return arg;
}

/* Low numbers are the child's, before it has waited and after. */
ROW(fork_low_numbers)
{
    int low = dup(0);
    pid_t pid;

    close(low);
    pid = fork();
    if (pid == 0) {
        say("%d ", dup(0) - low);
        rest(2);
        say("%d ", dup(0) - low);
        for (int fd = low; fd < low + 20; fd++)
            dup2(0, fd);
        rest(2);
        say("%d\n", dup(0) - low);
        _exit(4);
    }
    say("%d\n", status_of(pid));
}

ROW(exec_from_thread)
{
    say("exec\n");
    start(rests, NULL);
    join(start(execs, NULL));
}

ROW(exec_fails)
{
    pthread_t t = start(rests, NULL);

    say("%d %s\n", execl("/nowhere", "x", (char *)NULL), err(errno));
    atomic_store(&flag, 1);
    join(t);
}

ROW(exec_keeps_mask)
{
    sigset_t s;

    sigemptyset(&s);
    sigaddset(&s, SIGUSR1);
    start(rests, NULL);
    pthread_sigmask(SIG_BLOCK, &s, NULL);
    execlp("sh", "sh", "-c", "kill -USR1 $$; echo alive", (char *)NULL);
}

static void *spawns(void *arg)
{
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)"exit 4", NULL};
    pid_t pid = 0;

    say("%s ", err(posix_spawnp(&pid, "sh", NULL, NULL, argv, environ)));
    say("%d\n", status_of(pid));
    return arg;
}

ROW(spawn_from_thread)
{
    start(rests, NULL);
    join(start(spawns, NULL));
}

ROW(spawn_not_found)
{
    char *argv[] = {(char *)"x", NULL};
    pid_t pid;

    say("%s\n", err(posix_spawn(&pid, "/nowhere", NULL, NULL, argv, environ)));
}

ROW(spawn_masks)
{
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)"kill -TERM $$; echo no", NULL};
    pid_t pid = 0;

    start(rests, NULL);
    posix_spawnp(&pid, "sh", NULL, NULL, argv, environ);
    say("%d\n", status_of(pid) - 1000 == SIGTERM);
}

static void *systems(void *arg)
{
    return (void *)(long)(system("exit 3") >> 8 | (arg != NULL));
}

ROW(spawn_system)
{
    pthread_t a = start(systems, NULL), b = start(systems, NULL);

    say("%ld %ld\n", join(a), join(b));
}

static void *pops(void *arg)
{
    FILE *f = popen("sleep 0.02; echo popped", "r");
    char line[32] = "";

    if (!fgets(line, sizeof line, f))
        say("nothing ");
    say("%s", line);
    return (void *)(long)(pclose(f) + (arg != NULL));
}

ROW(spawn_popen)
{
    pthread_t a = start(pops, NULL), b = start(pops, NULL);

    say("%ld %ld\n", join(a), join(b));
}

ROW(spawn_vfork)
{
    pid_t pid = vfork();

    if (pid == 0)
        _exit(11);
    say("%d\n", status_of(pid));
}

static void *setuids(void *arg)
{
    while (!atomic_load(&flag))
        rest(1);
    return (void *)(long)(getuid() == 65534 && geteuid() == 65534 && arg == NULL);
}

ROW(ids_setuid)
{
    pthread_t t;

    if (getuid() != 0) {
        say("not root\n");
        return;
    }
    t = start(setuids, NULL);
    say("%d ", setgid(65534));
    say("%d ", setuid(65534));
    atomic_store(&flag, 1);
    say("%ld %d\n", join(t), setuid(0));
}

/* From there one call takes one id back, and a second one would take all. */
ROW(ids_setuid_back)
{
    uid_t real, effective, saved;
    pthread_t t[2];

    if (getuid() != 0) {
        say("not root\n");
        return;
    }
    for (int i = 0; i < 2; i++)
        t[i] = start(rests, NULL);
    say("%d ", setresuid(65534, 65534, -1));
    say("%d ", setuid(0));
    getresuid(&real, &effective, &saved);
    say("%u %u %u ", real, effective, saved);
    say("%d ", setresuid(65534, 65534, 65534));
    say("%d %s\n", setuid(0), err(errno));
    atomic_store(&flag, 1);
    for (int i = 0; i < 2; i++)
        join(t[i]);
}

ROW(ids_of_process)
{
    say("%d %d %d\n", getpid() == gettid(), getpgid(0) == getpgrp(), getsid(0) > 0);
}

/* ---- calls that wait, beside others ---- */

static int fds[2];

static void *writes(void *arg)
{
    rest(10);
    return (void *)(long)write(fds[1], "hello", 5) + 0 * (long)arg;
}

ROW(io_pipe)
{
    pthread_t t;
    char buf[8] = "";

    if (pipe(fds) < 0)
        return;
    t = start(writes, NULL);
    say("%zd ", read(fds[0], buf, sizeof buf));
    say("%s %ld\n", buf, join(t));
}

static void *serves(void *arg)
{
    int l = (int)(long)arg;

    for (int i = 0; i < 10; i++) {
        int fd = accept(l, NULL, NULL);
        char buf[16];
        long n = read(fd, buf, sizeof buf);

        if (n > 0 && write(fd, buf, (size_t)n) != n)
            say("short ");
        close(fd);
    }
    return NULL;
}

static struct sockaddr_in server;

static void *asks(void *arg)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char buf[16] = "";
    long ok = connect(fd, (struct sockaddr *)&server, sizeof server) == 0 &&
              write(fd, "ping", 4) == 4 && read(fd, buf, sizeof buf) == 4 && !strcmp(buf, "ping");

    close(fd);
    return (void *)(ok + 0 * (long)arg);
}

ROW(io_tcp)
{
    socklen_t len = sizeof server;
    int l = socket(AF_INET, SOCK_STREAM, 0);
    pthread_t t, c[10];
    long good = 0;

    server.sin_family = AF_INET;
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(l, (struct sockaddr *)&server, sizeof server);
    listen(l, 16);
    getsockname(l, (struct sockaddr *)&server, &len);
    t = start(serves, (void *)(long)l);
    for (int i = 0; i < 10; i++)
        c[i] = start(asks, NULL);
    for (int i = 0; i < 10; i++)
        good += join(c[i]);
    join(t);
    say("%ld\n", good);
}

ROW(io_timeout)
{
    struct timeval tv = {0, 10000};
    char x;

    socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    say("%zd %s\n", recv(fds[0], &x, 1, 0), err(errno));
}

static void *shuts(void *arg)
{
    rest(10);
    shutdown(fds[0], SHUT_RDWR);
    return arg;
}

ROW(io_shutdown_wakes)
{
    pthread_t t;
    char x;

    socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    t = start(shuts, NULL);
    say("%zd\n", read(fds[0], &x, 1));
    join(t);
}

static void ignores(int sig)
{
    (void)sig;
}

ROW(io_select_says_what_is_left)
{
    const struct sigaction a = {.sa_handler = ignores};
    const struct itimerval soon = {{0, 0}, {0, 20000}};
    struct timeval tv = {0, 10000};
    fd_set in;

    sigaction(SIGALRM, &a, NULL);
    say("%d ", select(0, NULL, NULL, NULL, &tv));
    say("%d ", tv.tv_sec == 0 && tv.tv_usec == 0);
    tv.tv_sec = 20;
    setitimer(ITIMER_REAL, &soon, NULL);
    say("%d ", select(0, NULL, NULL, NULL, &tv));
    say("%d ", tv.tv_sec < 20 && tv.tv_sec > 10);
    if (pipe(fds) < 0 || write(fds[1], "x", 1) != 1)
        return;
    FD_ZERO(&in);
    FD_SET(fds[0], &in);
    tv.tv_sec = 20;
    say("%d ", select(fds[0] + 1, &in, NULL, NULL, &tv));
    say("%d\n", tv.tv_sec <= 20 && tv.tv_sec > 10);
}

ROW(io_epoll)
{
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = 7}, got;
    int ep = epoll_create1(0);
    pthread_t t;

    if (pipe(fds) < 0)
        return;
    epoll_ctl(ep, EPOLL_CTL_ADD, fds[0], &e);
    say("%d ", epoll_wait(ep, &got, 1, 5));
    t = start(writes, NULL);
    say("%d ", epoll_wait(ep, &got, 1, -1));
    say("%u\n", got.data.u32);
    join(t);
}

static void *eventfds(void *arg)
{
    rest(5);
    eventfd_write((int)(long)arg, 3);
    return NULL;
}

ROW(io_eventfd_timerfd)
{
    struct itimerspec it = {{0, 0}, {0, 5000000}};
    int e = eventfd(0, 0), t = timerfd_create(CLOCK_MONOTONIC, 0);
    eventfd_t v = 0;
    uint64_t n = 0;
    pthread_t w = start(eventfds, (void *)(long)e);

    eventfd_read(e, &v);
    timerfd_settime(t, 0, &it, NULL);
    say("%d %zd ", (int)v, read(t, &n, sizeof n));
    say("%d\n", (int)n);
    join(w);
}

static void *locks_file(void *arg)
{
    FILE *f = arg;
    int fd = open("/proc/self/exe", O_RDONLY);

    (void)f;
    say("%d ", flock(fd, LOCK_SH));
    close(fd);
    return NULL;
}

ROW(io_flock)
{
    int fd = open("/proc/self/exe", O_RDONLY);
    pthread_t t;

    flock(fd, LOCK_EX);
    t = start(locks_file, NULL);
    rest(20);
    say("held ");
    flock(fd, LOCK_UN);
    join(t);
    say("\n");
}

static int semaphores;

static void *ups(void *arg)
{
    struct sembuf up = {0, 1, 0};

    rest(10);
    semop(semaphores, &up, 1);
    return arg;
}

ROW(io_sysv_semaphore)
{
    struct sembuf down = {0, -1, 0};
    pthread_t t;

    semaphores = semget(IPC_PRIVATE, 1, 0600);
    t = start(ups, NULL);
    say("%d\n", semop(semaphores, &down, 1));
    semctl(semaphores, 0, IPC_RMID);
    join(t);
}

static mqd_t q;

static void *sends(void *arg)
{
    rest(10);
    mq_send(q, "message", 7, 1);
    return arg;
}

ROW(io_mq)
{
    struct mq_attr a = {.mq_maxmsg = 1, .mq_msgsize = 16};
    char name[32], buf[16] = "";
    pthread_t t;

    snprintf(name, sizeof name, "/gosling-%d", getpid());
    q = mq_open(name, O_RDWR | O_CREAT, 0600, &a);
    mq_unlink(name);
    t = start(sends, NULL);
    say("%zd ", mq_receive(q, buf, sizeof buf, NULL));
    say("%s\n", buf);
    join(t);
}

static void notified(union sigval v)
{
    atomic_store(&flag, v.sival_int);
}

ROW(io_mq_notify)
{
    struct mq_attr a = {.mq_maxmsg = 1, .mq_msgsize = 16};
    struct sigevent e;
    char name[32];

    snprintf(name, sizeof name, "/gosling-%d", getpid());
    q = mq_open(name, O_RDWR | O_CREAT, 0600, &a);
    mq_unlink(name);
    memset(&e, 0, sizeof e);
    e.sigev_notify = SIGEV_THREAD;
    e.sigev_notify_function = notified;
    e.sigev_value.sival_int = 5;
    say("%d ", mq_notify(q, &e));
    mq_send(q, "x", 1, 0);
    while (!atomic_load(&flag))
        rest(1);
    say("%d\n", atomic_load(&flag));
}

ROW(io_aio)
{
    char buf[8] = "";
    struct aiocb cb;
    const struct aiocb *list[] = {&cb};

    if (pipe(fds) < 0 || write(fds[1], "aio", 3) != 3)
        return;
    memset(&cb, 0, sizeof cb);
    cb.aio_fildes = fds[0];
    cb.aio_buf = buf;
    cb.aio_nbytes = 3;
    say("%d ", aio_read(&cb));
    while (aio_error(&cb) == EINPROGRESS)
        aio_suspend(list, 1, NULL);
    say("%zd %s\n", aio_return(&cb), buf);
}

static void *syncs_a_file(void *arg)
{
    FILE *f = tmpfile();

    say("%d ", fsync(fileno(f)));
    return arg;
}

/* The loader's lock is held while it looks for a file that is nowhere; and it is wanted for each
 * new thread, also of the library's. */
ROW(io_sync_beside_the_loader)
{
    pthread_t t = start(syncs_a_file, NULL);

    for (int i = 0; i < 20; i++)
        if (dlopen("no-such-library.so", RTLD_NOW))
            return;
    join(t);
    say("done\n");
}

static void *suspends(void *cb)
{
    const struct aiocb *list[] = {cb};

    while (cb)
        aio_suspend(list, 1, NULL);
    return cb;
}

ROW(io_aio_cancelled)
{
    char buf[8];
    struct aiocb cb = {.aio_buf = buf, .aio_nbytes = 3};
    pthread_t t;

    if (pipe(fds) < 0)
        return;
    cb.aio_fildes = fds[0];
    say("%d ", aio_read(&cb));
    t = start(suspends, &cb);
    rest(10);
    say("%s ", err(pthread_cancel(t)));
    say("%d\n", (void *)join(t) == PTHREAD_CANCELED);
}

static void *resolves(void *arg)
{
    struct addrinfo *res = NULL;
    int rc = getaddrinfo("localhost", "80", NULL, &res);

    if (rc == 0)
        freeaddrinfo(res);
    return (void *)(long)(rc + (arg != NULL));
}

static void *writes_later(void *arg)
{
    rest(20);
    (void)!write(*(int *)arg, "x", 1);
    return NULL;
}

/* Of a ring whose completions are left to who waits for them. */
ROW(io_uring_deferred)
{
    struct io_uring_params p = {.flags = 3 << 12}; /* SINGLE_ISSUER, DEFER_TASKRUN: Linux 6.1 */
    int ring = (int)syscall(SYS_io_uring_setup, 4, &p), pair[2];
    struct io_uring_sqe *sqe;
    unsigned char *at;
    pthread_t t;
    char c = 0;

    say("%d\n", ring < 0 ? errno : 0);
    if (ring < 0 || !(p.features & IORING_FEAT_SINGLE_MMAP) || pipe(pair) < 0)
        return;
    at = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe),
              PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
    sqe = mmap(NULL, p.sq_entries * sizeof *sqe, PROT_READ | PROT_WRITE, MAP_SHARED, ring,
               IORING_OFF_SQES);
    *sqe = (struct io_uring_sqe){.opcode = IORING_OP_READ,
                                 .fd = pair[0],
                                 .addr = (uintptr_t)&c,
                                 .len = 1};
    *(unsigned *)(void *)(at + p.sq_off.array) = 0;
    atomic_store((atomic_uint *)(void *)(at + p.sq_off.tail), 1);
    t = start(writes_later, &pair[1]);
    say("%ld ", syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0));
    say("%u %c\n", atomic_load((atomic_uint *)(void *)(at + p.cq_off.tail)), c);
    join(t);
}

ROW(io_getaddrinfo)
{
    pthread_t t[8];
    long bad = 0;

    for (int i = 0; i < 8; i++)
        t[i] = start(resolves, NULL);
    for (int i = 0; i < 8; i++)
        bad += join(t[i]);
    say("%ld\n", bad);
}

static void *fifo_writer(void *arg)
{
    int fd = open(arg, O_WRONLY);

    say("opened ");
    close(fd);
    return NULL;
}

ROW(io_fifo_opens)
{
    char name[64];
    pthread_t t;
    int fd;

    snprintf(name, sizeof name, "/tmp/gosling-fifo-%d", getpid());
    mkfifo(name, 0600);
    t = start(fifo_writer, name);
    fd = open(name, O_RDONLY);
    join(t);
    say("%d\n", fd >= 0);
    unlink(name);
}

static void *waits_child(void *arg)
{
    return (void *)(long)status_of((pid_t)(long)arg);
}

ROW(io_wait_many)
{
    pthread_t t[8];
    long sum = 0;

    for (int i = 0; i < 8; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            rest(10 - i);
            _exit(i);
        }
        t[i] = start(waits_child, (void *)(long)pid);
    }
    for (int i = 0; i < 8; i++)
        sum += join(t[i]);
    say("%ld\n", sum);
}

static void *sees_lock(void *arg)
{
    say("%s ", err(pthread_mutex_trylock(&m)));
    return arg;
}

ROW(io_sleep_holding_a_lock)
{
    pthread_mutex_lock(&m);
    join(start(sees_lock, NULL));
    rest(2);
    pthread_mutex_unlock(&m);
    join(start(sees_lock, NULL));
    say("\n");
}

static void *writes_broken(void *arg)
{
    rest(5);
    return (void *)(long)(write(fds[1], "x", 1) + (arg != NULL));
}

ROW(io_broken_pipe_kills)
{
    if (pipe(fds) < 0)
        return;
    close(fds[0]);
    join(start(writes_broken, NULL));
    say("alive\n");
}

ROW(io_broken_socket_kills)
{
    socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    close(fds[0]);
    join(start(writes_broken, NULL));
    say("alive\n");
}

static void pipe_handler(int sig)
{
    atomic_fetch_add(&flag, sig == SIGPIPE);
}

ROW(io_broken_handled)
{
    signal(SIGPIPE, pipe_handler);
    socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    close(fds[0]);
    say("%ld ", join(start(writes_broken, NULL)));
    say("%d ", atomic_load(&flag));
    if (pipe(fds) < 0)
        return;
    close(fds[0]);
    say("%ld ", join(start(writes_broken, NULL)));
    say("%d\n", atomic_load(&flag));
}

ROW(exec_inherits_sigpipe)
{
    say("exec\n");
    execlp("sh", "sh", "-c", "grep SigIgn /proc/self/status; yes | head -n 1", (char *)NULL);
}
