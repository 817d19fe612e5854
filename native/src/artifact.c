/* See artifact.h. Nothing of a manifest is ignored: what this library does not know, it refuses. */
#include "cold.h"

#include <math.h>
#include <string.h>

#include "artifact.h"
#include "sha256.h"

static const char PREFIX[] = "{\"edgectc_manifest\":1,\"file_sha256\":\"", BODY[] = "\",\"manifest\":";
enum { PREFIX_SIZE = sizeof PREFIX - 1, ANY_PREFIX = 20 /* up to the version */, BODY_SIZE = sizeof BODY - 1 };
enum { DIGEST_ROOM = 65 + 5 /* a code point more than may come */ };

static int32_t refuse(Complaint *why, const char *text) { return edgectc_refuse(why, EDGECTC_BAD_INPUT, text); }

static const uint8_t *find_prefix(const uint8_t *at, const uint8_t *end) {
  while (end - at >= ANY_PREFIX && (at = memchr(at, '{', (size_t)(end - at) - ANY_PREFIX + 1)) != NULL) {
    if (memcmp(at, PREFIX, ANY_PREFIX) == 0) return at;
    at++;
  }
  return NULL;
}

/* Returns where the manifest begins whose seal holds, or NULL. */
static const uint8_t *sealed(const uint8_t *bytes, size_t size, Complaint *why) {
  static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
  const uint8_t *end = bytes + size, *start = find_prefix(bytes, end);
  char digest[65];
  Sha256 sha;
  if (!start) return refuse(why, "the model has no manifest; it is no artifact of edgectc, or cut short"), NULL;
  if (find_prefix(start + 1, end)) return refuse(why, "the model has two manifests"), NULL;
  if (end - start < PREFIX_SIZE + 64 + BODY_SIZE || memcmp(start, PREFIX, PREFIX_SIZE))
    return refuse(why, "the model's manifest is of another version; upgrade edgectc"), NULL;
  const uint8_t *stored = start + PREFIX_SIZE;
  edgectc_sha256_begin(&sha);
  edgectc_sha256_add(&sha, bytes, (size_t)(stored - bytes));
  edgectc_sha256_add(&sha, zeros, 64);
  edgectc_sha256_add(&sha, stored + 64, (size_t)(end - stored) - 64);
  edgectc_sha256_end(&sha, digest);
  if (memcmp(digest, stored, 64))
    return refuse(why, "the model is damaged: its bytes are not those that were sealed; copy or export it again"), NULL;
  if (memcmp(stored + 64, BODY, BODY_SIZE)) return refuse(why, "the model's manifest is malformed"), NULL;
  return stored + 64 + BODY_SIZE;
}

int32_t edgectc_same(const uint8_t *bytes, size_t size, const char *sha256, const char *what, Complaint *why) {
  char digest[65];
  Sha256 sha;
  if (!*sha256) return edgectc_refuse(why, EDGECTC_BAD_INPUT, "the model was made without a %s", what);
  edgectc_sha256_begin(&sha);
  edgectc_sha256_add(&sha, bytes, size);
  edgectc_sha256_end(&sha, digest);
  if (strcmp(digest, sha256) == 0) return EDGECTC_OK;
  return edgectc_refuse(why, EDGECTC_BAD_INPUT, "this is not the %s that the model was made with; give the file of that SHA-256: %s",
                        what, sha256);
}

/* Reads {"type": ..., numbers}; `unknown` is a key that has no place. */
static void read_frontend(Json *json, Resampling *out, Span *unknown) {
  static const char *names[] = {"max_frames", "min_frames", "slots", "ms_per_frame", "keys_per_frame", "time_share",
                                "jump_keys", "rest_ms"};
  double *places[] = {&out->max_frames, &out->min_frames, &out->slots, &out->ms_per_frame, &out->keys_per_frame,
                      &out->time_share, &out->jump_keys, &out->rest_ms};
  const size_t count = sizeof names / sizeof *names;
  Span key;
  edgectc_json_object(json);
  while (edgectc_json_member(json, &key)) {
    size_t i = 0;
    if (edgectc_json_is(key, "type")) {
      Span type = edgectc_json_string(json);
      if (!edgectc_json_is(type, "swipe")) *unknown = type;
      continue;
    }
    if (edgectc_json_is(key, "spread_times")) {
      out->spread_times = edgectc_json_boolean(json);
      continue;
    }
    while (i < count && !edgectc_json_is(key, names[i])) i++;
    if (i < count) *places[i] = edgectc_json_number(json);
    else *unknown = key, edgectc_json_any(json);
  }
}

