# SPDX-License-Identifier: MIT
#
# Landing pads at indirect jump targets, which the property note of the assembly claims, and no
# shadow stack, which the switch does not switch.
arch_cflags := -fcf-protection=branch
# Structures of some 100 bytes are cleared by vector stores; tuned for "generic", gcc uses rep stos,
# which is slow to begin (measured: a quarter of a spawn).
arch_cflags += -mtune=skylake
# No red zone: under the shim a system call of the library's may become a call (syscall.h).
arch_cflags += -mno-red-zone
