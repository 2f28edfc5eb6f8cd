/* SPDX-License-Identifier: MIT
 *
 * Circular doubly linked lists; a list's head and its nodes have one type, struct go_link. A node
 * that is in no list points to itself, so that taking it out twice is harmless. All O(1). */
#ifndef CORE_LIST_H
#define CORE_LIST_H

#include <gosling/types.h>

typedef struct go_link list;

#define list_entry(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void list_init(list *l)
{
    l->next = l->prev = l;
}

static inline bool list_empty(const list *l)
{
    return l->next == l;
}

static inline void list_push(list *head, list *node) /* at the end */
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

static inline void list_remove(list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = node->prev = node;
}

static inline list *list_pop(list *head) /* NULL: empty */
{
    list *node = head->next;

    if (node == head)
        return NULL;
    list_remove(node);
    return node;
}

#endif
