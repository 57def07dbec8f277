# SPDX-License-Identifier: GPL-2.0
# breaks: The cushion, reclaim of lent memory only is no progress for others
# file: mm/page_alloc.c
# tests: out_of_memory.sh
/^__alloc_pages_slowpath(/,/^}/ s/if (counts \&\& lent_loops > LENT_LOOPS_MAX)/if (false)/
