/* Functions of the C library for WebAssembly, in a tenth of the bytes of those that Zig links: what travels to every page
 * is worth more than their last bit and speed. They are linked in place of the others. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>

/* ---- qsort: a heapsort, in place --------------------------------------------------------- */

typedef int Compare(const void *, const void *);

static void swap(uint8_t *a, uint8_t *b, size_t size) {
  for (; size; size--, a++, b++) {
    uint8_t held = *a;
    *a = *b;
    *b = held;
  }
}

/* Lets the element at `at` sink in the heap of the first n. */
static void sink(uint8_t *base, size_t at, size_t n, size_t size, Compare *compare) {
  for (size_t child; (child = 2 * at + 1) < n; at = child) {
    if (child + 1 < n && compare(base + child * size, base + (child + 1) * size) < 0) child++;
    if (compare(base + at * size, base + child * size) >= 0) return;
    swap(base + at * size, base + child * size, size);
  }
}

void qsort(void *array, size_t n, size_t size, Compare *compare) {
  uint8_t *base = array;
  for (size_t at = n / 2; at-- > 0;) sink(base, at, n, size, compare);
  for (size_t last = n; last-- > 1;) {
    swap(base, base + last * size, size);
    sink(base, 0, last, size, compare);
  }
}

/* ---- sine and cosine of up to 1e5, to 1e-11: more than the float that they become holds ------ */

/* Their Taylor series about 0, up to a quarter of pi. */
static double sine(double x) {
  double square = x * x, sum = 1.0;
  for (int k = 14; k > 1; k -= 2) sum = 1.0 - square / (k * (k + 1)) * sum;
  return x * sum;
}

static double cosine(double x) {
  double square = x * x, sum = 1.0;
  for (int k = 15; k > 0; k -= 2) sum = 1.0 - square / (k * (k + 1)) * sum;
  return sum;
}

static double turned(double x, int quarters) {
  if (!(fabs(x) < 1e5)) return x - x; /* NaN stays, and nothing here is so large */
  double whole = rint(x * 0.63661977236758134308);
  double rest = x - whole * 1.57079632679489661923;
  switch (((int)whole + quarters) & 3) {
    case 0: return sine(rest);
    case 1: return cosine(rest);
    case 2: return -sine(rest);
    default: return -cosine(rest);
  }
}

double sin(double x) { return turned(x, 0); }

double cos(double x) { return turned(x, 1); }

/* ---- exp to 1e-13 and log to the last bit or two, without the tables of the others ---------- */

#define EACH(k) 1.0 / (k), 1.0 / (k + 1), 1.0 / (k + 2), 1.0 / (k + 3), 1.0 / (k + 4), 1.0 / (k + 5), 1.0 / (k + 6)
static const double INVERSE[] = {0.0, EACH(1), EACH(8), EACH(15)};

static double two_to(int64_t n) {
  union { uint64_t bits; double value; } power = {.bits = (uint64_t)(1023 + n) << 52};
  return power.value;
}

double exp(double x) {
  if (!(fabs(x) < 746.0)) return x > 0.0 ? HUGE_VAL : x < 0.0 ? 0.0 : x; /* NaN stays */
  int64_t n = (int64_t)rint(x * 1.44269504088896340736);
  double sum = 1.0, rest = x - n * 6.93147180369123816490e-01 - n * 1.90821492927058770002e-10;
  for (int k = 14; k > 0; k--) sum = 1.0 + rest * INVERSE[k] * sum;
  return sum * two_to(n / 2) * two_to(n - n / 2); /* either is a number, though both may be none */
}

double log(double x) {
  union { double value; uint64_t bits; } held = {x};
  int64_t n = 0;
  if (!(x > 0.0)) return x == 0.0 ? -HUGE_VAL : (x - x) / 0.0;
  if (!(x < HUGE_VAL)) return x;
  if (x < 0x1p-1022) held.value *= 0x1p54, n = -54;
  n += (int64_t)(held.bits >> 52) - 1023;
  held.bits = (held.bits & 0xFFFFFFFFFFFFF) | (uint64_t)1023 << 52; /* 1 to 2 ... */
  if (held.value > 1.41421356237309504880) held.value *= 0.5, n++; /* ... about 1 */
  double s = (held.value - 1.0) / (held.value + 1.0), square = s * s, sum = 0.0;
  for (int k = 21; k > 1; k -= 2) sum = square * (INVERSE[k] + sum);
  return n * 6.93147180369123816490e-01 + (2.0 * s + (2.0 * s * sum + n * 1.90821492927058770002e-10));
}

/* ---- pow: whole powers of ten, which is all that numbers in JSON and in files of words ask for -- */

double pow(double base, double exponent) {
  double power = 1.0;
  if (base != 10.0 || exponent != rint(exponent) || fabs(exponent) > 1e6) __builtin_trap();
  for (double n = fabs(exponent); n > 0.0 && power < HUGE_VAL; n--) power *= 10.0; /* exact up to 22 */
  return exponent < 0.0 ? 1.0 / power : power;
}

/* ---- texts: of words and of JSON, too short for the tables of the others ------------------- */

size_t strcspn(const char *text, const char *any) {
  for (size_t n = 0;; n++)
    for (const char *one = any;; one++) {
      if (text[n] == *one) return n;
      if (!*one) break;
    }
}

char *strpbrk(const char *text, const char *any) {
  text += strcspn(text, any);
  return *text ? (char *)text : NULL;
}

char *strchr(const char *text, int byte) {
  for (; *text != (char)byte; text++)
    if (!*text) return NULL;
  return (char *)text;
}

char *strstr(const char *text, const char *part) {
  for (;; text++) {
    size_t n = 0;
    while (part[n] && text[n] == part[n]) n++;
    if (!part[n]) return (char *)text;
    if (!*text) return NULL;
  }
}
