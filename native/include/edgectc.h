/* The lexicon decoder as a C library: what Python, a browser and a phone run. See docs/host_contract.md.
 *
 * One engine holds a lexicon, a language model, a layout's columns, the user's words and a context, and
 * ranks words. It keeps no global state; one thread may use an engine at a time. Texts are UTF-8 and
 * end in a zero byte. Functions that return int32_t return a negative number when they fail, and
 * change nothing then; edgectc_engine_error says why.
 */
#ifndef EDGECTC_H
#define EDGECTC_H

#include <stddef.h>
#include <stdint.h>

#if defined(EDGECTC_API) /* as nothing, in a library that hides this one */
#elif defined(_WIN32)
#define EDGECTC_API __declspec(dllexport)
#else
#define EDGECTC_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define EDGECTC_ABI 3 /* counts what a caller compiled against an older header must know */

typedef struct edgectc_engine edgectc_engine;

enum {
  EDGECTC_OK = 0,
  EDGECTC_RENAMED = 1,    /* taken; edgectc_engine_error says what the option is called now */
  EDGECTC_NO_MEMORY = -1,
  EDGECTC_BAD_INPUT = -2, /* what was given, or that something was not given yet */
  EDGECTC_TOO_WIDE = -3,  /* the words' weights lie over 600 nats apart: no bound can hold them */
  EDGECTC_CANCELLED = -4, /* by another thread */
};

enum { /* figures of a ranked word; NaN where there is none */
  EDGECTC_SCORE = 0,          /* natural log */
  EDGECTC_PROBABILITY = 1,    /* share of exp(score / temperature) among the words compared */
  EDGECTC_POSTERIOR_LOW = 2,  /* share among all words: proven bounds */
  EDGECTC_POSTERIOR_HIGH = 3,
  EDGECTC_EXACT = 4,          /* 1 if no better word was missed */
  EDGECTC_CTC = 5,            /* the terms of the score, before weighting: log P of the letters */
  EDGECTC_LEXICON = 6,        /* log of its share of running text, as the user's words change it */
  EDGECTC_CONTEXT = 7,        /* log P(word | context) - log P(word) */
  EDGECTC_TEMPLATE = 8,       /* keys by which the trace misses its letters, below 0 */
  EDGECTC_FIGURES = 9,        /* how many there are before */
  EDGECTC_HOTWORD = 9,        /* nats as a hotword; edgectc_engine_figure alone tells it */
};

/* Returns EDGECTC_ABI of the library. */
EDGECTC_API uint32_t edgectc_abi(void);

/* Returns a new engine with the default options, or NULL. */
EDGECTC_API edgectc_engine *edgectc_engine_new(void);

/* Returns another engine over the lexicon, language model, options and columns of this one, for another
 * thread, or NULL. Both may search at once. While it lives, options and language model of both are
 * fixed, and making and freeing engines of one lexicon is for one thread at a time. The user's words
 * and the context are each engine's own. */
EDGECTC_API edgectc_engine *edgectc_engine_sibling(edgectc_engine *engine);

EDGECTC_API void edgectc_engine_free(edgectc_engine *engine);

/* Returns why the last call failed, to show to people; never NULL. */
EDGECTC_API const char *edgectc_engine_error(const edgectc_engine *engine);

/* Takes a packed lexicon (docs/lexicon_format.md) as it lies in memory, aligned to 8 bytes. It is
 * checked whole, not copied: the bytes MUST stay, unchanged, as long as the engine. */
EDGECTC_API int32_t edgectc_engine_lexicon(edgectc_engine *engine, const uint8_t *bytes, size_t size);

/* Takes natural logs of the lexicon's n words that are finer than the file's. Not copied either. */
EDGECTC_API int32_t edgectc_engine_log_probs(edgectc_engine *engine, const double *log_probs, int64_t n);

/* Takes a language model (docs/lm_format.md) in the same way. NULL takes it away. */
EDGECTC_API int32_t edgectc_engine_language_model(edgectc_engine *engine, const uint8_t *bytes,
                                                  size_t size);

/* Sets an option of the decoder preset, e.g. "lm_weight"; NaN stands for null. An unknown name is
 * refused, as a preset that is half understood would rank wrongly; a name of yesterday is taken and
 * answered with EDGECTC_RENAMED. */
EDGECTC_API int32_t edgectc_engine_option(edgectc_engine *engine, const char *name, double value);

