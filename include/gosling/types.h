/* SPDX-License-Identifier: MIT
 *
 * What every other header stands on: visibility, and the two link types that are embedded in
 * caller-allocated objects. Fields of gosling's structs are private, whatever header shows them:
 * they are there so that the objects can live on your stack and cost no allocation. */
#ifndef GOSLING_TYPES_H
#define GOSLING_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define GO_API __attribute__((visibility("default")))

#ifdef __cplusplus
#define GO_BEGIN_DECLS extern "C" {
#define GO_END_DECLS   }
#else
#define GO_BEGIN_DECLS
#define GO_END_DECLS
#endif

#define GO_PASTE_(a, b) a##b
#define GO_PASTE(a, b)  GO_PASTE_(a, b)

/* A node of a circular doubly linked list; also its head. */
struct go_link {
    struct go_link *next;
    struct go_link *prev;
};

/* A place in a scheduler's deadline heap; slot 0: not in it. */
struct go_timer {
    uint32_t slot;
    uint32_t kind;
};

struct go_fiber;

#endif
