/* SPDX-License-Identifier: MIT
 *
 * Touches every public declaration that there is. The signatures are repeated here as they were
 * promised to programs that are written against them: one that changed does not compile. */
#include "tests/kit.h"
#include <ctype.h>
#include <glob.h>

/* ---- what was promised ---- */

go_time go_now(void);
int go_run(go_fn *fn, void *arg);
int go_run_with(const go_run_opts *opts, go_fn *fn, void *arg);
go_sched *go_sched_self(void);
int go_post(go_sched *s, void (*fn)(void *), void *arg);
int go_sched_hold(go_sched *s);
int go_sched_drop(go_sched *s);
int go_nursery_open(go_nursery *n, const go_nursery_opts *opts);
int go_nursery_close(go_nursery *n, int body);
void go_nursery_cancel(go_nursery *n, const char *reason);
struct go_scope *go_nursery_scope(go_nursery *n);
int go_nursery_next(go_nursery *n, go_task **done);
int go_spawn(go_nursery *n, go_fn *fn, void *arg);
int go_spawn_with(go_nursery *n, const go_spawn_opts *opts, go_fn *fn, void *arg);
int go_spawn_copy(go_nursery *n, go_fn *fn, const void *arg, size_t size);
int go_spawn_wait(go_nursery *n, go_fn *fn, void *arg);
typedef int go_start_fn(void *arg, go_starter *starter);
int go_start(go_nursery *n, go_start_fn *fn, void *arg, intptr_t *value);
int go_started(go_starter *starter, intptr_t value);
int go_task_join(go_task *t);
int go_task_result(const go_task *t);
void go_task_cancel(go_task *t, const char *reason);
int go_task_on_exit(go_task *t, void (*cb)(go_task *, void *), void *arg);
int go_join_all(go_task *const *tasks, size_t n);
int go_join_any(go_task *const *tasks, size_t n);
int go_fail(int err, const char *fmt, ...);
const go_error *go_last_error(void);
int go_error_code(const go_error *e);
const char *go_error_message(const go_error *e);
const char *go_error_fiber(const go_error *e);
const go_error *go_error_child(const go_error *e, size_t i);
void go_error_print(const go_error *e, FILE *out);
void go_name(const char *fmt, ...);
int go_defer(void (*fn)(void *), void *arg);
int go_yield(void);
int go_checkpoint(void);
int go_checkpoint_cancelled(void);
int go_checkpoint_shielded(void);
int go_sleep(go_time ns);
int go_sleep_until(go_time t);
int go_scope_enter(go_scope *s, const go_scope_opts *opts);
int go_scope_exit(go_scope *s, int rc);
void go_scope_cancel(go_scope *s, const char *reason);
void go_scope_cancel_soft(go_scope *s, go_time grace, const char *reason);
bool go_scope_caught(const go_scope *s);
bool go_cancelled(void);
bool go_stopping(void);
const char *go_cancel_reason(void);
go_time go_deadline(void);
int go_key_init(go_key *k, void (*destructor)(void *));
int go_key_init_inherited(go_key *k);
int go_set(go_key *k, void *value);
void *go_get(const go_key *k);
void go_mutex_init(go_mutex *m, int flags);
int go_mutex_lock(go_mutex *m);
int go_mutex_try_lock(go_mutex *m);
int go_mutex_unlock(go_mutex *m);
void go_event_init(go_event *e, int flags);
int go_event_wait(go_event *e);
void go_event_set(go_event *e);
void go_event_clear(go_event *e);
bool go_event_is_set(const go_event *e);
int go_chan_init(go_chan *c, size_t item_size, size_t capacity, int flags);
int go_chan_send(go_chan *c, const void *item);
int go_chan_recv(go_chan *c, void *item);
int go_chan_try_send(go_chan *c, const void *item);
int go_chan_try_recv(go_chan *c, void *item);
void go_chan_close(go_chan *c);
void go_chan_fini(go_chan *c);
int go_ring_init(go_ring *r, size_t item_size, size_t capacity);
size_t go_ring_put(go_ring *r, const void *items, size_t n);
size_t go_ring_take(go_ring *r, void *items, size_t n);
void go_ring_fini(go_ring *r);
void go_rwlock_init(go_rwlock *l, int flags);
int go_rwlock_read(go_rwlock *l);
int go_rwlock_write(go_rwlock *l);
int go_rwlock_try_read(go_rwlock *l);
int go_rwlock_try_write(go_rwlock *l);
int go_rwlock_unlock(go_rwlock *l);
void go_sem_init(go_sem *s, unsigned value, unsigned max, int flags);
int go_sem_acquire(go_sem *s);
int go_sem_try_acquire(go_sem *s);
int go_sem_release(go_sem *s);
void go_limiter_init(go_limiter *l, unsigned tokens, int flags);
int go_limiter_acquire(go_limiter *l);
int go_limiter_release(go_limiter *l);
void go_limiter_resize(go_limiter *l, unsigned tokens);
void go_cond_init(go_cond *c, int flags);
int go_cond_wait(go_cond *c, go_mutex *m);
void go_cond_notify(go_cond *c, unsigned n);
void go_cond_notify_all(go_cond *c);
void go_barrier_init(go_barrier *b, unsigned n, int flags);
int go_barrier_wait(go_barrier *b);
int go_once_run(go_once *o, go_fn *fn, void *arg);
void go_future_init(go_future *f, int flags);
int go_future_set(go_future *f, intptr_t value);
int go_future_fail(go_future *f, int err);
int go_future_get(go_future *f, intptr_t *value);
int go_queue_init(go_queue *q, go_order order, size_t capacity, int flags);
int go_queue_put(go_queue *q, void *item, int priority);
int go_queue_get(go_queue *q, void **item);
int go_queue_try_put(go_queue *q, void *item, int priority);
int go_queue_try_get(go_queue *q, void **item);
int go_queue_task_done(go_queue *q);
int go_queue_join(go_queue *q);
void go_queue_shutdown(go_queue *q, bool now);
void go_queue_fini(go_queue *q);
void go_bucket_init(go_bucket *b, double per_second, double burst);
int go_bucket_take(go_bucket *b, double n);
int go_shim_enable(unsigned what);
void *go_shim_original(const char *name);
void go_shim_report(FILE *out);
void go_shim_entries(FILE *out);
int go_window_init(go_window *w, unsigned limit, go_time span);
int go_window_take(go_window *w);
void go_window_fini(go_window *w);
int go_connpool_init(go_connpool *p, const go_connpool_opts *opts);
int go_connpool_get(go_connpool *p, void **conn);
void go_connpool_put(go_connpool *p, void *conn, bool broken);
void go_connpool_close(go_connpool *p);
int go_retry(const go_retry_opts *opts, go_fn *fn, void *arg);
void go_breaker_init(go_breaker *b, unsigned limit, go_time cool_down);
int go_breaker_call(go_breaker *b, go_fn *fn, void *arg);
bool go_breaker_is_open(const go_breaker *b);
int go_map(go_fn *fn, void *const *args, int *results, size_t n, unsigned at_most);
void go_chan_stats_get(go_chan *c, go_chan_stats *out);
int go_select(go_case *cases, size_t n);
ssize_t go_read(int fd, void *buf, size_t n);
ssize_t go_write(int fd, const void *buf, size_t n);
ssize_t go_readv(int fd, const struct iovec *v, int n);
ssize_t go_writev(int fd, const struct iovec *v, int n);
ssize_t go_pread(int fd, void *buf, size_t n, int64_t at);
ssize_t go_pwrite(int fd, const void *buf, size_t n, int64_t at);
ssize_t go_recv(int fd, void *buf, size_t n, int flags);
ssize_t go_send(int fd, const void *buf, size_t n, int flags);
ssize_t go_recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *from, socklen_t *len);
ssize_t go_sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *to,
                  socklen_t len);