/* Says what the n columns of log_probs mean: the code point of a letter, 0 for a column without
 * meaning, -1 for the blank. Every letter of the lexicon must have a column. `centres` (n, 2) holds
 * where its key lies, in the letter area, and `width`, `height` the size of a key; NULL where there
 * are no keys. Both are copied. */
EDGECTC_API int32_t edgectc_engine_columns(edgectc_engine *engine, const int32_t *symbols,
                                           const double *centres, int32_t n, double width,
                                           double height);

/* Says what the user taught about a word: uses, nats to add, never to be shown. All 0: nothing.
 * `spelled` is how it is swiped, in letters of the lexicon; the caller makes it (see the contract). */
EDGECTC_API int32_t edgectc_engine_word(edgectc_engine *engine, const char *text, const char *spelled,
                                        double count, double boost, int32_t hidden);

/* Makes a word a hotword: `nats`, -700 to 700, are added to its score; 0: it is none. `text` is how it is shown, `spelled`
 * how it is swiped, in letters of the lexicon; call it once for each of several spellings. A word that neither
 * lexicon nor user has is as rare as the lexicon's rarest, or as frequent as one that differs in its case alone. */
EDGECTC_API int32_t edgectc_engine_hotword(edgectc_engine *engine, const char *text, const char *spelled, double nats);

/* Sets what one use of a word adds to its share of running text; 1e-5 if never called. */
EDGECTC_API int32_t edgectc_engine_share(edgectc_engine *engine, double share);

/* Sets the words before the next one: in normal form, one line feed between; "" for none. */
EDGECTC_API int32_t edgectc_engine_context(edgectc_engine *engine, const char *words);

/* Writes the words of the sentence that a text (in NFC) before the cursor ends in, as the call above takes
 * them: docs/host_contract.md, "The context of a text". `whole`: whether nothing stands before the text. Returns
 * the bytes with the zero at the end; if they are more than `room`, "" is written. */
EDGECTC_API int32_t edgectc_context(const char *text, int32_t whole, char *out, int32_t room);

/* The same, where a language model of the caller's speaks: of `n` words in lower case, one line feed
 * between, log P(word | context) - log P(word), less that of all other words, which is `others`.
 * NULL for `words` asks whether the engine still keeps this context: it is set and 1 is returned, or 0
 * and nothing changed. */
EDGECTC_API int32_t edgectc_engine_said_context(edgectc_engine *engine, const char *context,
                                                const char *words, const double *gains, int64_t n,
                                                double others);

/* Sets how many contexts are kept ready, at about half a megabyte each; 1 if never called. */
EDGECTC_API int32_t edgectc_engine_contexts(edgectc_engine *engine, int32_t n);

/* Makes ready what the next search would make first: weights, and the words of the context. */
EDGECTC_API int32_t edgectc_engine_prepare(edgectc_engine *engine);

/* Sets where the finger went, for template_weight, for the next search alone: the network's own input,
 * (length, 3) x, y in the letter area and t in seconds. A partial search reads of it what the finger is
 * bound for. It is copied. */
EDGECTC_API int32_t edgectc_engine_trace(edgectc_engine *engine, const float *trace, int32_t length);

/* The same in key units: points (n, 2), and where the key of each letter of the lexicon lies, (K, 2) in
 * the order of the letters, NaN for a letter without one. Both are copied. */
EDGECTC_API int32_t edgectc_engine_path(edgectc_engine *engine, const double *points, int32_t n,
                                        const double *keys);

/* Says when the finger was at each point of the path, in seconds (n), for a partial search. Copied. */
EDGECTC_API int32_t edgectc_engine_path_times(edgectc_engine *engine, const double *seconds);

/* Ranks words of log_probs (frames, n) and returns how many there are, at most nbest. `partial`: the
 * signal goes on; rank by the probability that it spells a word or any beginning of it. */
EDGECTC_API int32_t edgectc_engine_search(edgectc_engine *engine, const float *log_probs, int32_t frames,
                                          int32_t nbest, int32_t partial);
EDGECTC_API int32_t edgectc_engine_search_double(edgectc_engine *engine, const double *log_probs,
                                                 int32_t frames, int32_t nbest, int32_t partial);

/* Return what the last search ranked at a place; NULL and NaN for a place that it did not fill. */
EDGECTC_API const char *edgectc_engine_text(const edgectc_engine *engine, int32_t place);
EDGECTC_API double edgectc_engine_figure(const edgectc_engine *engine, int32_t place, int32_t figure);

