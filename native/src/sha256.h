/* SHA-256 (FIPS 180-4), with the processor's own instructions where it has them. */
#ifndef EDGECTC_SHA256_H
#define EDGECTC_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint32_t state[8];
  uint64_t size;              /* bytes so far */
  uint8_t rest[64];           /* of an unfinished block */
} Sha256;

void edgectc_sha256_begin(Sha256 *sha);
void edgectc_sha256_add(Sha256 *sha, const void *bytes, size_t size);
/* Writes the digest as 64 hex digits and a zero byte. */
void edgectc_sha256_end(Sha256 *sha, char hex[65]);

/* Chooses how blocks are hashed: 1 in plain C alone, 0 by the processor where it can. For tests. */
void edgectc_sha256_blocks(uint32_t state[8], const uint8_t *bytes, size_t blocks, int plain);

#endif
