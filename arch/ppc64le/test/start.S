/* SPDX-License-Identifier: MIT */
#include "../../ppc64/test/start.S"
