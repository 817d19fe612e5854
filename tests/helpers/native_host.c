/* A host of a network in C: native_host ARTIFACT INPUTS KERNELS < frames > log_probs.
 *
 * INPUTS holds float32: centres of the keys (slots, 2), mask (slots), width and height of a key. Each
 * input on stdin is an int32 length and float32 (length, channels); each answer is an int32 number of
 * rows and float32 (rows, columns). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edgectc.h"

static void *read_file(const char *name, size_t *size) {
  FILE *file = fopen(name, "rb");
  if (!file || fseek(file, 0, SEEK_END)) return NULL;
  *size = (size_t)ftell(file);
  void *bytes = aligned_alloc(64, (*size + 63) / 64 * 64);
  rewind(file);
  if (bytes && fread(bytes, 1, *size, file) != *size) return NULL;
  fclose(file);
  return bytes;
}

int main(int argc, char **argv) {
  size_t size, more;
  if (argc != 4) return 2;
  uint8_t *bytes = read_file(argv[1], &size);
  float *keys = read_file(argv[2], &more);
  edgectc_network *network = edgectc_network_new();
  if (!bytes || !keys || !network) return 2;
  if (edgectc_network_choose(network, argv[3]) < 0) return 3;
  int32_t failed = edgectc_network_open(network, bytes, size);
  int32_t columns = edgectc_network_size(network, EDGECTC_COLUMNS);
  float *mask = keys + 2 * (columns - 1), *key = mask + columns - 1;
  if (failed < 0 || edgectc_network_keys(network, keys, mask, key[0], key[1]) < 0) {
    fputs(edgectc_network_error(network), stderr);
    return 1;
  }
  int32_t frames = edgectc_network_size(network, EDGECTC_FRAMES), length;
  int32_t channels = edgectc_network_size(network, EDGECTC_CHANNELS);
  float *in = malloc(sizeof(float) * (size_t)frames * channels);
  float *out = malloc(sizeof(float) * (size_t)frames * columns);
  while (fread(&length, sizeof length, 1, stdin) == 1) {
    size_t n = (size_t)length * channels;
    if (length > frames || fread(in, sizeof(float), n, stdin) != n) return 2;
    int32_t rows = edgectc_network_run(network, in, length, out);
    fwrite(&rows, sizeof rows, 1, stdout);
    fwrite(out, sizeof(float), (size_t)rows * columns, stdout);
  }
  edgectc_network_free(network);
  free(in), free(out), free(bytes), free(keys);
  return 0;
}
