/* What a native artifact says about itself; docs/bundle_format.md and docs/host_contract.md. */
#ifndef EDGECTC_ARTIFACT_H
#define EDGECTC_ARTIFACT_H

#include "engine_parts.h"
#include "json.h"

typedef struct {              /* how a trace becomes frames */
  double max_frames, min_frames, slots, ms_per_frame, keys_per_frame, time_share;
  double jump_keys, rest_ms;   /* 0, and spread_times 0, where the model does not say */
  int spread_times;
} Resampling;

typedef struct {
  Resampling resampling;
  double atol;                /* of log_probs against the reference cases, in nats ... */
  double likely;              /* ... of tokens that the trained network gives this probability */
  char lexicon[65];           /* SHA-256 that they must have; "" for none */
  char language_model[65];
  Span decoder, layouts, reference; /* JSON, inside the artifact */
} Artifact;

/* Reads the manifest, once the seal over all bytes holds. Returns BAD_INPUT with the reason. */
int32_t edgectc_artifact(Artifact *artifact, const uint8_t *bytes, size_t size, Complaint *why);

/* Refuses bytes that do not hash to `sha256`; `what` names them. */
int32_t edgectc_same(const uint8_t *bytes, size_t size, const char *sha256, const char *what, Complaint *why);

/* Writes the bytes of base64; returns how many, or -1: no base64, or more than `room`. */
ptrdiff_t edgectc_base64(Span text, uint8_t *out, size_t room);

#endif
