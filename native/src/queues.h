/* Prefixes that wait, by their bound: a heap gives the best one, a queue one of nearly the best. */
#ifndef EDGECTC_QUEUES_H
#define EDGECTC_QUEUES_H

#include <stdlib.h>
#include <string.h>

#include "search.h"

typedef struct {          /* a prefix that waits to be grown */
  double bound;           /* lifted probability of starting with it, times its gain; above 0 */
  int32_t node, parent, letter; /* parent: a slot; of the first letters of tree i, -i */
  int32_t next;           /* in a queue: the one below it; -1 is none */
} Entry;

typedef struct {
  Entry *entries;
  int64_t size, room;
} Heap;

static int make_room(Heap *heap) {
  if (heap->size < heap->room) return DONE;
  int64_t room = heap->room ? 2 * heap->room : 256;
  Entry *grown = edgectc_more(heap->entries, room, 1, sizeof(Entry));
  if (!grown) return OUT_OF_MEMORY;
  heap->entries = grown;
  heap->room = room;
  return DONE;
}

static int push(Heap *heap, Entry entry) {
  if (make_room(heap)) return OUT_OF_MEMORY;
  int64_t i = heap->size++;
  while (i > 0 && heap->entries[(i - 1) / 2].bound < entry.bound) {
    heap->entries[i] = heap->entries[(i - 1) / 2];
    i = (i - 1) / 2;
  }
  heap->entries[i] = entry;
  return DONE;
}

static Entry pop(Heap *heap) {
  Entry top = heap->entries[0], last = heap->entries[--heap->size];
  int64_t i = 0;
  for (;;) {
    int64_t child = 2 * i + 1;
    if (child >= heap->size) break;
    if (child + 1 < heap->size && heap->entries[child + 1].bound > heap->entries[child].bound)
      child++;
    if (heap->entries[child].bound <= last.bound) break;
    heap->entries[i] = heap->entries[child];
    i = child;
  }
  heap->entries[i] = last;
  return top;
}

/* Stacks by the exponent of the bound and the two bits after it, so 0.17 nats apart: the order of a
 * heap is not worth its time where every prefix is grown that reaches the floor. */
#define STACKS (2048 << 2)

typedef struct {
  Heap held;              /* entries in no order */
  int32_t *tops;          /* (STACKS) places in held; -1 is none */
  int32_t best, least;    /* no stack above the one has any, nor below the other */
  int32_t unused;         /* places in held that are free again, linked by next */
} Queue;

/* Makes a queue that is empty, but for its room. A search that took all from its queue left the stacks empty, and said so by
 * their room: to empty them again would take their memory into the cache. */
static int empty(Queue *queue, Pool *pool) {
  size_t bytes = STACKS * sizeof(int32_t);
  if (!pool->arrays[TOPS].at) pool->arrays[TOPS].at = edgectc_room(STACKS, 1, sizeof(int32_t));
  queue->tops = pool->arrays[TOPS].at;
  if (!queue->tops) return OUT_OF_MEMORY;
  if (!pool->arrays[TOPS].room) memset(queue->tops, -1, bytes);
  pool->arrays[TOPS].room = 0;
  queue->held.size = 0;
  queue->best = queue->unused = -1;
  queue->least = STACKS;
  return DONE;
}

static int put(Queue *queue, Entry entry) {
  int32_t place = queue->unused;
  if (place >= 0) {
    queue->unused = queue->held.entries[place].next;
  } else {
    if (make_room(&queue->held)) return OUT_OF_MEMORY;
    place = (int32_t)queue->held.size++;
  }
  uint64_t bits;
  memcpy(&bits, &entry.bound, sizeof(bits));
  int32_t stack = (int32_t)(bits >> 50);
  entry.next = queue->tops[stack];
  queue->held.entries[place] = entry;
  queue->tops[stack] = place;
  if (stack > queue->best) queue->best = stack;
  if (stack < queue->least) queue->least = stack;
  return DONE;
}

/* Takes one of the stack of the highest bounds; 0 if there is none. */
static int take(Queue *queue, Entry *entry) {
  while (queue->best >= queue->least && queue->tops[queue->best] < 0) queue->best--;
  if (queue->best < queue->least) return 0;
  int32_t place = queue->tops[queue->best];
  *entry = queue->held.entries[place];
  queue->tops[queue->best] = entry->next;
  queue->held.entries[place].next = queue->unused;
  queue->unused = place;
  return 1;
}

#endif
