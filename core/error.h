/* SPDX-License-Identifier: MIT
 *
 * The error tree, inside. A node is malloc'ed; out of memory for one, the code still travels and
 * the group counts it among the rest. A tree has one owner: the fiber whose last error it is, the
 * group it is in, or the list of those that climb. */
#ifndef CORE_ERROR_H
#define CORE_ERROR_H

#include "core/fiber.h"
#include <gosling/error.h>

struct go_error {
    int code;
    bool real;              /* not what a cancellation left behind */
    char fiber[FIBER_NAME]; /* whose, by name */
    void *spawned_at;
    char *message;          /* go_fail's, or NULL */
    struct go_error *next;  /* among its siblings */
    struct go_error *first; /* children, in order of arrival */
    struct go_error *last;
    unsigned count; /* of them */
    unsigned rest;  /* children that were not kept */
};

struct fail_note {
    int code;
    char text[256];
};

/* A node for code, with f's name and, if go_fail made this very code, its message; the error of f's
 * last closed block, if it had one, becomes its cause. NULL: no memory. */
struct go_error *error_of(fiber *f, int code, bool real);

struct go_error *error_group(fiber *f);                     /* an empty one, or NULL */
void error_add(struct go_error *group, struct go_error *e); /* takes e */
/* out of it again; the caller owns e */
void error_take(struct go_error *group, struct go_error *e);
void error_free(struct go_error *e); /* the tree; NULL is harmless */

/* tree becomes f's last error; the one before is freed. */
void error_set_last(fiber *f, struct go_error *tree);

/* Whether f's go_fail made this code. */
static inline bool error_made(const fiber *f, int code)
{
    return f->fail && f->fail->code == code;
}

void error_print(const struct go_error *e, FILE *out, int depth);

#endif