/* Writes what the last search ranked, all of it, and returns how many words that are: `figures`
 * (ranked, EDGECTC_FIGURES), and `frames` (ranked, 1 + room): the number of the word's letters, then
 * the frame where each is surest, at most `room` of them. A partial search has no frames. */
EDGECTC_API int32_t edgectc_engine_ranked(const edgectc_engine *engine, double *figures, int32_t *frames,
                                          int32_t room);

/* A network in a native artifact (docs/native_format.md): frames to log_probs, with no runtime but
 * this library. It keeps no global state; one thread may use a network at a time, and any number of
 * them may lie over the same bytes. After its first keys it allocates nothing. The same input gives
 * the same bits with the same kernels. */
typedef struct edgectc_network edgectc_network;

enum { /* sizes of a network */
  EDGECTC_FRAMES = 0,   /* the most that go in */
  EDGECTC_CHANNELS = 1, /* of a frame */
  EDGECTC_COLUMNS = 2,  /* of log_probs; the last is the blank, those before it are slots of keys */
  EDGECTC_STRIDE = 3,   /* frames that go in for one that comes out */
};

/* Returns a new network without a file, or NULL. */
EDGECTC_API edgectc_network *edgectc_network_new(void);

EDGECTC_API void edgectc_network_free(edgectc_network *network);

/* Returns why the last call failed, to show to people; never NULL. */
EDGECTC_API const char *edgectc_network_error(const edgectc_network *network);

/* Takes a native artifact as it lies in memory, aligned to 8 bytes, once. All that is run is checked,
 * its seal is not; nothing is copied: the bytes MUST stay, unchanged, as long as the network. */
EDGECTC_API int32_t edgectc_network_open(edgectc_network *network, const uint8_t *bytes, size_t size);

/* Returns one of the sizes above. */
EDGECTC_API int32_t edgectc_network_size(const edgectc_network *network, int32_t which);

/* Returns the name of the kernels in use: "avx512", "avx2", "dotprod", "neon", "vectors" or
 * "portable". */
EDGECTC_API const char *edgectc_network_kernels(const edgectc_network *network);

/* Chooses kernels by name, "" for the fastest that this processor runs. Keys have to be given anew. */
EDGECTC_API int32_t edgectc_network_choose(edgectc_network *network, const char *kernels);

/* Says where the keys lie, in the letter area: `centers` (slots, 2), and `mask` (slots), 1 for a key
 * and 0 for a slot that is not used; `width`, `height` of a key. All is copied. */
EDGECTC_API int32_t edgectc_network_keys(edgectc_network *network, const float *centers,
                                         const float *mask, float width, float height);

/* Computes log_probs (ceil(length / stride), columns), natural log, of `length` frames (length,
 * channels): x, y in the letter area and t in seconds. Returns how many rows there are. */
EDGECTC_API int32_t edgectc_network_run(edgectc_network *network, const float *frames, int32_t length,
                                        float *log_probs);

/* ---- A keyboard: finger in, words out ------------------------------------------------------------
 *
 * A keyboard holds a model (a native artifact), its lexicon and language model, the keys as they lie on
 * the screen, what the user taught and the text before the cursor, and turns the points of a finger
 * into ranked words. Each step of docs/host_contract.md is inside. One thread may use a keyboard at a
 * time; any number of them may lie over the same bytes. */
typedef struct edgectc_keyboard edgectc_keyboard;

typedef struct {              /* bytes that lie in memory or are mapped, aligned to 8 */
  const void *at;
  size_t size;
} edgectc_file;

typedef struct {              /* a key as it is touched, gaps included; any unit, y downwards */
  int32_t letter;             /* its code point; 0: belongs to the board but spells nothing */
  double x, y, width, height; /* of its left upper corner, and its size */
} edgectc_key;

typedef struct {              /* of a finger, in the unit of the keys */
  double x, y;
  double t_ms;                /* time of the touch event, from any origin */
} edgectc_point;

typedef struct {
  const char *text;           /* stays until the next call */
  double score;               /* natural log */
  double probability;         /* share among the words compared */
  int32_t exact;              /* 1 if no better word was missed */
} edgectc_word;

enum {
  EDGECTC_MOVING = 1,         /* the word goes on: rank what the points so far may begin */
};

/* Returns a keyboard without a model, or NULL. */
EDGECTC_API edgectc_keyboard *edgectc_keyboard_new(void);

EDGECTC_API void edgectc_keyboard_free(edgectc_keyboard *keyboard);

