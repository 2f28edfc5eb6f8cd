/* SPDX-License-Identifier: MIT
 *
 * The shim beyond descriptors: sleeping, stdio, children, names, signals, queues, locks; where
 * cancellation reaches; and what stays libc's. Each law's blocking call runs beside a fiber that
 * counts: if it blocks the thread, nothing is counted. */
#include "tests/shim/kit.h"
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static const go_run_opts opts = {.no_signals = true, .watchdog = -1};

/* ---- beside a fiber that counts ---- */

static int beside(void *arg)
{
    int (*fn)(void) = *(int (**)(void))arg;
    int rc;

    counting = true;
    counted = 0;
    GO_NURSERY(n, rc) {
        go_spawn(n, counts, NULL);
        go_sleep(GO_MS); /* its start may take long: a thread control block is made */
        counted = 0;
        rc = fn();
        counting = false;
    }
    return rc;
}

/* fn in a fiber; the others ran meanwhile. */
static int in_fiber(int (*fn)(void))
{
    return go_run_with(&opts, beside, &fn);
}

#define LETS_RUN(fn)                   \
    do {                               \
        CHECK_EQ(in_fiber(fn), 0);     \
        CHECK(counted >= 3);           \
        tap_note(#fn ": %u", counted); \
    } while (0)

static int alone(void *arg)
{
    return (*(int (**)(void))arg)();
}

static int in_a_fiber(int (*fn)(void))
{
    return go_run_with(&opts, alone, &fn);
}

static const struct timespec some = {0, 20 * 1000000};

/* ---- time ---- */

static int naps(void)
{
    CHECK_EQ(nanosleep(&some, NULL), 0);
    return 0;
}

static int naps_otherwise(void)
{
    CHECK_EQ(usleep(10000), 0);
    CHECK_EQ(thrd_sleep(&some, NULL), 0);
    return 0;
}

static int naps_until(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += 20 * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL), 0);
    return 0;
}

static int wrong_times(void)
{
    const struct timespec bad = {0, 1000000000}, before = {-1, 0}, past = {1, 0};

    CHECK_EQ(nanosleep(&bad, NULL), -1);
    CHECK_EQ(errno, EINVAL);
    CHECK_EQ(nanosleep(&before, NULL), -1);
    CHECK_EQ(clock_nanosleep(CLOCK_REALTIME, 0, &bad, NULL), EINVAL);
    CHECK_EQ(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &past, NULL), 0);
    CHECK_EQ(clock_nanosleep(12345, 0, &past, NULL), EINVAL);
    CHECK_EQ(sleep(0), 0);
    CHECK_EQ(sched_yield(), 0);
    return 0;
}

static int cancelled_nap(void)
{
    struct timespec left = {0, 0};
    const struct timespec long_one = {50, 0};
    int rc;

    GO_MOVE_ON(5 * GO_MS, rc) {
        CHECK_EQ(nanosleep(&long_one, &left), -1);
        CHECK_EQ(errno, ECANCELED);
    }
    CHECK(left.tv_sec == 49);
    GO_MOVE_ON(5 * GO_MS, rc) {
        CHECK_EQ(sleep(50), 49);
    }
    return 0;
}

LAW(sleeping, "S11.20 sleeping lets the others run")
{
    in_fiber(naps); /* an emulator translates it first */
    LETS_RUN(naps);
    LETS_RUN(naps_otherwise);
    LETS_RUN(naps_until);
    CHECK_EQ(in_a_fiber(wrong_times), 0);
    CHECK_EQ(in_a_fiber(cancelled_nap), 0);
}

/* ---- stdio ---- */

static int ends[2];

static int writes_lines(void *arg)
{
    (void)arg;
    nanosleep(&some, NULL);
    CHECK_EQ(write(ends[1], "first line\nsecond", 17), 17);
    nanosleep(&some, NULL);
    CHECK_EQ(write(ends[1], " line\n12 34\nthe rest", 20), 20);
    close(ends[1]);
    return 0;
}

