# SPDX-License-Identifier: GPL-2.0
# breaks: Lending back, what was missed is there when it is asked for again
# file: mm/swiotlb_reclaim.c
# tests: kunit
/^static void sample_use(/,/^}/ s/sum += min(max(sum, IO_TLB_SEGSIZE), reclaim\.unserved);/sum += 0;/
