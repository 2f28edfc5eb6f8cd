/* SPDX-License-Identifier: MIT
 *
 * gosling: green threads for programs that wait a lot. This header includes all the others. */
#ifndef GOSLING_H
#define GOSLING_H

#include <gosling/barrier.h>
#include <gosling/breaker.h>
#include <gosling/bucket.h>
#include <gosling/chan.h>
#include <gosling/cond.h>
#include <gosling/connpool.h>
#include <gosling/dump.h>
#include <gosling/error.h>
#include <gosling/event.h>
#include <gosling/fiber.h>
#include <gosling/future.h>
#include <gosling/io.h>
#include <gosling/limiter.h>
#include <gosling/map.h>
#include <gosling/mutex.h>
#include <gosling/net.h>
#include <gosling/nursery.h>
#include <gosling/offload.h>
#include <gosling/once.h>
#include <gosling/process.h>
#include <gosling/queue.h>
#include <gosling/resolve.h>
#include <gosling/retry.h>
#include <gosling/ring.h>
#include <gosling/run.h>
#include <gosling/rwlock.h>
#include <gosling/scope.h>
#include <gosling/select.h>
#include <gosling/sem.h>
#include <gosling/shim.h>
#include <gosling/signals.h>
#include <gosling/stats.h>
#include <gosling/stream.h>
#include <gosling/sync.h>
#include <gosling/task.h>
#include <gosling/time.h>
#include <gosling/window.h>

#include <netdb.h>

#endif
