/* SPDX-License-Identifier: MIT */
#include "arch/ppc64/syscall.h"
