# SPDX-License-Identifier: MIT
#
# Atomic operations on 64 bits are functions where the processor may be older than Armv6K.
arch_ldlibs := -Wl,--push-state,--as-needed -latomic -Wl,--pop-state
