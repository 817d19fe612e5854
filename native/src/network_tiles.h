/* Products in tiles of ROWS rows and PANELS panels that stay in registers. Included once an
 * instruction set, which defines NAME, TARGET, ROWS, PANELS and
 *   FLOATS             a vector of WIDTH floats, a divisor of PANEL
 *   LOAD STORE ALL     from and to memory, one value everywhere
 *   MULTIPLY_ADD(a, b, c), TIMES, PLUS, GREATER, LESSER
 *   MORE_ROWS(tile, pieces)  further cases of ROWS_OF
 *   FITTING(rows)      the most rows up to these that are a case; all are, where it is not defined
 * and, where it has products of bytes (HAS_INT8), INTEGERS of WIDTH int32,
 *   LOAD_INT8          WIDTH columns of four weights
 *   ALL_INT8           four codes everywhere
 *   DOT(sum, codes, weights), NO_INTEGERS, REST(sum, zero, sums), TO_FLOATS(sum)
 *   PIECES_INT8        vectors of columns in a tile, where not all of PANELS
 *   STORE_CODES(out, floats, zero, levels)  nearest codes, bounded by 0 and `levels`.
 * A set that differs from another in its products of bytes alone is included after that one, with other names and
 * ONLY_INTEGERS. */

#ifndef ONLY_INTEGERS
#define PIECES (PANEL / WIDTH)
#define MOST_PIECES (PANELS * PIECES)
#ifndef PIECES_INT8
#define PIECES_INT8 MOST_PIECES
#endif
#define INLINE static inline __attribute__((always_inline))
#endif

/* Adds what `out` holds and rectifies, as the flags say, and stores. */
TARGET INLINE void NAME(put)(float *out, FLOATS value, int32_t flags) {
  if (flags & FLAG_ADD) value = PLUS(value, LOAD(out));
  if (flags & FLAG_RELU) value = GREATER(value, ALL(0.0f));
  STORE(out, value);
}

#ifndef ONLY_INTEGERS
TARGET INLINE void NAME(tile)(const Products *p, int32_t first, int32_t column, const int rows,
                              const int pieces) {
  size_t panel = (size_t)p->taps * (size_t)p->depth * PANEL;
  const float *weights = p->weights + (size_t)(column / PANEL) * panel;
  const float *in = p->in + first * p->row;
  FLOATS sum[ROWS][MOST_PIECES];
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 16
    for (int v = 0; v < pieces; v++) sum[r][v] = LOAD(p->bias + column + v * WIDTH);
  for (int32_t k = 0; k < p->taps; k++, in += p->tap)
    for (int32_t c = 0; c < p->depth; c++, weights += PANEL) {
      FLOATS weight[MOST_PIECES];
#pragma GCC unroll 16
      for (int v = 0; v < pieces; v++)
        weight[v] = LOAD(weights + (size_t)(v / PIECES) * panel + v % PIECES * WIDTH);
#pragma GCC unroll 16
      for (int r = 0; r < rows; r++) {
        FLOATS value = ALL(in[r * p->row + c]);
#pragma GCC unroll 16
        for (int v = 0; v < pieces; v++) sum[r][v] = MULTIPLY_ADD(value, weight[v], sum[r][v]);
      }
    }
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 16
    for (int v = 0; v < pieces; v++)
      NAME(put)(p->out + (first + r) * p->out_row + column + v * WIDTH, sum[r][v], p->flags);
}

#endif