static int good_frontend(const Resampling *r) {
  return r->max_frames <= 65536 && r->min_frames >= 2 && r->min_frames <= r->max_frames && r->slots >= 1 &&
         r->slots <= 4096 && r->max_frames == floor(r->max_frames) && r->min_frames == floor(r->min_frames) &&
         r->slots == floor(r->slots) && r->ms_per_frame > 0 && r->ms_per_frame < HUGE_VAL &&
         r->keys_per_frame > 0 && r->keys_per_frame < HUGE_VAL && r->time_share >= 0 && r->time_share <= 1 &&
         r->jump_keys >= 0 && r->jump_keys < HUGE_VAL && r->rest_ms >= 0 && r->rest_ms < HUGE_VAL;
}

/* Reads the SHA-256 of a file that belongs to the model; null is none. */
static void read_file(Json *json, char sha256[DIGEST_ROOM]) {
  Span key;
  if (edgectc_json_peek(json) == 'n') {
    edgectc_json_any(json);
    return;
  }
  edgectc_json_object(json);
  while (edgectc_json_member(json, &key)) {
    if (!edgectc_json_is(key, "sha256")) edgectc_json_any(json);
    else if (edgectc_json_text(edgectc_json_string(json), sha256, DIGEST_ROOM) != 64) json->wrong = 1;
  }
}

static void read_scheme(Json *json, Artifact *artifact) {
  Span key;
  edgectc_json_object(json);
  while (edgectc_json_member(json, &key)) {
    if (edgectc_json_is(key, "atol")) artifact->atol = edgectc_json_number(json);
    else if (edgectc_json_is(key, "likely")) artifact->likely = edgectc_json_number(json);
    else edgectc_json_any(json);
  }
}

static int is_known(Span key) {
  static const char *names[] = {"name", "family", "options", "opset", "inputs", "output", "tokens",
                                "blank_id", "separator", "source", "parity"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (edgectc_json_is(key, names[i])) return 1;
  return 0;
}

static int32_t refuse_key(Complaint *why, Span key) {
  char text[64];
  if (edgectc_json_text(key, text, sizeof text) < 0) strcpy(text, "?");
  return edgectc_refuse(why, EDGECTC_BAD_INPUT, "the model's manifest has '%s', which this library does not know; upgrade it", text);
}

int32_t edgectc_artifact(Artifact *artifact, const uint8_t *bytes, size_t size, Complaint *why) {
  const uint8_t *at = sealed(bytes, size, why);
  Span key, unknown = {NULL, NULL}, target = {NULL, NULL};
  if (!at) return EDGECTC_BAD_INPUT;
  Json json = edgectc_json(edgectc_span(at, (size_t)(bytes + size - at)));
  memset(artifact, 0, sizeof *artifact);
  edgectc_json_object(&json);
  while (edgectc_json_member(&json, &key)) {
    char file[DIGEST_ROOM] = "";
    if (edgectc_json_is(key, "frontend")) read_frontend(&json, &artifact->resampling, &unknown);
    else if (edgectc_json_is(key, "scheme")) read_scheme(&json, artifact);
    else if (edgectc_json_is(key, "decoder")) artifact->decoder = edgectc_json_any(&json);
    else if (edgectc_json_is(key, "layouts")) artifact->layouts = edgectc_json_any(&json);
    else if (edgectc_json_is(key, "reference")) artifact->reference = edgectc_json_any(&json);
    else if (edgectc_json_is(key, "target")) target = edgectc_json_string(&json);
    else if (edgectc_json_is(key, "lexicon")) read_file(&json, file), memcpy(artifact->lexicon, file, 65);
    else if (edgectc_json_is(key, "language_model")) read_file(&json, file), memcpy(artifact->language_model, file, 65);
    else if (is_known(key)) edgectc_json_any(&json);
    else unknown = key, edgectc_json_any(&json);
  }
  if (json.wrong || json.end - json.at != 1 || *json.at != '}' || !artifact->decoder.at)
    return refuse(why, "the model's manifest is malformed");
  if (unknown.at) return refuse_key(why, unknown);
  if (!edgectc_json_is(target, "native")) return refuse(why, "the model is for another runtime; export it with --target native");
  return good_frontend(&artifact->resampling) ? EDGECTC_OK : refuse(why, "the model's frontend has a number out of range");
}

ptrdiff_t edgectc_base64(Span text, uint8_t *out, size_t room) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t n = (size_t)(text.end - text.at), size = n / 4 * 3, padding = 0;
  if (n % 4) return -1;
  while (padding < 2 && padding < n && text.end[-1 - (ptrdiff_t)padding] == '=') padding++;
  size -= padding;
  if (size > room) return -1;
  uint32_t bits = 0;
  size_t held = 0, made = 0;
  for (const uint8_t *at = text.at; at < text.end - padding; at++) {
    const char *digit = *at ? strchr(digits, *at) : NULL;
    if (!digit) return -1;
    bits = bits << 6 | (uint32_t)(digit - digits);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    if (made < size) out[made++] = (uint8_t)(bits >> held);
  }
  return (ptrdiff_t)size;
}

#include "cold_end.h"
