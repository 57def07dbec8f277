# SPDX-License-Identifier: GPL-2.0
# breaks: 9, a search takes the same time however much is lent
# file: kernel/dma/swiotlb.c
# tests: burst.sh
/^static unsigned int swiotlb_skip_closed(/,/^}/ s/if (!test_bit(segment, pool->closed))/if (true)/
