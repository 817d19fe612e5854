/* The options of the lexicon decoder, as edgectc/decoding/search/options.py declares them. Made by
 * `python native/build.py options`: edit that file, not this one. */
#ifndef EDGECTC_OPTIONS_H
#define EDGECTC_OPTIONS_H

#include <math.h>
#include <stddef.h>

typedef struct { /* NaN stands for null */
  double lm_weight;
  double letter_score;
  double acoustic_scale;
  double blank_penalty;
  double context_weight;
  double template_weight;
  double temperature;
  double rescore_size;
  double margin;
  double unknown_score;
  double unknown_letter_score;
  double no_word_score;
  double posterior_width;
  double budget;
  double beam_size;
} Options;

typedef struct {
  const char *name, *now; /* now: what it is called today, NULL if so */
  size_t offset;          /* in Options */
  double least, most;
  int above, whole, nullable; /* above: `least` itself is too low; whole: no fraction */
} Option;

static const Option OPTIONS[] = {
  {"lm_weight", NULL, offsetof(Options, lm_weight), 0.0, 1000000.0, 0, 0, 0},
  {"letter_score", NULL, offsetof(Options, letter_score), -1000000.0, 1000000.0, 0, 0, 0},
  {"acoustic_scale", NULL, offsetof(Options, acoustic_scale), 0.0, 1000000.0, 1, 0, 0},
  {"blank_penalty", NULL, offsetof(Options, blank_penalty), -1000000.0, 1000000.0, 0, 0, 0},
  {"context_weight", NULL, offsetof(Options, context_weight), 0.0, 1000000.0, 0, 0, 0},
  {"template_weight", NULL, offsetof(Options, template_weight), 0.0, 1000000.0, 0, 0, 0},
  {"temperature", NULL, offsetof(Options, temperature), 0.0, 1000000.0, 1, 0, 0},
  {"rescore_size", NULL, offsetof(Options, rescore_size), 1.0, 100000.0, 0, 1, 0},
  {"weighed", "rescore_size", offsetof(Options, rescore_size), 1.0, 100000.0, 0, 1, 0},
  {"margin", NULL, offsetof(Options, margin), 0.0, HUGE_VAL, 1, 0, 1},
  {"unknown_score", NULL, offsetof(Options, unknown_score), -1000000.0, 1000000.0, 0, 0, 1},
  {"unknown_letter_score", NULL, offsetof(Options, unknown_letter_score), -1000000.0, 1000000.0, 0, 0, 0},
  {"no_word_score", NULL, offsetof(Options, no_word_score), -1000000.0, 1000000.0, 0, 0, 1},
  {"posterior_width", NULL, offsetof(Options, posterior_width), 0.0, 1.0, 1, 0, 1},
  {"budget", NULL, offsetof(Options, budget), 1.0, 1000000000.0, 0, 1, 0},
  {"beam_size", NULL, offsetof(Options, beam_size), 1.0, 1000000.0, 0, 1, 0},
};

#define DEFAULT_OPTIONS ((Options){ \
    .lm_weight = 1.0, \
    .letter_score = 0.0, \
    .acoustic_scale = 1.0, \
    .blank_penalty = 0.0, \
    .context_weight = 0.5, \
    .template_weight = 0.0, \
    .temperature = 1.0, \
    .rescore_size = 1.0, \
    .margin = NAN, \
    .unknown_score = NAN, \
    .unknown_letter_score = -3.0, \
    .no_word_score = NAN, \
    .posterior_width = 1.0, \
    .budget = 20000.0, \
    .beam_size = 128.0})

#endif
