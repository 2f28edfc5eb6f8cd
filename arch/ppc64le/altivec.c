/* SPDX-License-Identifier: MIT
 *
 * Vectors are part of the ABI's processors; asking costs nothing. */
#include "arch/ppc64/altivec.c"
