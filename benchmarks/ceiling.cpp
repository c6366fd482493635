// One core's ceiling: full-batch training of a small network, written for one shape at a time.
//
// Compile with -DSIZES=2,5,1 and -DRELU or -DSIGMOID. Each epoch computes what the engine's does:
// train and dev loss and accuracy, the gradient and its norm per layer and kind, an SGD update.
//
//   ceiling FILE EPOCHS N_TRAIN N_DEV RATE
//
// FILE holds float32: x [features, N], labels [N], parameters, each layer [out, in + 1] with the
// bias last. Prints seconds of this core, train loss, dev loss, accuracies and the norm of the
// gradient, all of the last epoch but the seconds. The parts must be multiples of one vector.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <utility>
#include <vector>

#ifdef __AVX512F__
constexpr int LANES = 16;
#else
constexpr int LANES = 8;
#endif
typedef float Vector __attribute__((vector_size(4 * LANES)));
typedef int Mask __attribute__((vector_size(4 * LANES)));

constexpr int WIDTHS[] = {SIZES};
constexpr int LAYERS = sizeof(WIDTHS) / sizeof(int) - 1;
constexpr int TILE = 160 / LANES;  // activations of a tile stay in the first cache

constexpr int offset(int layer) {
    int sum = 0;
    for (int l = 0; l < layer; ++l) sum += WIDTHS[l + 1] * (WIDTHS[l] + 1);
    return sum;
}
constexpr int row(int layer) {
    int sum = 0;
    for (int l = 0; l < layer; ++l) sum += WIDTHS[l];
    return sum;
}
constexpr int PARAMETERS = offset(LAYERS);

static float w[PARAMETERS];
static Vector gradient[PARAMETERS];       // one partial sum per lane
static Vector a[row(LAYERS + 1)][TILE];   // activations, input included, logits last
static Vector delta[row(LAYERS + 1)][TILE];

static inline Vector splat(float value) { return Vector{} + value; }

static inline Vector exponential(Vector x) {
    x = x < -87.0f ? splat(-87.0f) : x;
    const Vector shifted = x * 1.44269504f + 12582912.0f;  // rounds to a whole number
    const Vector whole = shifted - 12582912.0f;
    const Vector r = x - whole * 0.693359375f + whole * 2.12194440e-4f;
    Vector sum = r * (1.0f / 5040) + 1.0f / 720;
    sum = sum * r + 1.0f / 120;
    sum = sum * r + 1.0f / 24;
    sum = sum * r + 1.0f / 6;
    sum = sum * r + 0.5f;
    sum = sum * r + 1.0f;
    sum = sum * r + 1.0f;
    const Mask power = ((Mask)shifted - 0x4B400000 + 127) << 23;
    return sum * (Vector)power;
}

static inline Vector activate(Vector z) {
#ifdef RELU
    return z > 0.0f ? z : splat(0.0f);
#else
    z = z < -80.0f ? splat(-80.0f) : z;
    return 1.0f / (1.0f + exponential(-z));
#endif
}

static inline Vector slope(Vector out) {
#ifdef RELU
    return out > 0.0f ? splat(1.0f) : splat(0.0f);
#else
    return out * (1.0f - out);
#endif
}

template <int L>
static inline void forward(int tiles) {
    constexpr int IN = WIDTHS[L], OUT = WIDTHS[L + 1];
    for (int t = 0; t < tiles; ++t)
#pragma GCC unroll 64
        for (int o = 0; o < OUT; ++o) {
            const float* weights = w + offset(L) + o * (IN + 1);
            Vector z = splat(weights[IN]);
#pragma GCC unroll 64
            for (int i = 0; i < IN; ++i) z += weights[i] * a[row(L) + i][t];
            a[row(L + 1) + o][t] = L + 1 < LAYERS ? activate(z) : z;
        }
}

template <int L>
static inline void backward(int tiles) {
    constexpr int IN = WIDTHS[L], OUT = WIDTHS[L + 1];
    for (int o = 0; o < OUT; ++o) {
        Vector* sums = gradient + offset(L) + o * (IN + 1);
        Vector partial[IN + 1] = {};
        for (int t = 0; t < tiles; ++t) {
            const Vector d = delta[row(L + 1) + o][t];
#pragma GCC unroll 64
            for (int i = 0; i < IN; ++i) partial[i] += d * a[row(L) + i][t];
            partial[IN] += d;
        }
        for (int i = 0; i <= IN; ++i) sums[i] += partial[i];
    }
    if (L == 0) return;
    for (int t = 0; t < tiles; ++t)
#pragma GCC unroll 64
        for (int i = 0; i < IN; ++i) {
            Vector d = {};
#pragma GCC unroll 64
            for (int o = 0; o < OUT; ++o)
                d += w[offset(L) + o * (IN + 1) + i] * delta[row(L + 1) + o][t];
            delta[row(L) + i][t] = d * slope(a[row(L) + i][t]);
        }
}

