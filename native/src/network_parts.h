/* A network that is open: the model, what it computes in, and its steps. */
#ifndef EDGECTC_NETWORK_PARTS_H
#define EDGECTC_NETWORK_PARTS_H

#include "network.h"

/* A value's memory: rows of `row` floats; frame 0 is row `padding`, and what lies before it is 0. */
typedef struct {
  float *at;
  size_t row;
} Rows;

/* Of the step that makes features and of the one that scores keys, see network_swipe.c. */
typedef struct {
  int32_t n; /* keys in use */
  int32_t *slot;
  float *x, *y, *mask;        /* centres in key units; the blank has mask 1, behind the keys */
  float *in_codes, *out_codes; /* panels: (n, key_in), (key_out, n + 1) */
  float *work, *near, *scores, *zeros;
  float center[2], unit[2];
  int ready;
} Keys;

struct edgectc_network {
  Model *model;
  const Kernels *kernels;
  void *memory;
  Rows values[MOST_VALUES];
  int32_t *sums[MOST_STEPS]; /* of the columns of int8 weights */
  uint8_t *codes;
  Keys keys;
  char error[WHY];
};

static inline size_t edgectc_across(size_t columns) { return (columns + PANEL - 1) / PANEL * PANEL; }

/* Says whether all of n numbers are finite and small enough to be squared. */
int edgectc_usable(const float *values, size_t n);

/* Adds to `size` what the keys need; with `memory`, lays them there. `size` is in floats. */
void edgectc_keys_memory(struct edgectc_network *network, float *memory, uint64_t *size);

/* Computes what depends on the layout alone. */
void edgectc_keys_codes(struct edgectc_network *network, const float *centers, const float *mask,
                        const float size[2]);

/* Features of n frames (n, 3) into the value of the first step. */
void edgectc_swipe_features(struct edgectc_network *network, const float *frames, int32_t n);

/* log_probs (n, columns) of n rows at `in`. Says whether all scores were usable: bounding them would
 * hide what is not finite. */
int edgectc_key_scores(struct edgectc_network *network, const Step *step, const float *in,
                        size_t row, int32_t n, float *log_probs);

#endif