static int reads_lines(void)
{
    char line[64], rest[64] = "", *more = NULL;
    size_t room = 0;
    int rc, a = 0, b = 0;
    FILE *f;

    CHECK_EQ(pipe(ends), 0);
    f = fdopen(ends[0], "r");
    GO_NURSERY(n, rc) {
        go_spawn(n, writes_lines, NULL);
        CHECK(fgets(line, sizeof line, f) && strcmp(line, "first line\n") == 0);
        CHECK_EQ(getline(&more, &room, f), 12);
        CHECK_EQ(fscanf(f, "%d %d\n", &a, &b), 2);
        CHECK_EQ(a + b, 46);
        CHECK_EQ(fread(rest, 1, sizeof rest, f), 8);
        CHECK(feof(f) && strcmp(rest, "the rest") == 0);
    }
    free(more);
    fclose(f);
    return rc;
}

static int reads_from_a_command(void)
{
    FILE *f = popen("sleep 0.02; echo from it; exit 3", "r");
    char line[64];
    int status;

    CHECK(f && fgets(line, sizeof line, f) && strcmp(line, "from it\n") == 0);
    status = pclose(f);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    return 0;
}

LAW(stdio, "S11.21 stdio waits in the fiber")
{
    go_shim_enable(GO_SHIM_ALL);
    if (!has_sites()) {
        TAP_SKIP("no entry by call sites with this switch");
        return;
    }
    LETS_RUN(reads_lines);
    LETS_RUN(reads_from_a_command);
}

/* ---- pthreads' objects ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t semaphore;
static int turns;

static int holds_it(void *arg)
{
    (void)arg;
    CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    turns++;
    CHECK_EQ(turns, 1);
    nanosleep(&some, NULL);
    turns--;
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    return 0;
}

static int hold_in_turn(void)
{
    int rc;

    GO_NURSERY(n, rc) {
        for (int i = 0; i < 3; i++)
            go_spawn(n, holds_it, NULL);
    }
    return rc;
}

static int signals_later(void *arg)
{
    (void)arg;
    nanosleep(&some, NULL);
    pthread_mutex_lock(&mutex);
    turns = 7;
    pthread_cond_signal(&cond);
    pthread_mutex_unlock(&mutex);
    return 0;
}

static void *signals_from_a_thread(void *arg)
{
    signals_later(arg);
    sem_post(&semaphore);
    return NULL;
}

static int awaits_turn(void)
{
    CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    while (turns != 7)
        CHECK_EQ(pthread_cond_wait(&cond, &mutex), 0);
    turns = 0;
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    return 0;
}

static int waits_for_a_fiber(void)
{
    int rc;

    turns = 0;
    GO_NURSERY(n, rc) {
        go_spawn(n, signals_later, NULL);
        awaits_turn();
    }
    return rc;
}

static int waits_for_a_thread(void)
{
    struct timespec at;
    pthread_t t;

    turns = 0;
    sem_init(&semaphore, 0, 0);
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec--;
    CHECK_EQ(sem_timedwait(&semaphore, &at), -1);
    CHECK_EQ(errno, ETIMEDOUT);
    CHECK_EQ(pthread_create(&t, NULL, signals_from_a_thread, NULL), 0);
    awaits_turn();
    CHECK_EQ(sem_wait(&semaphore), 0);
    CHECK_EQ(pthread_join(t, NULL), 0);
    return 0;
}

LAW(pthreads, "S11.31 mutexes, conditions and semaphores of pthreads park the fiber")
{
    if (!has_sites()) {
        TAP_SKIP("no entry by call sites with this switch");
        return;
    }
    LETS_RUN(hold_in_turn);
    LETS_RUN(waits_for_a_fiber);
    LETS_RUN(waits_for_a_thread);
}

/* ---- children ---- */

