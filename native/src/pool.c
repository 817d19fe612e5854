/* Memory of searches; see search.h. */
#include "light.h"

#include <string.h>

#include "search.h"

#ifndef BLOCK
#define BLOCK 31744      /* doubles that are taken from memory at once */
#define KEPT_BLOCKS 8    /* blocks that stay */
#endif

double *edgectc_next_block(Pool *pool, int64_t n) {
  int64_t next = pool->size ? pool->now + 1 : 0, fits = next;
  while (fits < pool->size && pool->blocks[fits].size < n) fits++;
  if (fits >= pool->size) {
    int64_t size = n > BLOCK ? n : BLOCK;
    Block *blocks = edgectc_more(pool->blocks, pool->size + 1, 1, sizeof(Block));
    if (!blocks) return NULL;
    pool->blocks = blocks;
    double *at = edgectc_room(size, 1, sizeof(double));
    if (!at) return NULL;
    blocks[pool->size++] = (Block){at, size};
    fits = pool->size - 1;
  }
  Block block = pool->blocks[fits]; /* the ones that are too small come later */
  pool->blocks[fits] = pool->blocks[next];
  pool->blocks[next] = block;
  pool->now = next;
  pool->used = n;
  return block.at;
}

void *edgectc_take(Pool *pool, int64_t rows, int64_t columns, size_t size) {
  size_t bytes = edgectc_bytes((uint64_t)rows, (uint64_t)columns, size, SIZE_MAX / 2);
  return bytes ? edgectc_doubles(pool, (int64_t)((bytes + sizeof(double) - 1) / sizeof(double))) : NULL;
}

void edgectc_pool_trim(Pool *pool) {
  while (pool->size > KEPT_BLOCKS && pool->size > pool->now + 1) free(pool->blocks[--pool->size].at);
}

void edgectc_pool_close(Pool *pool) {
  while (pool->size) free(pool->blocks[--pool->size].at);
  free(pool->blocks);
  for (int i = 0; i < ARRAYS; i++) free(pool->arrays[i].at);
  memset(pool, 0, sizeof *pool);
}

void edgectc_sort(void *values, size_t n, size_t size, int (*compare)(const void *, const void *), void *room) {
  char *value = values, *sorted = room;
  const char **from = (const char **)(sorted + n * size), **to = from + n; /* pointers are moved faster */
  for (size_t i = 0; i < n; i++) from[i] = value + i * size;
  for (size_t width = 1; width < n; width *= 2) { /* merges neighbours, each of so many in order */
    for (size_t start = 0; start < n; start += 2 * width) {
      size_t middle = n - start < width ? n : start + width, end = n - start < 2 * width ? n : start + 2 * width;
      for (size_t i = start, j = middle, k = start; k < end; k++) {
        int left = i < middle && (j == end || compare(from[i], from[j]) <= 0);
        to[k] = from[left ? i++ : j++];
      }
    }
    const char **swap = from;
    from = to, to = swap;
  }
  for (size_t i = 0; i < n; i++) memcpy(sorted + i * size, from[i], size);
  if (n) memcpy(values, sorted, n * size);
}

#include "cold_end.h"
