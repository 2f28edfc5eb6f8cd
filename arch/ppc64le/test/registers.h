/* SPDX-License-Identifier: MIT
 *
 * As with the other byte order. */
#include "arch/ppc64/test/registers.h"