static pid_t child(int code)
{
    pid_t pid = fork();

    if (pid == 0) {
        /* long enough that the parent asks before it has ended */
        nanosleep(tap_slow() ? &(struct timespec){0, 300000000} : &some, NULL);
        _exit(code);
    }
    return pid;
}

static int waits_for_one(void)
{
    int status = 0;
    pid_t pid = child(7);

    CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    CHECK_EQ(waitpid(pid, &status, 0), -1);
    CHECK_EQ(errno, ECHILD);
    return 0;
}

static int waits_for_any(void)
{
    siginfo_t info;
    int status = 0;
    pid_t a = child(1), b;

    CHECK_EQ(wait(&status), a);
    b = child(2);
    CHECK_EQ(waitid(P_PID, (id_t)b, &info, WEXITED | WNOWAIT), 0);
    CHECK_EQ(info.si_status, 2);
    CHECK_EQ(waitid(P_ALL, 0, &info, WEXITED), 0);
    CHECK_EQ(info.si_pid, b);
    CHECK_EQ(wait(NULL), -1);
    return 0;
}

static int runs_a_command(void)
{
    int status = system("sleep 0.02; exit 5");

    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
    CHECK(system(NULL) != 0);
    return 0;
}

LAW(children, "S11.22 waiting for children lets the others run")
{
    LETS_RUN(waits_for_one);
    LETS_RUN(waits_for_any);
    LETS_RUN(runs_a_command);
}

/* ---- a child that shares memory ---- */

static int reads_one(void *arg)
{
    char c = 0;

    CHECK_EQ(read(*(int *)arg, &c, 1), 1);
    return c == 'x' ? 0 : -EIO;
}

/* What the children close has the numbers that fibers wait on. */
static int spawns_beside_readers(void)
{
    char *const argv[] = {"true", NULL};
    posix_spawn_file_actions_t actions;
    int p[2], rc;
    pid_t pid;
    FILE *f;

    CHECK_EQ(pipe(p), 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, reads_one, &p[0]);
        go_yield();
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addclose(&actions, p[0]);
        CHECK_EQ(posix_spawnp(&pid, "true", &actions, NULL, argv, environ), 0);
        posix_spawn_file_actions_destroy(&actions);
        CHECK_EQ(waitpid(pid, NULL, 0), pid);
        pid = vfork();
        if (pid == 0) {
            close(p[0]);
            _exit(0);
        }
        CHECK_EQ(waitpid(pid, NULL, 0), pid);
        f = popen("true", "r");
        CHECK(f && pclose(f) == 0);
        CHECK_EQ(write(p[1], "x", 1), 1);
    }
    close(p[0]);
    close(p[1]);
    return rc;
}

LAW(shared_memory, "S11.29 a child that shares memory leaves the parent's fibers alone")
{
    CHECK_EQ(in_a_fiber(spawns_beside_readers), 0);
}

/* ---- names ---- */

static int looks_up(void)
{
    struct addrinfo *list = NULL, hints = {.ai_socktype = SOCK_STREAM};
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char host[256];
    struct hostent *h;

    CHECK_EQ(getaddrinfo("127.0.0.1", "80", &hints, &list), 0);
    CHECK(list && !list->ai_next);
    freeaddrinfo(list);
    CHECK_EQ(getaddrinfo("not a name!", "80", &hints, &list), EAI_NONAME);
    CHECK_EQ(getnameinfo((void *)&sa, sizeof sa, host, sizeof host, NULL, 0, NI_NUMERICHOST), 0);
    CHECK(strcmp(host, "127.0.0.1") == 0);
    h = gethostbyname("127.0.0.1");
    CHECK(h && h->h_addrtype == AF_INET);
    h_errno = 0;
    CHECK(!gethostbyname("not a name!"));
    CHECK_EQ(h_errno, HOST_NOT_FOUND);
    return 0;
}

LAW(lookups, "S11.23 names")
{
    CHECK_EQ(in_a_fiber(looks_up), 0);
}

/* ---- signals, queues, locks ---- */

