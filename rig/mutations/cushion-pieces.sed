# SPDX-License-Identifier: GPL-2.0
# breaks: The cushion, free lent memory in pieces does not count for what is larger
# file: mm/swiotlb_cushion.h
# tests: kunit
/^static inline bool zone_counts_lent_pieces(/,/^}/ s/return above <= counted/return false \&\& above <= counted/
