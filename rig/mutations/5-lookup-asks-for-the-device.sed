# SPDX-License-Identifier: GPL-2.0
# breaks: 5, another device's bounce buffer is not released
# file: kernel/dma/swiotlb.c
# tests: kunit
/^bool swiotlb_is_mapped_by(/,/^}/ {
	s/if (likely(data_race(\(.*owner\)) ==$/if (\1)/
	/^\t\t   swiotlb_owner(dev)))$/d
}