static int raises_later(void *arg)
{
    nanosleep(&some, NULL);
    kill(getpid(), *(int *)arg);
    return 0;
}

static int waits_for_signals(void)
{
    const struct timespec soon = {0, 2000000};
    int rc, sig = SIGUSR1, got = 0;
    siginfo_t info;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK_EQ(sigtimedwait(&set, &info, &soon), -1);
    CHECK_EQ(errno, EAGAIN);
    GO_NURSERY(n, rc) {
        go_spawn(n, raises_later, &sig);
        CHECK_EQ(sigwait(&set, &got), 0);
        CHECK_EQ(got, SIGUSR1);
        go_spawn(n, raises_later, &sig);
        CHECK_EQ(sigwaitinfo(&set, &info), SIGUSR1);
        CHECK_EQ(info.si_pid, getpid());
    }
    return rc;
}

static int id;

static int sends_message(void *arg)
{
    struct {
        long type;
        char text[4];
    } m = {3, "abc"};

    (void)arg;
    nanosleep(&some, NULL);
    return msgsnd(id, &m, 4, 0);
}

static int receives_message(void)
{
    struct {
        long type;
        char text[4];
    } m;
    int rc;

    id = msgget(IPC_PRIVATE, 0600);
    CHECK_EQ(msgrcv(id, &m, 4, 0, IPC_NOWAIT), -1);
    CHECK_EQ(errno, ENOMSG);
    GO_NURSERY(n, rc) {
        go_spawn(n, sends_message, NULL);
        CHECK_EQ(msgrcv(id, &m, 4, 0, 0), 4);
        CHECK(m.type == 3 && strcmp(m.text, "abc") == 0);
    }
    msgctl(id, IPC_RMID, NULL);
    return rc;
}

static int gives(void *arg)
{
    struct sembuf give = {.sem_op = 1};

    (void)arg;
    nanosleep(&some, NULL);
    return semop(id, &give, 1);
}

static int takes(void)
{
    const struct timespec soon = {0, 2000000};
    struct sembuf take = {.sem_op = -1}, try = {.sem_op = -1, .sem_flg = IPC_NOWAIT};
    int rc;

    id = semget(IPC_PRIVATE, 1, 0600);
    CHECK_EQ(semop(id, &try, 1), -1);
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(semtimedop(id, &take, 1, &soon), -1);
    CHECK_EQ(errno, EAGAIN);
    GO_NURSERY(n, rc) {
        go_spawn(n, gives, NULL);
        CHECK_EQ(semop(id, &take, 1), 0);
    }
    semctl(id, 0, IPC_RMID);
    return rc;
}

static mqd_t queue;

static int queues(void *arg)
{
    (void)arg;
    nanosleep(&some, NULL);
    return mq_send(queue, "item", 4, 1);
}

static int dequeues(void)
{
    struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 8};
    struct timespec past = {1, 0};
    char name[64], item[8];
    int rc;

    snprintf(name, sizeof name, "/gosling-calls-%d", getpid());
    queue = mq_open(name, O_CREAT | O_RDWR, 0600, &attr);
    if (queue < 0 || getenv("EMULATOR")) { /* qemu 7.2 has its own ideas of their time-outs */
        tap_note("no message queues here: %s", strerror(errno));
        nanosleep(&some, NULL);
        return 0;
    }
    mq_unlink(name);
    CHECK_EQ(mq_timedreceive(queue, item, 8, NULL, &past), -1);
    CHECK_EQ(errno, ETIMEDOUT);
    GO_NURSERY(n, rc) {
        go_spawn(n, queues, NULL);
        CHECK_EQ(mq_receive(queue, item, 8, NULL), 4);
        CHECK_EQ(mq_send(queue, "one", 3, 0), 0);
        CHECK_EQ(mq_timedsend(queue, "two", 3, 0, &past), -1);
        CHECK_EQ(errno, ETIMEDOUT);
    }
    mq_close(queue);
    return rc;
}

