/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM swiotlb_reclaim

#if !defined(_TRACE_SWIOTLB_RECLAIM_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_SWIOTLB_RECLAIM_H

#include <linux/types.h>
#include <linux/tracepoint.h>

DECLARE_EVENT_CLASS(swiotlb_segment,

	TP_PROTO(unsigned int segment, unsigned long pfn),

	TP_ARGS(segment, pfn),

	TP_STRUCT__entry(
		__field(unsigned int, segment)
		__field(unsigned long, pfn)
	),

	TP_fast_assign(
		__entry->segment = segment;
		__entry->pfn = pfn;
	),

	TP_printk("segment=%u pfn=0x%lx", __entry->segment, __entry->pfn)
);

/* A segment has been given to the page allocator */
DEFINE_EVENT(swiotlb_segment, swiotlb_lend,
	TP_PROTO(unsigned int segment, unsigned long pfn),
	TP_ARGS(segment, pfn)
);

/* A free segment has been taken from the page allocator's free list */
DEFINE_EVENT(swiotlb_segment, swiotlb_take_free,
	TP_PROTO(unsigned int segment, unsigned long pfn),
	TP_ARGS(segment, pfn)
);

/* A pageblock is isolated, to migrate what is in its lent segments */
TRACE_EVENT(swiotlb_evacuate_start,

	TP_PROTO(unsigned long pfn, unsigned int wanted),

	TP_ARGS(pfn, wanted),

	TP_STRUCT__entry(
		__field(unsigned long, pfn)
		__field(unsigned int, wanted)
	),

	TP_fast_assign(
		__entry->pfn = pfn;
		__entry->wanted = wanted;
	),

	TP_printk("pfn=0x%lx wanted=%u", __entry->pfn, __entry->wanted)
);

/* The pageblock is not isolated any more, taken segments are owned */
TRACE_EVENT(swiotlb_evacuate_finish,

	TP_PROTO(unsigned long pfn, unsigned int wanted, unsigned int taken),

	TP_ARGS(pfn, wanted, taken),

	TP_STRUCT__entry(
		__field(unsigned long, pfn)
		__field(unsigned int, wanted)
		__field(unsigned int, taken)
	),

	TP_fast_assign(
		__entry->pfn = pfn;
		__entry->wanted = wanted;
		__entry->taken = taken;
	),

	TP_printk("pfn=0x%lx wanted=%u taken=%u",
		  __entry->pfn, __entry->wanted, __entry->taken)
);

/* A segment could not be emptied, for now, or a pageblock not be isolated */
TRACE_EVENT(swiotlb_evacuate_busy,

	TP_PROTO(unsigned long pfn, int error),

	TP_ARGS(pfn, error),

	TP_STRUCT__entry(
		__field(unsigned long, pfn)
		__field(int, error)
	),

	TP_fast_assign(
		__entry->pfn = pfn;
		__entry->error = error;
	),

	TP_printk("pfn=0x%lx error=%d", __entry->pfn, __entry->error)
);

#endif /* _TRACE_SWIOTLB_RECLAIM_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
