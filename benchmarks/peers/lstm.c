/* A plain C loop over one LSTM layer with one-hot input and sampling, for comparison.
 *
 * gcc -O3 -march=native -ffast-math -shared -fPIC lstm.c -o lstm.so -lm
 */
#include <math.h>
#include <stdint.h>

static float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

/* table: V x 4H (bias included); recurrent: H x 4H; output: H x V; scratch: 4H + V floats. */
void lstm(int H, int V, const float *table, const float *recurrent, const float *output,
          const float *output_bias, float temperature, uint64_t seed, float *hidden, float *cell,
          float *scratch, int symbol, int length, int32_t *drawn) {
    float *gates = scratch, *logits = scratch + 4 * H;
    for (int t = 0; t < length; t++) {
        for (int j = 0; j < 4 * H; j++) gates[j] = table[symbol * 4 * H + j];
        for (int k = 0; k < H; k++)
            for (int j = 0; j < 4 * H; j++) gates[j] += hidden[k] * recurrent[k * 4 * H + j];
        for (int j = 0; j < H; j++) {
            cell[j] = sigmoid(gates[H + j]) * cell[j] + sigmoid(gates[j]) * tanhf(gates[2 * H + j]);
            hidden[j] = sigmoid(gates[3 * H + j]) * tanhf(cell[j]);
        }
        for (int v = 0; v < V; v++) logits[v] = output_bias[v];
        for (int k = 0; k < H; k++)
            for (int v = 0; v < V; v++) logits[v] += hidden[k] * output[k * V + v];
        float best = logits[0], total = 0.0f, sofar = 0.0f;
        for (int v = 1; v < V; v++) best = logits[v] > best ? logits[v] : best;
        for (int v = 0; v < V; v++) total += logits[v] = expf((logits[v] - best) / temperature);
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        float target = (float)(seed >> 40) / 16777216.0f * total;
        for (symbol = 0; symbol < V - 1; symbol++) {
            sofar += logits[symbol];
            if (sofar > target) break;
        }
        drawn[t] = symbol;
    }
}

/* Read `count` floats `times` times. Returns their sum so that the loop is not optimized away. */
float read_floats(const float *values, int64_t count, int times) {
    float sum[64] = {0};
    for (int n = 0; n < times; n++)
        for (int64_t i = 0; i + 64 <= count; i += 64)
            for (int j = 0; j < 64; j++) sum[j] += values[i + j];
    for (int j = 1; j < 64; j++) sum[0] += sum[j];
    return sum[0];
}
