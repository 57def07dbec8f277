# SPDX-License-Identifier: GPL-2.0
# breaks: Evacuation, evacuation gets on while tasks that reclaim have isolated much
# file: mm/swiotlb_reclaim.c
# tests: kunit
/^static int evacuate_segment(/,/^}/ s/if (ret == -EAGAIN)/if (false)/