#ifdef HAS_INT8
TARGET INLINE void NAME(tile_int8)(const IntegerProducts *p, int32_t first, int32_t column,
                                   const int rows, const int pieces) {
  size_t panel = (size_t)p->taps * (size_t)p->depth * PANEL;
  const int8_t *weights = p->weights + (size_t)(column / PANEL) * panel + column % PANEL * 4;
  const uint8_t *in = p->in + first * p->row;
  INTEGERS sum[ROWS][MOST_PIECES];
#pragma GCC unroll 16
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 16
    for (int v = 0; v < pieces; v++) sum[r][v] = NO_INTEGERS;
  for (int32_t k = 0; k < p->taps; k++, in += p->tap)
    for (int32_t c = 0; c < p->depth; c += 4, weights += 4 * PANEL) {
      INTEGERS weight[MOST_PIECES];
#pragma GCC unroll 16
      for (int v = 0; v < pieces; v++)
        weight[v] = LOAD_INT8(weights + (size_t)(v / PIECES) * panel + v % PIECES * WIDTH * 4);
#pragma GCC unroll 16
      for (int r = 0; r < rows; r++) {
        int32_t four;
        memcpy(&four, in + r * p->row + c, sizeof four);
        INTEGERS codes = ALL_INT8(four);
#pragma GCC unroll 16
        for (int v = 0; v < pieces; v++) sum[r][v] = DOT(sum[r][v], codes, weight[v]);
      }
    }
#pragma GCC unroll 16
  for (int v = 0; v < pieces; v++) {
    int32_t at = column + v * WIDTH;
    FLOATS scale = TIMES(LOAD(p->scale + at), ALL(p->step)), bias = LOAD(p->bias + at);
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++) {
      FLOATS exact = TO_FLOATS(REST(sum[r][v], p->zero, p->sums + at));
      NAME(put)(p->out + (first + r) * p->out_row + at, MULTIPLY_ADD(exact, scale, bias), p->flags);
    }
  }
}

#ifndef ONLY_INTEGERS
TARGET static void NAME(quantize)(const float *in, size_t n, int32_t levels, uint8_t *out,
                                  float *step, int32_t *zero) {
  FLOATS low = ALL(0.0f), high = ALL(0.0f);
  for (size_t i = 0; i < n; i += WIDTH) {
    FLOATS value = LOAD(in + i); /* second operand where one is NaN */
    low = LESSER(value, low);
    high = GREATER(value, high);
  }
  float lows[WIDTH], highs[WIDTH], least = 0.0f, most = 0.0f;
  STORE(lows, low);
  STORE(highs, high);
  for (int i = 0; i < WIDTH; i++) {
    least = lows[i] < least ? lows[i] : least;
    most = highs[i] > most ? highs[i] : most;
  }
  *step = edgectc_code_step(least, most, levels, zero);
  FLOATS inverse = ALL(1.0f / *step);
  for (size_t i = 0; i < n; i += WIDTH)
    STORE_CODES(out + i, TIMES(LOAD(in + i), inverse), *zero, levels);
}
#endif
#endif

#ifndef ONLY_INTEGERS
/* Calls `tile` with numbers that the compiler knows, so that no sum leaves its register. */
#define ROW_CASE(tile, pieces, n) \
  case n: tile(p, first, column, n, pieces); break;
#define ROWS_OF(tile, pieces)                      \
  switch (rows) {                                  \
    ROW_CASE(tile, pieces, 1)                      \
    MORE_ROWS(tile, pieces)                        \
    default: tile(p, first, column, ROWS, pieces); \
  }

#ifndef FITTING
#define FITTING(rows) (rows)
#endif

/* The last columns of a width that is no multiple are few: one vector, and three cases are enough. */
#define FEW (ROWS / 3)
_Static_assert(MOST_PIECES != 2 || FEW > 1, "a tile of two vectors has six rows or more");
#define NARROW_ROWS_OF(tile)                            \
  rows = left >= ROWS ? ROWS : left >= FEW ? FEW : 1;   \
  switch (rows) {                                       \
    ROW_CASE(tile, 1, 1)                                \
    ROW_CASE(tile, 1, FEW)                              \
    default: tile(p, first, column, ROWS, 1);           \
  }

/* Goes over all tiles: as many rows in each as in the others, or one less. */
#define ALL_TILES(tile, pieces)                                                 \
  for (int32_t column = 0; column < p->columns; column += (pieces) * WIDTH)     \
    for (int32_t first = 0, rows; first < p->rows; first += rows) {             \
      int32_t left = p->rows - first, tiles = (left + ROWS - 1) / ROWS;         \
      rows = left / tiles;                                                      \
      rows = FITTING(rows);                                                     \
      if (MOST_PIECES == 2 && p->columns - column <= WIDTH) {                   \
        NARROW_ROWS_OF(tile)                                                    \
      } else {                                                                  \
        ROWS_OF(tile, pieces)                                                   \
      }                                                                         \
    }

TARGET static void NAME(products)(const Products *p) { ALL_TILES(NAME(tile), MOST_PIECES) }
#endif

#ifdef HAS_INT8
TARGET static void NAME(integers)(const IntegerProducts *p) { ALL_TILES(NAME(tile_int8), PIECES_INT8) }
#endif
