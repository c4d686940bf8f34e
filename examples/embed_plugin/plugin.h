/* A model behind a C interface: what a host in any language loads. All functions may be called from any thread;
   predictions on one model may run at the same time. */
#ifndef DIGIT_PLUGIN_H
#define DIGIT_PLUGIN_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct digit_model digit_model;

/* Loads a model from a safetensors file. Returns null on failure and writes a message of at most `size` bytes. */
digit_model* digit_model_load(const char* path, char* message, int size);

/* Scores of `count` images of 64 pixels from 0 to 1: writes count * 10 floats. Returns 0, or -1 on failure. */
int digit_model_predict(const digit_model* model, const float* pixels, int count, float* scores);

void digit_model_free(digit_model* model);

/* Writes a file that digit_model_load reads: a model with first weights drawn from the seed. Returns 0 or -1. */
int digit_model_create(const char* path, unsigned seed);

#ifdef __cplusplus
}
#endif

#endif
