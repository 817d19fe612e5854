/* The lexicon decoder for hosts without Python: a browser, a phone. See docs/host_contract.md.
 *
 * One engine holds a lexicon, a language model, a layout's columns, the user's words and a context, and
 * ranks words. It keeps no global state; one thread may use an engine at a time. Texts are UTF-8 and
 * end in a zero byte. Functions that return int32_t return a negative number when they fail, and
 * change nothing then; edgectc_engine_error says why.
 */
#ifndef EDGECTC_ENGINE_H
#define EDGECTC_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define EDGECTC_API __declspec(dllexport)
#else
#define EDGECTC_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Engine Engine;

enum {
  EDGECTC_OK = 0,
  EDGECTC_NO_MEMORY = -1,
  EDGECTC_BAD_INPUT = -2, /* what was given, or that something was not given yet */
};

enum { /* figures of a found word */
  EDGECTC_SCORE = 0,          /* natural log */
  EDGECTC_PROBABILITY = 1,    /* share of exp(score / temperature) among the words compared */
  EDGECTC_POSTERIOR_LOW = 2,  /* share among all words: proven bounds; NaN where there are none */
  EDGECTC_POSTERIOR_HIGH = 3,
  EDGECTC_EXACT = 4,          /* 1 if no better word was missed */
};

/* Returns a new engine with the default options, or NULL. */
EDGECTC_API Engine *edgectc_engine_new(void);
EDGECTC_API void edgectc_engine_free(Engine *engine);

/* Returns why the last call failed, to show to people; never NULL. */
EDGECTC_API const char *edgectc_engine_error(const Engine *engine);

/* Takes a packed lexicon (docs/lexicon_format.md) as it lies in memory, aligned to 8 bytes. It is
 * checked whole, not copied: the bytes MUST stay, unchanged, as long as the engine. */
EDGECTC_API int32_t edgectc_engine_lexicon(Engine *engine, const uint8_t *bytes, size_t size);

/* Takes a language model (docs/lm_format.md) in the same way. NULL takes it away. */
EDGECTC_API int32_t edgectc_engine_language_model(Engine *engine, const uint8_t *bytes, size_t size);

/* Sets an option of the decoder preset, e.g. "lm_weight"; NaN stands for null. An unknown name is
 * refused, as a preset that is half understood would rank wrongly. */
EDGECTC_API int32_t edgectc_engine_option(Engine *engine, const char *name, double value);

/* Says what the n columns of log_probs mean: the code point of a letter, 0 for a column without
 * meaning, -1 for the blank. Every letter of the lexicon must have a column. `centres` (n, 2) holds
 * where its key lies, in the letter area, and `width`, `height` the size of a key; NULL where there
 * are no keys. Both are copied. */
EDGECTC_API int32_t edgectc_engine_columns(Engine *engine, const int32_t *symbols,
                                           const double *centres, int32_t n, double width,
                                           double height);

/* Says what the user taught about a word: uses, nats to add, never to be shown. All 0: nothing.
 * `spelled` is how it is swiped, in letters of the lexicon; the caller makes it (see the contract). */
EDGECTC_API int32_t edgectc_engine_word(Engine *engine, const char *text, const char *spelled,
                                        double count, double boost, int32_t hidden);

/* Sets what one use of a word adds to its share of running text; 1e-5 if never called. */
EDGECTC_API int32_t edgectc_engine_share(Engine *engine, double share);

/* Sets the words before the next one: in normal form, one line feed between; "" for none. */
EDGECTC_API int32_t edgectc_engine_context(Engine *engine, const char *words);

/* Sets where the finger went, for template_weight, for the next search alone: the network's own input,
 * (length, 3) x, y in the letter area and t. It is copied. */
EDGECTC_API int32_t edgectc_engine_trace(Engine *engine, const float *trace, int32_t length);

/* Ranks words of log_probs (frames, n) and returns how many were found, at most nbest. `unfinished`:
 * the signal goes on; rank by the probability that it spells a word or any beginning of it. */
EDGECTC_API int32_t edgectc_engine_search(Engine *engine, const float *log_probs, int32_t frames,
                                          int32_t nbest, int32_t unfinished);

/* Return what the last search found; NULL and NaN for a place that it did not fill. */
EDGECTC_API const char *edgectc_engine_text(const Engine *engine, int32_t place);
EDGECTC_API double edgectc_engine_figure(const Engine *engine, int32_t place, int32_t figure);

#ifdef __cplusplus
}
#endif

#endif