ssize_t go_recvmsg(int fd, struct msghdr *m, int flags);
ssize_t go_sendmsg(int fd, const struct msghdr *m, int flags);
int go_accept(int fd, struct sockaddr *peer, socklen_t *len);
int go_connect(int fd, const struct sockaddr *to, socklen_t len);
int go_poll(struct pollfd *fds, nfds_t n, go_time timeout);
int go_wait_fd(int fd, short events);
int go_close(int fd);
int go_write_all(int fd, const void *buf, size_t n);
int go_write_some(int fd, const void *buf, size_t n, size_t *done);
int go_read_exact(int fd, void *buf, size_t n);
int64_t go_copy(int from, int to);
ssize_t go_sendfile(int out, int in, int64_t *at, size_t n);
int go_tcp_listen(const char *host, const char *service, const go_listen_opts *opts);
int go_tcp_connect(const char *host, const char *service, const go_connect_opts *opts);
int go_unix_listen(const char *path, const go_listen_opts *opts);
int go_unix_connect(const char *path);
int go_udp_bind(const char *host, const char *service);
int go_pipe(int fds[2]);
int go_socketpair(int fds[2]);
int go_local_port(int fd);
int go_stream_init(go_stream *s, int fd);
void go_stream_fini(go_stream *s);
ssize_t go_stream_read(go_stream *s, void *buf, size_t n);
int go_stream_read_exact(go_stream *s, void *buf, size_t n);
int go_stream_read_line(go_stream *s, char **line, size_t *len);
int go_stream_read_until(go_stream *s, const void *mark, size_t mark_len, char **data, size_t *len);
int go_stream_write(go_stream *s, const void *buf, size_t n);
int go_stream_printf(go_stream *s, const char *fmt, ...);
int go_stream_flush(go_stream *s);
void go_stream_limit(go_stream *s, size_t longest_line);
typedef int go_handler(int fd, void *arg);
int go_serve(int listener, go_handler *handler, void *arg, const go_serve_opts *opts);
int go_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                   struct addrinfo **res);
int go_getnameinfo(const struct sockaddr *sa, socklen_t len, char *host, socklen_t hostlen,
                   char *serv, socklen_t servlen, int flags);
