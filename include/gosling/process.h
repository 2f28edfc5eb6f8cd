/* SPDX-License-Identifier: MIT
 *
 * Child processes. They are started by posix_spawn, and their end is waited for like any other
 * event: only the calling fiber waits. SIGCHLD is not touched.
 *
 * A child starts with no signal blocked, and with SIGPIPE's default action where go_run ignores
 * it. Every descriptor that gosling creates is closed in it; what else the program has open and
 * not CLOEXEC is inherited as by exec. It stays in its parent's process group. */
#ifndef GOSLING_PROCESS_H
#define GOSLING_PROCESS_H

#include <gosling/run.h>

GO_BEGIN_DECLS

/* One child process. Caller-allocated, filled by go_process_start; zero-initialise it if it may be
 * used before that. It belongs to the scheduler that started it. */
typedef struct {
    pid_t pid; /* while it is not reaped; afterwards the number may be another's */
    /* our end of each pipe that was asked for, else -1: in is written, out and err are read. They
     * are the caller's to close with go_close, in any order, also before the process ends. */
    int in, out, err;

    int exit_fd; /* private from here: readable when it has ended */
    int status;
    int lost; /* why there is no status: -ECHILD */
    int phase;
    go_time grace;
} go_process;

/* Options of a child. A zero field means its default. */
typedef struct {
    char *const *env; /* its environment, NULL-terminated; default: ours */
    const char *dir;  /* its working directory; argv[0] is looked up from there; default: ours */
    /* its stdin, stdout, stderr. 0: inherited from us; -1: a pipe, whose other end is in
     * go_process; else this descriptor, which stays the caller's */
    int in, out, err;
    /* between SIGTERM and SIGKILL when it is stopped; default 5 s, negative: SIGKILL at once */
    go_time grace;
} go_process_opts;

/* Starts argv[0] (looked up in our PATH if it has no slash) with these arguments. Not a
 * checkpoint; the OS thread waits until the program is loaded. Returns 0: then p must be waited for
 * until go_process_wait returns 0, or stopped, or its descriptors and the zombie stay. Else nothing
 * was started (p->pid is 0) and nothing is left open: -ENOENT (no such program, no interpreter, or
 * no such dir: the message says which), -EACCES, -ENOEXEC, -ENOTDIR, -E2BIG and what else execve
 * may say; -EMFILE, -ENFILE, -ENOMEM, -EAGAIN; -EBADF for a descriptor that is not open; -EINVAL
 * without argv[0], or for a descriptor below -1. */
GO_API int go_process_start(go_process *p, char *const argv[], const go_process_opts *opts);

/* [checkpoint] Waits until p has ended; *status (may be NULL) is then as waitpid's: WIFEXITED,
 * WEXITSTATUS, WIFSIGNALED, WTERMSIG. Several fibers may wait, and once it has ended every call
 * returns the same. Returns 0; -ECANCELED: p goes on; -ECHILD: it has ended but somebody else has
 * reaped it (SIGCHLD is ignored, or a wait for any child), also in a fork child; -EINVAL when p was
 * not started; -ENOMEM; -ESHUTDOWN outside a run. */
GO_API int go_process_wait(go_process *p, int *status);

/* Sends p a signal, never to another process that has its number by now. Not a checkpoint. Returns
 * 0; -ESRCH when it was reaped or not started, -EINVAL for a bad signal, -EPERM. */
GO_API int go_process_kill(go_process *p, int sig);

/* Stops p: SIGTERM, after its grace SIGKILL, and waits until it has ended. A schedule point, never
 * a cancel point: for whoever must go and must not leave it behind. Its pipes stay open. Returns as
 * go_process_wait, but never -ECANCELED. */
GO_API int go_process_stop(go_process *p, int *status);

/* [checkpoint] Runs a program to its end, writing input[0..n) to its stdin and reading its stdout
 * at the same time. input NULL: opts->in says what its stdin is (a pipe: empty). output NULL:
 * opts->out says what its stdout is (a pipe: read and dropped). opts->err -1: stderr goes where
 * stdout goes. Its output counts until everybody has closed it: a grandchild that goes on in the
 * background holds the call up as it does a shell's $(…).
 *
 * Returns its exit status, or 128 + the signal that ended it; *output is then its output, NUL-
 * terminated, for the caller to free(), and *out_n (may be NULL) its length without the NUL.
 * Otherwise *output is NULL and *out_n 0: the errors of go_process_start; and -ECANCELED (so also
 * when a scope's time is up) or -ENOMEM: it was stopped as by go_process_stop, its output being
 * read on meanwhile, and has been reaped; -ECHILD; -ESHUTDOWN outside a run. */
GO_API int go_process_run(char *const argv[], const void *input, size_t n, char **output,
                          size_t *out_n, const go_process_opts *opts);

GO_END_DECLS

#endif
