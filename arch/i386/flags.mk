# SPDX-License-Identifier: MIT
#
# What gcc notes about an ABI that changed long ago.
arch_cflags := -Wno-psabi