void go_freeaddrinfo(struct addrinfo *res);
int go_process_start(go_process *p, char *const argv[], const go_process_opts *opts);
int go_process_wait(go_process *p, int *status);
int go_process_run(char *const argv[], const void *input, size_t n, char **output, size_t *out_n,
                   const go_process_opts *opts);
int go_process_kill(go_process *p, int sig);
int go_process_stop(go_process *p, int *status);
int go_signals_open(go_signals *s, const int *signals, size_t n);
int go_signals_next(go_signals *s);
void go_signals_close(go_signals *s);
void go_stats_get(go_stats *out);
void go_stats_prometheus(FILE *out);
go_time go_histogram_quantile(const go_histogram *h, double q);
int go_offload(go_fn *fn, void *arg);
void go_dump(FILE *out);

/* ---- every function there is ---- */

typedef void function(void);

#define ENTRY(name)             \
    {                           \
#name, (function *)name \
    }

static const struct {
    const char *name;
    function *address;
} functions[] = {
    ENTRY(go_now),
    ENTRY(go_run),
    ENTRY(go_run_with),
    ENTRY(go_sched_self),
    ENTRY(go_post),
    ENTRY(go_sched_hold),
    ENTRY(go_sched_drop),
    ENTRY(go_fail),
    ENTRY(go_last_error),
    ENTRY(go_error_code),
    ENTRY(go_error_message),
    ENTRY(go_error_fiber),
    ENTRY(go_error_child),
    ENTRY(go_error_print),
    ENTRY(go_yield),
    ENTRY(go_checkpoint),
    ENTRY(go_checkpoint_cancelled),
    ENTRY(go_checkpoint_shielded),
    ENTRY(go_sleep),
    ENTRY(go_sleep_until),
    ENTRY(go_name),
    ENTRY(go_defer),
    ENTRY(go_key_init),
    ENTRY(go_key_init_inherited),
    ENTRY(go_set),
    ENTRY(go_get),
    ENTRY(go_scope_enter),
    ENTRY(go_scope_exit),
    ENTRY(go_scope_cancel),
    ENTRY(go_scope_cancel_soft),
    ENTRY(go_scope_caught),
    ENTRY(go_cancelled),
    ENTRY(go_stopping),
    ENTRY(go_cancel_reason),
    ENTRY(go_deadline),
    ENTRY(go_scope_block_enter),
    ENTRY(go_scope_block_timeout),
    ENTRY(go_scope_block_shield),
    ENTRY(go_scope_block_close),
    ENTRY(go_scope_block_leave),
    ENTRY(go_nursery_open),
    ENTRY(go_nursery_close),
    ENTRY(go_nursery_cancel),
    ENTRY(go_nursery_scope),
    ENTRY(go_nursery_next),
    ENTRY(go_spawn),
    ENTRY(go_spawn_with),
    ENTRY(go_spawn_copy),
    ENTRY(go_spawn_wait),
    ENTRY(go_start),
    ENTRY(go_started),
    ENTRY(go_nursery_block_open),
    ENTRY(go_nursery_block_close),
    ENTRY(go_nursery_block_leave),
    ENTRY(go_task_join),
    ENTRY(go_task_result),
    ENTRY(go_task_cancel),
    ENTRY(go_task_on_exit),
    ENTRY(go_join_all),
    ENTRY(go_join_any),
    ENTRY(go_mutex_init),
    ENTRY(go_mutex_lock),
    ENTRY(go_mutex_try_lock),
    ENTRY(go_mutex_unlock),
    ENTRY(go_event_init),
    ENTRY(go_event_wait),
    ENTRY(go_event_set),
    ENTRY(go_event_clear),
    ENTRY(go_event_is_set),
    ENTRY(go_chan_init),
    ENTRY(go_chan_send),
    ENTRY(go_chan_recv),
    ENTRY(go_chan_try_send),
    ENTRY(go_chan_try_recv),
    ENTRY(go_chan_close),
    ENTRY(go_chan_fini),
    ENTRY(go_ring_init),
    ENTRY(go_ring_put),
    ENTRY(go_ring_take),
    ENTRY(go_ring_fini),
    ENTRY(go_rwlock_init),
    ENTRY(go_rwlock_read),
    ENTRY(go_rwlock_write),
    ENTRY(go_rwlock_try_read),
    ENTRY(go_rwlock_try_write),
    ENTRY(go_rwlock_unlock),
    ENTRY(go_sem_init),
    ENTRY(go_sem_acquire),
    ENTRY(go_sem_try_acquire),
    ENTRY(go_sem_release),
    ENTRY(go_limiter_init),
    ENTRY(go_limiter_acquire),
    ENTRY(go_limiter_release),
    ENTRY(go_limiter_resize),
    ENTRY(go_cond_init),
    ENTRY(go_cond_wait),
    ENTRY(go_cond_notify),
    ENTRY(go_cond_notify_all),
    ENTRY(go_barrier_init),
    ENTRY(go_barrier_wait),
    ENTRY(go_once_run),
    ENTRY(go_future_init),
    ENTRY(go_future_set),
    ENTRY(go_future_fail),
    ENTRY(go_future_get),
    ENTRY(go_queue_init),
    ENTRY(go_queue_put),
    ENTRY(go_queue_get),
    ENTRY(go_queue_try_put),
    ENTRY(go_queue_try_get),
    ENTRY(go_queue_task_done),
    ENTRY(go_queue_join),
    ENTRY(go_queue_shutdown),
    ENTRY(go_queue_fini),
    ENTRY(go_bucket_init),
    ENTRY(go_bucket_take),
    ENTRY(go_shim_enable),
    ENTRY(go_shim_original),
    ENTRY(go_shim_report),
    ENTRY(go_shim_entries),
    ENTRY(go_window_init),
    ENTRY(go_window_take),
    ENTRY(go_window_fini),
    ENTRY(go_connpool_init),
    ENTRY(go_connpool_get),
    ENTRY(go_connpool_put),
    ENTRY(go_connpool_close),
    ENTRY(go_retry),
    ENTRY(go_breaker_init),
    ENTRY(go_breaker_call),
    ENTRY(go_breaker_is_open),
    ENTRY(go_map),
    ENTRY(go_chan_stats_get),
    ENTRY(go_select),
    ENTRY(go_offload),
    ENTRY(go_offload_threads),
    ENTRY(go_dump),
    ENTRY(go_read),
    ENTRY(go_write),
    ENTRY(go_readv),
    ENTRY(go_writev),
    ENTRY(go_pread),
    ENTRY(go_pwrite),
    ENTRY(go_recv),
    ENTRY(go_send),
    ENTRY(go_recvfrom),
    ENTRY(go_sendto),
    ENTRY(go_recvmsg),
    ENTRY(go_sendmsg),
    ENTRY(go_accept),
    ENTRY(go_connect),
    ENTRY(go_poll),
    ENTRY(go_wait_fd),
    ENTRY(go_close),
    ENTRY(go_write_all),
    ENTRY(go_write_some),
    ENTRY(go_read_exact),
    ENTRY(go_copy),
    ENTRY(go_sendfile),
    ENTRY(go_tcp_listen),
    ENTRY(go_tcp_connect),
    ENTRY(go_stream_init),
    ENTRY(go_stream_fini),
    ENTRY(go_stream_limit),
    ENTRY(go_stream_read),
    ENTRY(go_stream_read_exact),
    ENTRY(go_stream_read_line),
    ENTRY(go_stream_read_until),
    ENTRY(go_stream_write),
    ENTRY(go_stream_printf),
    ENTRY(go_stream_flush),
    ENTRY(go_udp_bind),
    ENTRY(go_getaddrinfo),
    ENTRY(go_getnameinfo),
    ENTRY(go_freeaddrinfo),
    ENTRY(go_process_start),
    ENTRY(go_process_wait),
    ENTRY(go_process_run),
    ENTRY(go_process_kill),
    ENTRY(go_process_stop),
    ENTRY(go_signals_open),
    ENTRY(go_signals_next),
    ENTRY(go_signals_close),
    ENTRY(go_stats_get),
    ENTRY(go_stats_prometheus),
    ENTRY(go_histogram_quantile),
    ENTRY(go_unix_listen),
    ENTRY(go_unix_connect),
    ENTRY(go_pipe),
    ENTRY(go_socketpair),
    ENTRY(go_local_port),
    ENTRY(go_serve),
};

