/* SPDX-License-Identifier: MIT
 *
 * libev and c-ares of the shim's own. If the shim were linked with them, their names would be the
 * whole program's, and a plug-in that has brought a copy along, of another version perhaps, would
 * call ours. So they are opened where nobody else finds them, and call libc itself rather than the
 * shim's interposers; the library's calls come by here. */
#include "core/misuse.h"
#include "core/san.h"
#include <ares.h>
#include <dlfcn.h>
#include <ev.h>
#include <stdlib.h>

/* returns, name, parameters, arguments */
#define EV_VALUES(X)                                            \
    X(struct ev_loop *, ev_loop_new, (unsigned flags), (flags)) \
    X(int, ev_run, (struct ev_loop * l, int flags), (l, flags)) \
    X(unsigned, ev_pending_count, (struct ev_loop * l), (l))    \
    X(void *, ev_userdata, (struct ev_loop * l), (l))

#define EV_VOIDS(X)                                                                  \
    X(ev_set_allocator, (void *(*resize)(void *at, long size)EV_NOEXCEPT), (resize)) \
    X(ev_loop_destroy, (struct ev_loop * l), (l))                                    \
    X(ev_loop_fork, (struct ev_loop * l), (l))                                       \
    X(ev_break, (struct ev_loop * l, int how), (l, how))                             \
    X(ev_set_userdata, (struct ev_loop * l, void *data), (l, data))                  \
    X(ev_io_start, (struct ev_loop * l, ev_io * w), (l, w))                          \
    X(ev_io_stop, (struct ev_loop * l, ev_io * w), (l, w))                           \
    X(ev_fork_start, (struct ev_loop * l, ev_fork * w), (l, w))                      \
    X(ev_fork_stop, (struct ev_loop * l, ev_fork * w), (l, w))                       \
    X(ev_set_loop_release_cb,                                                        \
      (struct ev_loop * l, void (*release)(struct ev_loop *) EV_NOEXCEPT,            \
       void (*acquire)(struct ev_loop *) EV_NOEXCEPT),                               \
      (l, release, acquire))

#define ARES_VALUES(X)                                                                           \
    X(int, ares_library_init, (int flags), (flags))                                              \
    X(int, ares_library_init_mem,                                                                \
      (int flags, void *(*get)(size_t n), void (*put)(void *p),                                  \
       void *(*resize)(void *p, size_t n)),                                                      \
      (flags, get, put, resize))                                                                 \
    X(int, ares_init_options, (ares_channel * channel, struct ares_options * options, int mask), \
      (channel, options, mask))                                                                  \
    X(int, ares_set_servers_ports, (ares_channel channel, struct ares_addr_port_node * servers), \
      (channel, servers))

#define ARES_VOIDS(X)                                                                       \
    X(ares_cancel, (ares_channel channel), (channel))                                       \
    X(ares_destroy, (ares_channel channel), (channel))                                      \
    X(ares_process_fd, (ares_channel channel, ares_socket_t in, ares_socket_t out),         \
      (channel, in, out))                                                                   \
    X(ares_query,                                                                           \
      (ares_channel channel, const char *name, int class, int type, ares_callback callback, \
       void *arg),                                                                          \
      (channel, name, class, type, callback, arg))                                          \
    X(ares_set_socket_functions,                                                            \
      (ares_channel channel, const struct ares_socket_functions *functions, void *arg),     \
      (channel, functions, arg))

static struct {
#define VALUE(type, name, params, args) type(*name) params;
#define VOID(name, params, args)        void(*name) params;
    EV_VALUES(VALUE) EV_VOIDS(VOID) ARES_VALUES(VALUE) ARES_VOIDS(VOID)
#undef VALUE
#undef VOID
} theirs;

/* Not exported: see the version script. */
#define VALUE(type, name, params, args) \
    type(name) params                   \
    {                                   \
        return theirs.name args;        \
    }
#define VOID(name, params, args) \
    void(name) params            \
    {                            \
        theirs.name args;        \
    }
EV_VALUES(VALUE)
EV_VOIDS(VOID)
ARES_VALUES(VALUE)
ARES_VOIDS(VOID)
#undef VALUE
#undef VOID

static void *open_one(const char *soname)
{
    /* a sanitizer's runtime that the program has brought along refuses the last */
    void *lib = dlopen(soname, RTLD_NOW | RTLD_LOCAL | (SAN ? 0 : RTLD_DEEPBIND));

    if (!lib) {
        report("%s, which libgosling-shim needs, cannot be loaded: %s", soname, dlerror());
        abort();
    }
    return lib;
}

static void *find(void *lib, const char *name)
{
    void *at = dlsym(lib, name);

    if (!at) {
        report("libgosling-shim needs %s, which is not there: %s", name, dlerror());
        abort();
    }
    return at;
}

/* Theirs is the library's: own.c. What they have from before is known by its address. */
static void *ev_resize(void *p, long n) EV_NOEXCEPT
{
    if (n > 0)
        return realloc(p, (size_t)n);
    free(p);
    return NULL;
}

static void *get(size_t n)
{
    return malloc(n);
}

static void put(void *p)
{
    free(p);
}

static void *resize(void *p, size_t n)
{
    return realloc(p, n);
}

/* Before anybody can run a scheduler. */
__attribute__((constructor)) static void load(void)
{
    void *ev = open_one("libev.so.4"), *ares = open_one("libcares.so.2");

#define VALUE(type, name, params, args) *(void **)(void *)&theirs.name = find(lib, #name);
#define VOID(name, params, args)        *(void **)(void *)&theirs.name = find(lib, #name);
    {
        void *lib = ev;

        EV_VALUES(VALUE)
        EV_VOIDS(VOID)
    }
    {
        void *lib = ares;

        ARES_VALUES(VALUE)
        ARES_VOIDS(VOID)
    }
#undef VALUE
#undef VOID
    ev_set_allocator(ev_resize);
    ares_library_init_mem(ARES_LIB_INIT_NONE, get, put, resize);
}
