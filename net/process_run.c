/* SPDX-License-Identifier: MIT
 *
 * go_process_run: one fiber that waits for three things at once, that the program takes input, that
 * it gives output, and that it ends. */
#include "core/sys.h"
#include "net/process.h"
#include <gosling/fiber.h>
#include <gosling/io.h>
#include <gosling/scope.h>
#include <stdlib.h>
#include <sys/wait.h>

/* As much as a pipe holds by default: one read empties it. */
enum { ROOM = 64 * 1024 };

static const go_process_opts no_opts;

struct run {
    go_process p;
    const char *input;
    size_t left;
    bool keep;    /* the output is wanted */
    char *output; /* have bytes of room */
    size_t have, room;
};

static void close_end(int *fd)
{
    if (*fd >= 0)
        go_close(*fd);
    *fd = -1;
}

/* It is all written, or nobody reads it: then what is left is of no use, which is no error (`head`
 * ends so). */
static void feed(struct run *r)
{
    ssize_t n = r->left ? sys_write(r->p.in, r->input, r->left) : 0;

    if (n > 0) {
        r->input += n;
        r->left -= (size_t)n;
    }
    if (r->left == 0 || (n < 0 && n != -EAGAIN && n != -EINTR))
        close_end(&r->p.in);
}

/* Room for one read more and the NUL. */
static int make_room(struct run *r)
{
    size_t room = r->room ? r->room * 2 : ROOM;
    char *more;

    if (r->room - r->have > ROOM / 2)
        return 0;
    more = realloc(r->output, room);
    if (!more)
        return -ENOMEM;
    r->output = more;
    r->room = room;
    return 0;
}

static int collect(struct run *r)
{
    char dropped[4096];
    ssize_t n;
    int rc = r->keep ? make_room(r) : 0;

    if (rc < 0)
        return rc;
    n = r->keep ? sys_read(r->p.out, r->output + r->have, r->room - r->have - 1)
                : sys_read(r->p.out, dropped, sizeof dropped);
    if (n > 0 && r->keep)
        r->have += (size_t)n;
    if (n == 0 || (n < 0 && n != -EAGAIN && n != -EINTR))
        close_end(&r->p.out);
    return 0;
}

/* Moves bytes until the program has ended; and, to the_end, until its output has. */
static int pump(struct run *r, bool to_the_end)
{
    int rc;

    while (!process_ended(&r->p) || (to_the_end && r->p.out >= 0)) {
        struct pollfd fds[] = {{r->p.in, POLLOUT, 0},
                               {r->p.out, POLLIN, 0},
                               {r->p.exit_fd, POLLIN, 0}};

        rc = go_poll(fds, 3, -1); /* passes over what is -1 */
        if (rc < 0)
            return rc;
        if (fds[0].revents)
            feed(r);
        if (fds[1].revents && (rc = collect(r)) < 0)
            return rc;
        if (fds[2].revents && process_ended(&r->p))
            close_end(&r->p.in); /* a grandchild that holds the other end is nobody to wait for */
    }
    return 0;
}

/* Ends the program whatever the matter is. It may have something to say before it goes, and would
 * wait, or die of SIGPIPE, if nobody read it. */
static void stop(struct run *r)
{
    int rc;

    r->keep = false;
    close_end(&r->p.in);
    GO_SHIELD(GO_FOREVER) {
        if (r->p.grace > 0 && go_process_kill(&r->p, SIGTERM) == 0) {
            GO_TIMEOUT(r->p.grace, rc) {
                rc = pump(r, false);
            }
        }
        if (!process_ended(&r->p) && go_process_kill(&r->p, SIGKILL) == 0)
            rc = pump(r, false);
        if (!process_ended(&r->p))
            process_end_now(&r->p);
    }
}

static int result_of(const struct run *r)
{
    if (r->p.lost)
        return r->p.lost;
    return WIFEXITED(r->p.status) ? WEXITSTATUS(r->p.status) : 128 + WTERMSIG(r->p.status);
}

/* The output for the caller: terminated, and no larger than it is. */
static void hand_over(struct run *r, char **output, size_t *out_n)
{
    char *exact;

    r->output[r->have] = '\0';
    exact = realloc(r->output, r->have + 1);
    *output = exact ? exact : r->output;
    if (out_n)
        *out_n = r->have;
    r->output = NULL;
}

int go_process_run(char *const argv[], const void *input, size_t n, char **output, size_t *out_n,
                   const go_process_opts *opts)
{
    const go_process_opts *o = opts ? opts : &no_opts;
    struct run r = {.input = input, .left = input ? n : 0, .keep = output != NULL};
    int streams[] = {input ? -1 : o->in, output ? -1 : o->out,
                     o->err == -1 ? PROCESS_LIKE_OUT : o->err};
    int rc = go_checkpoint();

    if (output)
        *output = NULL;
    if (out_n)
        *out_n = 0;
    if (rc < 0)
        return rc;
    if (o->in < -1 || o->out < -1 || o->err < -1)
        return -EINVAL;
    rc = r.keep ? make_room(&r) : 0;
    if (rc == 0)
        rc = process_start(&r.p, argv, o, streams);
    if (rc < 0)
        goto free_output;
    rc = pump(&r, true);
    if (rc < 0)
        stop(&r);
    else
        rc = result_of(&r);
    if (rc >= 0 && output)
        hand_over(&r, output, out_n);
    close_end(&r.p.in);
    close_end(&r.p.out);
free_output:
    free(r.output);
    return rc;
}
