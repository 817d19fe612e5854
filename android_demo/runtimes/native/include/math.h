/* What the engine uses of the C library, declared without an NDK. Bionic has all of it. */
#pragma once
#define HUGE_VAL __builtin_huge_val()
#define HUGE_VALF __builtin_huge_valf()
#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#define isfinite(x) __builtin_isfinite(x)
#define isnan(x) __builtin_isnan(x)
double sqrt(double);
double rint(double);
double fmin(double, double);
double floor(double);
float nextafterf(float, float);
double fabs(double);
double exp(double);
double expm1(double);
double log(double);
double log1p(double);