/* Returns why the last call failed, to show to people; never NULL. */
EDGECTC_API const char *edgectc_keyboard_error(const edgectc_keyboard *keyboard);

/* Takes a model, its lexicon and its language model ({NULL, 0} for none), once. Seal and hashes of all
 * three are checked; nothing is copied: the bytes MUST stay, unchanged, as long as the keyboard. Without
 * its lexicon, languages are to be added. */
EDGECTC_API int32_t edgectc_keyboard_open(edgectc_keyboard *keyboard, edgectc_file model,
                                          edgectc_file lexicon, edgectc_file language_model);

/* Adds a language that is written at the same time, at most 4 with the model's own, which is called "own": the
 * language.json, lexicon and language model ({NULL, 0} for none) of a pack of `edgectc language build`; no index stands for the
 * model's own words. Lexicon and language model are checked against their hashes, and MUST stay as above. The first language is the main one. Each word is ranked by its own
 * language, and the languages by the last words before the cursor: say these again after this call. A language whose
 * letters are neither on the keys nor made of those that are rests until other keys are given. */
EDGECTC_API int32_t edgectc_keyboard_add(edgectc_keyboard *keyboard, edgectc_file index, edgectc_file lexicon,
                                         edgectc_file language_model);

/* Returns the name of a language, NULL behind the last one, and the probability that the next word is of it: 0 where
 * it rests. */
EDGECTC_API const char *edgectc_keyboard_language(const edgectc_keyboard *keyboard, int32_t place, double *probability);

/* Runs the model's own reference cases on this processor: from points to frames, from frames to
 * log_probs. EDGECTC_OK if they come out as when the model was made. */
EDGECTC_API int32_t edgectc_keyboard_test(edgectc_keyboard *keyboard);

/* Says where the n keys lie now; call it at every change of their place or letters. Rotated,
 * one-handed and split boards are other keys. Capitals count as their small letters. Their bounding box
 * is what coordinates are counted in, so give keys without a letter that widen the rows, too. */
EDGECTC_API int32_t edgectc_keyboard_keys(edgectc_keyboard *keyboard, const edgectc_key *keys, int32_t n);

/* Says what stands before the cursor: text in NFC, of which the sentence that it ends in counts; the end
 * of a long text is enough. `whole`: nothing stands before the text. Without a language model, and as
 * long as it is not called, words are ranked without context. */
EDGECTC_API int32_t edgectc_keyboard_before(edgectc_keyboard *keyboard, const char *text, int32_t whole);

/* The user's words, in NFC, as they are shown; they rank with those of the lexicon from the next swipe on. What
 * this keyboard's letters cannot type is kept, too, for another one. A call that fails changes nothing.
 *
 * Counts uses of a word, new or known; it is shown again if it was hidden, in any case. */
EDGECTC_API int32_t edgectc_keyboard_teach(edgectc_keyboard *keyboard, const char *word, double uses);

/* Never ranks a word, in whatever case, be it the user's own or of the lexicon: the blocklist. What is learnt does not
 * bring it back; what is taught does, and so does forgetting it. */
EDGECTC_API int32_t edgectc_keyboard_hide(edgectc_keyboard *keyboard, const char *word);

/* Forgets all about a word that was taught or hidden; one of the lexicon is then as it was. */
EDGECTC_API int32_t edgectc_keyboard_forget(edgectc_keyboard *keyboard, const char *word);

/* Learns a word that was written: `uses` times, or takes as many back where they are below 0. It counts half after 30 days of
 * `edgectc_keyboard_today`, and is forgotten when little is left, or when 10,000 others are learnt more. Where several languages
 * are written it is of the one that it was probably written in, and of all once it was written in two. Returns 1, or 0
 * where nothing was learnt: incognito, or the word is hidden. */
EDGECTC_API int32_t edgectc_keyboard_learn(edgectc_keyboard *keyboard, const char *word, double uses);

/* Says which day it is, 0 to 1e6 from any origin that stays the same; 0 until it is called. What was learnt fades with it. */
EDGECTC_API int32_t edgectc_keyboard_today(edgectc_keyboard *keyboard, double day);

/* Incognito, as in fields that forbid learning: while it is on, nothing is learnt or taught. Where it goes on or off, the words
 * before the cursor, the last points and all that was made of them are forgotten. */
EDGECTC_API int32_t edgectc_keyboard_incognito(edgectc_keyboard *keyboard, int32_t on);

