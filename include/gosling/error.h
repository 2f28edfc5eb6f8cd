/* SPDX-License-Identifier: MIT
 *
 * Errors: a value is -errno; what happened, to whom and why is a tree beside it. The root is the
 * group of a closed block, its children the errors, and a child of an error is its cause. */
#ifndef GOSLING_ERROR_H
#define GOSLING_ERROR_H

#include <gosling/types.h>

GO_BEGIN_DECLS

typedef struct go_error go_error;

/* Sets this fiber's error message (printf's format, 255 bytes) and returns -|err|, so that `return
 * go_fail(EIO, …)` reads well. An error made by it is real even after a cancellation was delivered.
 * Works outside a run (the message is lost). err 0 is taken for EINVAL. Not a checkpoint. Keeps
 * errno. */
GO_API int go_fail(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The tree of this fiber's last closed block, until its next one closes; NULL when that had no
 * error. Owned by gosling. */
GO_API const go_error *go_last_error(void);

/* -errno; 0 for NULL. */
GO_API int go_error_code(const go_error *e);

/* What happened, in words, never NULL: go_fail's message, or the code's. Valid as long as the
 * tree. */
GO_API const char *go_error_message(const go_error *e);

/* The name of the fiber that failed, never NULL. */
GO_API const char *go_error_fiber(const go_error *e);

/* The i-th child; NULL past the end, and for NULL. */
GO_API const go_error *go_error_child(const go_error *e, size_t i);

/* Prints the tree, one error a line, causes indented beneath, with the place of each spawn. */
GO_API void go_error_print(const go_error *e, FILE *out);

GO_END_DECLS

#endif
