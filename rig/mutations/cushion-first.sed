# SPDX-License-Identifier: GPL-2.0
# breaks: section 5, the cushion is used last
# file: mm/page_alloc.c
# tests: cushion.sh
/^__rmqueue(struct zone/,/^}/ s/zone_swiotlb_cushion(zone)/0/
