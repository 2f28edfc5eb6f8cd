/* SPDX-License-Identifier: MIT
 *
 * Misuse that cannot be continued from: says what happened, to which fiber, and what to do; then
 * aborts. */
#ifndef CORE_MISUSE_H
#define CORE_MISUSE_H

/* "gosling: FUNCTION: message", the current fiber's name and backtrace, abort(). */
_Noreturn void misuse(const char *function, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* One line "gosling: …" on stderr, in one write: for reports that do not end the program. */
void report(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
