# SPDX-License-Identifier: MIT
#
# Landing pads, and signed return addresses, which the property note of the assembly claims. Older
# processors pass over both.
arch_cflags := -mbranch-protection=standard
# Atomic instructions of Armv8.1 where the processor has them, by one test; gcc's default, and not
# every compiler's.
arch_cflags += -moutline-atomics
