# SPDX-License-Identifier: GPL-2.0
# breaks: Evacuation, back-off: only success of evacuation itself ends its pause
# file: mm/swiotlb_reclaim.c
# tests: kunit
/^static unsigned int take_segments(/,/^}/ s/backoff && evacuated/backoff \&\& taken/
