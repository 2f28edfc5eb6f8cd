# SPDX-License-Identifier: MIT
#
# Atomic operations on one byte are functions for compilers before gcc 13.
arch_ldlibs := -Wl,--push-state,--as-needed -latomic -Wl,--pop-state