static int locked;

static int unlocks(void *arg)
{
    (void)arg;
    nanosleep(&some, NULL);
    return flock(locked, LOCK_UN);
}

static int locks(void)
{
    char path[] = "/tmp/gosling-calls-XXXXXX";
    int rc, other;

    locked = mkstemp(path);
    other = open(path, O_RDWR);
    unlink(path);
    CHECK_EQ(flock(locked, LOCK_EX), 0);
    CHECK_EQ(flock(other, LOCK_EX | LOCK_NB), -1);
    CHECK_EQ(errno, EWOULDBLOCK);
    GO_NURSERY(n, rc) {
        go_spawn(n, unlocks, NULL);
        CHECK_EQ(flock(other, LOCK_EX), 0);
    }
    close(locked);
    close(other);
    return rc;
}

LAW(waits, "S11.24 signals, queues, semaphores, file locks")
{
    sigset_t set;

    /* before there are fibers: makecontext's have a mask each */
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    LETS_RUN(waits_for_signals);
    LETS_RUN(receives_message);
    LETS_RUN(takes);
    LETS_RUN(dequeues);
    LETS_RUN(locks);
}

/* ---- cancellation ---- */

#define FAILS_CANCELLED(call)       \
    do {                            \
        errno = 0;                  \
        CHECK_EQ((call), -1);       \
        CHECK_EQ(errno, ECANCELED); \
    } while (0)

static int in_a_cancelled_scope(void)
{
    struct pollfd one = {-1, POLLIN, 0};
    struct timespec t = {50, 0};
    int p[2], s[2], rc, spare;
    char c;

    CHECK_EQ(pipe(p), 0);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
    spare = dup(p[0]);
    GO_MOVE_ON(0, rc) {
        FAILS_CANCELLED(read(p[0], &c, 1));
        FAILS_CANCELLED(write(p[1], "x", 1));
        FAILS_CANCELLED(recv(s[0], &c, 1, 0));
        FAILS_CANCELLED(send(s[0], "x", 1, 0));
        FAILS_CANCELLED(poll(&one, 1, -1));
        FAILS_CANCELLED(select(0, NULL, NULL, NULL, NULL));
        FAILS_CANCELLED(nanosleep(&t, NULL));
        FAILS_CANCELLED(usleep(50000000));
        FAILS_CANCELLED(waitpid(-1, NULL, 0));
        FAILS_CANCELLED(fsync(s[0]));
        FAILS_CANCELLED(system("sleep 50"));
        CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL), ECANCELED);
        CHECK_EQ(close(spare), 0);
    }
    close(p[0]);
    close(p[1]);
    close(s[0]);
    close(s[1]);
    return 0;
}

/* Its deadline comes while it waits. */
static int past_a_deadline(void)
{
    int p[2], rc;
    char c;

    CHECK_EQ(pipe(p), 0);
    GO_TIMEOUT(10 * GO_MS, rc) {
        FAILS_CANCELLED(read(p[0], &c, 1));
        rc = -errno;
    }
    CHECK_EQ(rc, -ETIMEDOUT);
    close(p[0]);
    close(p[1]);
    return 0;
}

LAW(cancelled, "S11.25 a cancelled scope reaches into foreign code")
{
    CHECK_EQ(in_a_fiber(in_a_cancelled_scope), 0);
    CHECK_EQ(in_a_fiber(past_a_deadline), 0);
}

/* ---- outside ---- */

static void *blocks_in_read(void *arg)
{
    char c;

    CHECK_EQ(read(*(int *)arg, &c, 1), 1);
    for (;;)
        if (read(*(int *)arg, &c, 1) == 1 && c == 'q')
            return NULL;
}

