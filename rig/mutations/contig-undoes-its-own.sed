# SPDX-License-Identifier: GPL-2.0
# breaks: The pageblock type, only evacuation isolates a pageblock, and it keeps its type
# file: mm/page_alloc.c
# tests: kunit
/^int alloc_contig_range_noprof(/,/^}/ { /if (ret)$/ { n; s/^\t\treturn ret;$/\t\tgoto done;/ } }
