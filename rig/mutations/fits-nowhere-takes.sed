# SPDX-License-Identifier: GPL-2.0
# breaks: Taking free memory in a mapping, what may not fit in an empty segment takes none
# file: kernel/dma/swiotlb.c
# tests: kunit
/^static noinline int swiotlb_search_taken(/,/^}/ s/nslots + slack > get_max_slots/nslots > get_max_slots/