template <int... L>
static inline void all_forward(int tiles, std::integer_sequence<int, L...>) {
    (forward<L>(tiles), ...);
}
template <int... L>
static inline void all_backward(int tiles, std::integer_sequence<int, L...>) {
    (backward<LAYERS - 1 - L>(tiles), ...);
}

struct Score {
    double loss = 0, hits = 0;
};

// Loss and hits of a tile; its deltas too. One exponential serves the loss and the probability.
static inline void judge(const Vector* labels, int tiles, float share, Score& score) {
    Vector linear = {}, product = {};
    Mask right = {};
    for (int t = 0; t < tiles; ++t) {
        const Vector z = a[row(LAYERS)][t], y = labels[t];
        const Vector size = z < 0.0f ? -z : z, e = exponential(-size);
        const Vector margin = (2.0f * y - 1.0f) * z;
        linear += margin < 0.0f ? -margin : splat(0.0f);
        product += e + product * e;
        right -= (Mask)((z >= 0.0f) == (y > 0.5f));
        const Vector p = (z >= 0.0f ? splat(1.0f) : e) / (1.0f + e);
        delta[row(LAYERS)][t] = (p - y) * share;
    }
    for (int i = 0; i < LANES; ++i) {
        score.loss += linear[i] + std::log1p(product[i]);
        score.hits += right[i];
    }
}

static Score pass(const std::vector<Vector>& data, int begin, int end, int total, bool train) {
    constexpr auto layers = std::make_integer_sequence<int, LAYERS>();
    Score score;
    for (int start = begin; start < end; start += TILE) {
        const int tiles = end - start < TILE ? end - start : TILE;
        for (int i = 0; i < WIDTHS[0]; ++i)
            for (int t = 0; t < tiles; ++t) a[i][t] = data[i * total + start + t];
        all_forward(tiles, layers);
        const float share = 1.0f / ((end - begin) * LANES);
        judge(&data[WIDTHS[0] * total + start], tiles, share, score);
        if (train) all_backward(tiles, layers);
    }
    return score;
}

static double update(float rate, double* norms) {
    double everything = 0;
    for (int l = 0; l < LAYERS; ++l) {
        norms[2 * l] = norms[2 * l + 1] = 0;
        for (int j = offset(l); j < offset(l + 1); ++j) {
            float g = 0;
            for (int i = 0; i < LANES; ++i) g += gradient[j][i];
            const bool bias = (j - offset(l)) % (WIDTHS[l] + 1) == WIDTHS[l];
            norms[2 * l + bias] += double(g) * g;
            w[j] -= rate * g;
            gradient[j] = Vector{};
        }
        everything += norms[2 * l] + norms[2 * l + 1];
        norms[2 * l] = std::sqrt(norms[2 * l]);
        norms[2 * l + 1] = std::sqrt(norms[2 * l + 1]);
    }
    return std::sqrt(everything);
}

int main(int count, char** words) {
    if (count != 6) return 2;
    const int epochs = std::atoi(words[2]), n = std::atoi(words[3]), rest = std::atoi(words[4]);
    const float rate = std::atof(words[5]);
    if (n % LANES || rest % LANES) return 3;
    const int total = (n + rest) / LANES;
    std::vector<Vector> data((WIDTHS[0] + 1) * total);
    FILE* file = std::fopen(words[1], "rb");
    if (!file || std::fread(data.data(), sizeof(Vector), data.size(), file) != data.size() ||
        std::fread(w, sizeof(float), PARAMETERS, file) != PARAMETERS)
        return 4;
    std::fclose(file);
    std::vector<double> history(size_t(epochs) * (4 + 2 * LAYERS));
    double norm = 0;
    const std::clock_t start = std::clock();  // of this process, whoever else is at work
    for (int epoch = 0; epoch < epochs; ++epoch) {
        double* record = &history[size_t(epoch) * (4 + 2 * LAYERS)];
        const Score train = pass(data, 0, n / LANES, total, true);
        const Score dev = pass(data, n / LANES, total, total, false);
        record[0] = train.loss / n, record[1] = dev.loss / rest;
        record[2] = train.hits / n, record[3] = dev.hits / rest;
        norm = update(rate, record + 4);
    }
    const double took = double(std::clock() - start) / CLOCKS_PER_SEC;
    const double* last = &history[size_t(epochs - 1) * (4 + 2 * LAYERS)];
    std::printf("%.9f %.9g %.9g %.9g %.9g %.9g\n", took, last[0], last[1], last[2],
                last[3], norm);
}
