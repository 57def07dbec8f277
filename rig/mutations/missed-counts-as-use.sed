# SPDX-License-Identifier: GPL-2.0
# breaks: policy, what mappings asked for in vain counts as use
# file: mm/swiotlb_reclaim.c
# tests: missed.sh
s/sum += min(sum, reclaim\.unserved);/sum += 0;/
