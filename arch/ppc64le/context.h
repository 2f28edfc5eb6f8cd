/* SPDX-License-Identifier: MIT
 *
 * PowerPC of 64 bits, little-endian, ABI ELFv2: as the other one, whose code is written for
 * both. */
#include "arch/ppc64/context.h"
