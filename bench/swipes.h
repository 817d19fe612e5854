/* Reads swipes: lines of "x y t_ms", an empty one behind each. Who includes this has MOST_SWIPES and MOST_POINTS. */
static edgectc_point points[MOST_SWIPES][MOST_POINTS];
static int32_t counts[MOST_SWIPES], n_swipes;

static void read_swipes(FILE *from) {
  char line[128];
  for (int32_t n = 0; from && n_swipes < MOST_SWIPES && fgets(line, sizeof line, from);) {
    edgectc_point *point = &points[n_swipes][n];
    if (sscanf(line, "%lf %lf %lf", &point->x, &point->y, &point->t_ms) == 3) n += n < MOST_POINTS - 1;
    else counts[n_swipes++] = n, n = 0;
  }
}
