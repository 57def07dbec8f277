# SPDX-License-Identifier: GPL-2.0
# breaks: The cushion, quick checks of the watermark count it for none either
# file: mm/page_alloc.c
# tests: kunit
/^static void __setup_per_zone_wmarks(/,/^}/ s/zone_set_kept_free_at_most(zone);/;/