LAW(outside, "S11.26 outside fibers calls are libc's, and pthread_cancel reaches them")
{
    pthread_t t;
    void *end;
    int p[2];

    CHECK_EQ(pipe(p), 0);
    CHECK_EQ(pthread_create(&t, NULL, blocks_in_read, &p[0]), 0);
    CHECK_EQ(write(p[1], "a", 1), 1);
    usleep(20000);
    CHECK_EQ(pthread_cancel(t), 0);
    CHECK_EQ(pthread_join(t, &end), 0);
    CHECK(end == PTHREAD_CANCELED);
    close(p[0]);
    close(p[1]);
}

/* ---- switching ---- */

static int naps_in_vain(void)
{
    CHECK_EQ(nanosleep(&some, NULL), 0);
    CHECK_EQ(usleep(10000), 0);
    return 0;
}

static int sleeps_past_the_shim(void)
{
    int (*original)(useconds_t) = (int (*)(useconds_t))go_shim_original("usleep");

    CHECK(original && original != usleep);
    CHECK_EQ(original(10000), 0);
    CHECK(!go_shim_original("no such call"));
    return 0;
}

LAW(switching, "S11.27 families are switched off and on")
{
    CHECK_EQ(go_shim_enable(1 << 20), -EINVAL);
    CHECK_EQ(go_shim_enable(0), GO_SHIM_ALL);
    CHECK_EQ(in_fiber(naps_in_vain), 0);
    CHECK(counted <= 2);
    CHECK_EQ(go_shim_enable(GO_SHIM_TIME), 0);
    LETS_RUN(naps);
    CHECK_EQ(go_shim_enable(GO_SHIM_ALL), GO_SHIM_TIME);
    CHECK_EQ(in_fiber(sleeps_past_the_shim), 0);
    CHECK(counted <= 2);
}

/* ---- descriptors of the library ---- */

static int writes_later(void *arg)
{
    nanosleep(&some, NULL);
    return write(*(int *)arg, "x", 1) == 1 ? 0 : -EIO;
}

static int uses_ours(void)
{
    int s[2], rc;
    char c;

    CHECK_EQ(go_socketpair(s), 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, writes_later, &s[1]);
        CHECK_EQ(read(s[0], &c, 1), 1);
        CHECK_EQ(fcntl(s[0], F_SETFL, fcntl(s[0], F_GETFL)), 0); /* O_NONBLOCK is its own now */
        CHECK_EQ(read(s[0], &c, 1), -1);
        CHECK_EQ(errno, EAGAIN);
    }
    CHECK_EQ(close(s[0]), 0);
    CHECK_EQ(close(s[1]), 0);
    return rc;
}

LAW(ours, "S11.28 what the library has opened waits, until the program sets its flags")
{
    LETS_RUN(uses_ours);
}

/* ---- the report ---- */

static void handles(int sig)
{
    (void)sig;
}

static pthread_t pausing;
static bool woken;

/* Again and again: the first may come before the pause. */
static void *wakes(void *arg)
{
    (void)arg;
    while (!__atomic_load_n(&woken, __ATOMIC_RELAXED)) {
        nanosleep(&some, NULL);
        pthread_kill(pausing, SIGUSR2);
    }
    return NULL;
}

extern int __sigpause(int mask, int is_sig); /* BSD's, which the shim does not do */

static int pauses(void)
{
    pthread_t t;

    signal(SIGUSR2, handles);
    pausing = pthread_self();
    CHECK_EQ(pthread_create(&t, NULL, wakes, NULL), 0);
    CHECK_EQ(__sigpause(0, 0), -1);
    __atomic_store_n(&woken, true, __ATOMIC_RELAXED);
    CHECK_EQ(pthread_join(t, NULL), 0);
    return 0;
}

LAW(reported, "S11.30 what blocks the thread is reported")
{
    char *text = NULL;
    size_t n = 0;
    FILE *out;

    CHECK_EQ(in_a_fiber(pauses), 0);
    out = open_memstream(&text, &n);
    go_shim_report(out);
    fclose(out);
    CHECK(strstr(text, "__sigpause, 1 times"));
    tap_note("%s", text);
    free(text);
}

TAP_MAIN