/* Favours a word, such as a contact's name, by nats, -100 to 100, until it is told otherwise; 0: no more. `spelling`, or
 * NULL, is another way to swipe it; call it once for each. Of a name of several words each is a word. No file has
 * these. Returns 1, or 0 if this keyboard's letters cannot type it. */
EDGECTC_API int32_t edgectc_keyboard_favour(edgectc_keyboard *keyboard, const char *word, const char *spelling,
                                            double nats);

/* Writes the user's words to a file that only this user of the machine can read, whole or not at all; edgectc's
 * Python reads it, too. */
EDGECTC_API int32_t edgectc_keyboard_save(edgectc_keyboard *keyboard, const char *path);

/* Reads the words of such a file in place of all there are. */
EDGECTC_API int32_t edgectc_keyboard_load(edgectc_keyboard *keyboard, const char *path);

/* The same without files, for hosts that keep bytes elsewhere: returns the size of the words and writes them
 * where there is room for all; takes them. */
EDGECTC_API int64_t edgectc_keyboard_words(edgectc_keyboard *keyboard, char *out, int64_t room);
EDGECTC_API int32_t edgectc_keyboard_take_words(edgectc_keyboard *keyboard, edgectc_file words);

/* Makes ready what the next swipe would make first; call it when a word was committed. */
EDGECTC_API int32_t edgectc_keyboard_prepare(edgectc_keyboard *keyboard);

/* Ranks words of n points and writes at most `most`, best first; returns how many. */
EDGECTC_API int32_t edgectc_keyboard_swipe(edgectc_keyboard *keyboard, const edgectc_point *points, int32_t n,
                                           int32_t flags, edgectc_word *words, int32_t most);

/* Ranks words of n taps, at most 64, whose times do not count, and writes at most `most`, best first; returns how many.
 * What was typed is corrected; a word of the lexicon or the user is left alone unless another one is much likelier.
 * EDGECTC_MOVING: the word goes on, and is completed; of no taps, it is the next word. */
EDGECTC_API int32_t edgectc_keyboard_tap(edgectc_keyboard *keyboard, const edgectc_point *taps, int32_t n,
                                         int32_t flags, edgectc_word *words, int32_t most);

/* Ranks words that are written in n strokes, at most 64, in any order: `lengths` (n) says how many of the points each has, one
 * for a tap and more for a swipe, as where a word is begun by a swipe and ended by taps. Taps may lie beside their keys, but
 * none is missing or too many, unless all strokes are taps. Returns as above. */
EDGECTC_API int32_t edgectc_keyboard_strokes(edgectc_keyboard *keyboard, const edgectc_point *points, const int32_t *lengths,
                                             int32_t n, int32_t flags, edgectc_word *words, int32_t most);

/* Ranks words that begin with letters which stand before the cursor, as taps that are completed but without doubt about
 * them; of "", the next word. What stands before these letters is the text to rank after. Returns as above, 0 where no word
 * begins so. */
EDGECTC_API int32_t edgectc_keyboard_complete(edgectc_keyboard *keyboard, const char *begun, edgectc_word *words,
                                              int32_t most);

/* Returns the letters of the keys that the last taps were nearest to, as typed; stays until the next call. */
EDGECTC_API const char *edgectc_keyboard_typed(const edgectc_keyboard *keyboard);

/* Ends the swipe that runs in another thread, whose answer nobody waits for any more: it returns EDGECTC_CANCELLED
 * after the step that it is in, resampling, network or search. Returns 1, or 0 if none runs. The one function
 * that may be called while another thread uses the keyboard. */
EDGECTC_API int32_t edgectc_keyboard_cancel(edgectc_keyboard *keyboard);

/* Returns why the last points were no swipe: "one_point" (a tap), "off_keyboard" and the other reasons
 * of docs/host_contract.md; "" if they were one. */
EDGECTC_API const char *edgectc_keyboard_reason(const edgectc_keyboard *keyboard);

/* Returns how many rows the network gave of the last swipe and says where they lie, until the next call, and of how many
 * columns each: natural log, first the keys with a letter in their order, the blank last. */
EDGECTC_API int32_t edgectc_keyboard_log_probs(const edgectc_keyboard *keyboard, const float **log_probs,
                                               int32_t *columns);

/* Returns 1 if the lexicon has a word, in NFC and in any case, else 0. */
EDGECTC_API int32_t edgectc_keyboard_knows(const edgectc_keyboard *keyboard, const char *word);

#ifdef __cplusplus
}
#endif

#endif
