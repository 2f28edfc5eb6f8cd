/* SPDX-License-Identifier: MIT */
#include "core/error.h"
#include "core/errname.h"
#include "core/sched.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static struct go_error *error_new(fiber *f, int code)
{
    struct go_error *e = calloc(1, sizeof *e);

    if (!e)
        return NULL;
    e->code = code;
    fiber_label(f, e->fiber, sizeof e->fiber);
    e->spawned_at = f->spawned_at;
    return e;
}

struct go_error *error_group(fiber *f)
{
    return error_new(f, 0);
}

struct go_error *error_of(fiber *f, int code, bool real)
{
    struct go_error *e = error_new(f, code);

    if (!e)
        return NULL;
    e->real = real;
    if (error_made(f, code))
        e->message = strdup(f->fail->text);
    if (f->last_error) {
        error_add(e, f->last_error);
        f->last_error = NULL;
    }
    return e;
}

void error_add(struct go_error *group, struct go_error *e)
{
    e->next = NULL;
    if (group->last)
        group->last->next = e;
    else
        group->first = e;
    group->last = e;
    group->count++;
}

void error_take(struct go_error *group, struct go_error *e)
{
    struct go_error *before = NULL;

    for (struct go_error *at = group->first; at && at != e; at = at->next)
        before = at;
    if (before)
        before->next = e->next;
    else
        group->first = e->next;
    if (group->last == e)
        group->last = before;
    e->next = NULL;
    group->count--;
}

/* Depth first without recursion: a tree may be as deep as blocks were nested. */
void error_free(struct go_error *e)
{
    while (e) {
        struct go_error *rest = e->next;

        if (e->first) {
            e->last->next = rest;
            rest = e->first;
        }
        free(e->message);
        free(e);
        e = rest;
    }
}

void error_set_last(fiber *f, struct go_error *tree)
{
    if (f->last_error == tree)
        return;
    error_free(f->last_error);
    f->last_error = tree;
    f->extras = true;
}

/* ---- the public half ---- */

int go_fail(int err, const char *fmt, ...)
{
    go_sched *s = sched_self();
    int code = err == 0 ? -EINVAL : err < 0 ? err : -err, saved = errno;
    va_list args;

    if (s && !s->current->fail)
        s->current->fail = malloc(sizeof *s->current->fail);
    if (s)
        s->current->extras = true;
    if (s && s->current->fail) {
        char text[sizeof s->current->fail->text]; /* an argument may be the last message itself */

        va_start(args, fmt);
        vsnprintf(text, sizeof text, fmt, args);
        va_end(args);
        s->current->fail->code = code;
        memcpy(s->current->fail->text, text, sizeof text);
    }
    errno = saved;
    return code;
}

const go_error *go_last_error(void)
{
    go_sched *s = sched_self();

    return s ? s->current->last_error : NULL;
}

int go_error_code(const go_error *e)
{
    return e ? e->code : 0;
}

const char *go_error_message(const go_error *e)
{
    if (!e)
        return "no error";
    return e->message ? e->message : errtext(e->code);
}

const char *go_error_fiber(const go_error *e)
{
    return e ? e->fiber : "";
}

const go_error *go_error_child(const go_error *e, size_t i)
{
    if (!e)
        return NULL;
    for (e = e->first; e && i > 0; i--)
        e = e->next;
    return e;
}

static void print_line(const struct go_error *e, FILE *out, int depth)
{
    const char *name = errname(e->code);
    char place[160];

    fprintf(out, "%*s%s: %s", depth * 2, "", e->fiber, go_error_message(e));
    if (name && e->code < 0)
        fprintf(out, " (-%s)", name);
    else
        fprintf(out, " (%d)", e->code);
    if (e->spawned_at)
        fprintf(out, ", spawned at %s", fiber_place(e->spawned_at, place, sizeof place));
    if (!e->real && !e->first)
        fputs(", after it was cancelled", out);
    fputc('\n', out);
}

void error_print(const struct go_error *e, FILE *out, int depth)
{
    print_line(e, out, depth);
    for (const struct go_error *child = e->first; child; child = child->next)
        error_print(child, out, depth + 1);
    if (e->rest > 0)
        fprintf(out, "%*sand %u more that were not kept\n", (depth + 1) * 2, "", e->rest);
}

void go_error_print(const go_error *e, FILE *out)
{
    if (e)
        error_print(e, out, 0);
    else
        fputs("no error\n", out);
}
