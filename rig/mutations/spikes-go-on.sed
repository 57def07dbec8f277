# SPDX-License-Identifier: GPL-2.0
# breaks: Lending back, two spikes are no use that goes on
# file: mm/swiotlb_reclaim.c
# tests: kunit
s/^#define PEAK_TIMES.*/#define PEAK_TIMES	3/