enum { N_FUNCTIONS = sizeof functions / sizeof *functions };

LAW(all_there, "S1.01 every public function is there")
{
    for (size_t i = 0; i < N_FUNCTIONS; i++)
        CHECK(functions[i].address != NULL);
}

static bool known(const char *name, size_t len)
{
    for (size_t i = 0; i < N_FUNCTIONS; i++)
        if (strlen(functions[i].name) == len && memcmp(functions[i].name, name, len) == 0)
            return true;
    return false;
}

/* The name that a declaration after GO_API declares: the last identifier before the first '('
 * that begins with go_. */
static size_t declared(const char *at, const char **name)
{
    const char *end = strchr(at, '('), *begin;

    if (!end)
        return 0;
    for (begin = end; begin > at && (begin[-1] == '_' || isalnum((unsigned char)begin[-1]));)
        begin--;
    *name = begin;
    return strncmp(begin, "go_", 3) == 0 ? (size_t)(end - begin) : 0;
}

static void check_header(const char *path)
{
    static char text[1 << 17];
    FILE *f = fopen(path, "r");
    const char *at = text, *name;
    size_t len = f ? fread(text, 1, sizeof text - 1, f) : 0;

    if (f)
        fclose(f);
    CHECK(len > 0);
    text[len] = '\0';
    while ((at = strstr(at, "\nGO_API "))) {
        at += strlen("\nGO_API ");
        len = declared(at, &name);
        if (len && !CHECK(known(name, len)))
            tap_note("%s declares %.*s, which tests/api.c does not know", path, (int)len, name);
    }
}

