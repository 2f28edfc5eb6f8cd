/* SPDX-License-Identifier: MIT */
#include "../../ppc64/test/registers.S"