LAW(all_known, "S1.01 every function that a header declares is known here")
{
    const char *top = getenv("TOP");
    char pattern[4096];
    glob_t headers;

    snprintf(pattern, sizeof pattern, "%s/include/gosling/*.h", top ? top : ".");
    if (glob(pattern, 0, NULL, &headers) != 0) {
        TAP_SKIP("the headers are not here");
        return;
    }
    for (size_t i = 0; i < headers.gl_pathc; i++)
        check_header(headers.gl_pathv[i]);
    globfree(&headers);
}

/* ---- types, constants, macros ---- */

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static int starts(void *arg, go_starter *starter)
{
    (void)arg;
    return go_started(starter, 1);
}

LAW_VIRTUAL(macros, "S3.49 every block form and case, once")
{
    const go_nursery_opts nursery = {.policy = GO_FAIL_FAST, .max_tasks = 3, .max_errors = 3};
    const go_scope_opts options = {.timeout = GO_SEC, .deadline = 0, .shield = 0, .move_on = true};
    go_task task = {.result = 0};
    go_spawn_opts spawn = {.name = "x", .stack_size = 0, .task = &task, .delay = 0, .foreign = 0};
    go_scope scope = {0};
    go_mutex mutex;
    go_event event;
    go_chan chan;
    int a, b, c, d, e, item = 0, fds[2];
    intptr_t value = 0;
    go_start_fn *start = starts;

    go_mutex_init(&mutex, 0);
    go_event_init(&event, 0);
    go_chan_init(&chan, sizeof item, 1, GO_SOURCE);
    CHECK_EQ(go_pipe(fds), 0);
    GO_NURSERY(n, a) {
        GO_NURSERY_OPTS(m, b, &nursery) {
            GO_TIMEOUT(GO_SEC, c) {
                GO_MOVE_ON(GO_SEC, d) {
                    GO_SHIELD(GO_SEC) {
                        GO_SCOPE(&scope, e, &options) {
                            go_case cases[] = {
                                GO_RECV(&chan, &item), GO_SEND(&chan, &item), GO_READABLE(fds[0]),
                                GO_WRITABLE(fds[1]),   GO_AFTER(GO_SEC),      GO_JOIN(&task),
                                GO_WAIT(&event),       GO_LOCK(&mutex),       GO_DEFAULT,
                            };

                            CHECK_EQ(go_spawn_with(m, &spawn, nothing, NULL), 0);
                            CHECK_EQ(go_start(n, start, NULL, &value), 0);
                            CHECK(go_select(cases, sizeof cases / sizeof *cases) >= 0);
                            cases[0] = GO_RECV(&chan, &item);
                        }
                    }
                }
            }
        }
    }
    CHECK_EQ(a | b | c | d | e, 0);
    CHECK_EQ(value, 1);
    go_close(fds[0]);
    go_close(fds[1]);
    go_chan_fini(&chan);
}

LAW(constants, "S1.01 constants and option structs have their promised names")
{
    static const go_policy policies[] = {GO_FAIL_FAST, GO_SUPERVISE, GO_RACE, GO_FIRST, GO_SERVICE};
    static const go_clock clocks[] = {GO_CLOCK_REAL, GO_CLOCK_VIRTUAL};
    static const go_resolver resolvers[] = {GO_RESOLVER_AUTO, GO_RESOLVER_ARES, GO_RESOLVER_THREAD};
    const go_run_opts run = {.stack_size = 0,
                             .seed = 0,
                             .watchdog = 0,
                             .clock = GO_CLOCK_REAL,
                             .resolver = GO_RESOLVER_AUTO,
                             .no_signals = false,
                             .grace = 0};
    const go_listen_opts listen = {.backlog = 0, .reuse_port = false, .v6_only = false, .mode = 0};
    const go_serve_opts serve = {.max_conns = 0,
                                 .max_per_ip = 0,
                                 .idle_timeout = 0,
                                 .grace = 0,
                                 .stack_size = 0,
                                 .foreign = 0,
                                 .on_error = NULL};
    const go_connect_opts connect = {.attempt_delay = 0, .bind_host = NULL, .no_delay = false};

    CHECK_EQ(policies[0], 0); /* a zero field means the default */
    CHECK_EQ(clocks[0], 0);
    CHECK_EQ(resolvers[0], 0);
    CHECK_EQ(GO_SHARED, 1);
    CHECK_EQ(GO_SOURCE, 2);
    CHECK(!run.no_signals && !connect.bind_host && listen.backlog == 0 && serve.on_error == NULL);
}

TAP_MAIN
