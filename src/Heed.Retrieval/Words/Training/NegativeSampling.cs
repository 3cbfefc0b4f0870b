using System.Numerics;
using System.Runtime.InteropServices;
using Heed.Engine.Kernels;

namespace Heed.Retrieval;

/// <summary>σ, exactly or as word2vec.c reads it.</summary>
internal interface ISigmoid
{
    static abstract double Of(double x);
}

/// <summary>1 ÷ (1 + e⁻ˣ).</summary>
internal readonly struct ExactSigmoid : ISigmoid
{
    public static double Of(double x) => 1 / (1 + Math.Exp(-x));
}

/// <summary>word2vec.c's table of 1,000 values over ±6, read at ⌊(x + 6)·83⌋; 0 and 1 beyond.</summary>
internal readonly struct TableSigmoid : ISigmoid
{
    private static readonly float[] Table = [.. Enumerable.Range(0, 1000).Select(i =>
    {
        double e = Math.Exp(((i / 1000.0 * 2) - 1) * 6);
        return (float)(e / (e + 1));
    })];

    public static double Of(double x) => x > 6 ? 1 : x < -6 ? 0 : Table[(int)((x + 6) * 83)];
}

/// <summary>Negatives of one prediction.</summary>
internal interface INegatives
{
    /// <summary>Writes the negatives for a word and its nth context, from left to right (CBOW predicts once a word: 0).</summary>
    void Draw(int place, int context, Span<int> negatives);
}

/// <summary>
/// Skip-gram and CBOW with negative sampling: a row of inputs (syn0) predicts the centre word's row of outputs (syn1). The order of updates
/// is word2vec.c's: each output row changes as soon as its error is known, the input side last.
/// </summary>
/// <remarks>Mikolov et al. 2013, arXiv:1310.4546.</remarks>
/// <param name="inputs">syn0, [V, D].</param>
/// <param name="outputs">syn1, [V, D].</param>
/// <param name="width">D.</param>
internal sealed class NegativeSampling(float[] inputs, float[] outputs, int width)
{
    private readonly float[] _error = new float[width], _mean = new float[width];

    /// <summary>syn0, [V, D].</summary>
    public float[] Inputs => inputs;

    /// <summary>syn1, [V, D].</summary>
    public float[] Outputs => outputs;

    /// <summary>One step of skip-gram: a context word predicts the centre word.</summary>
    public void SkipGram<S>(int context, int target, ReadOnlySpan<int> negatives, float rate) where S : struct, ISigmoid
    {
        Span<float> input = Row(inputs, context);
        Predict<S>(input, target, negatives, rate);
        AddScaled(input, 1, _error);
    }

    /// <summary>One step of CBOW: the mean of the contexts predicts the centre word, and each context gets the whole error, as often as it
    /// is there.</summary>
    /// <param name="contexts">Rows of inputs, at least one.</param>
    /// <param name="target">Row of outputs.</param>
    /// <param name="negatives">Rows of outputs; one that equals the target is skipped.</param>
    /// <param name="rate">The rate.</param>
    /// <param name="corrected">True: the error divided by the number of contexts, which is the gradient itself.</param>
    public void Cbow<S>(ReadOnlySpan<int> contexts, int target, ReadOnlySpan<int> negatives, float rate, bool corrected = false)
        where S : struct, ISigmoid
    {
        Mean(contexts);
        Predict<S>(_mean, target, negatives, rate);
        foreach (int context in contexts) AddScaled(Row(inputs, context), corrected ? 1f / contexts.Length : 1, _error);
    }

    /// <summary>All steps of one sentence.</summary>
    /// <param name="words">The sentence; words out of the vocabulary and those left out by sampling are gone already.</param>
    /// <param name="takenOff">Less reach of the window around each word, 0 … window − 1.</param>
    /// <param name="window">Its widest reach.</param>
    /// <param name="negatives">How many a prediction.</param>
    /// <param name="rate">The rate.</param>
    /// <param name="isCbow">CBOW instead of skip-gram.</param>
    /// <param name="draws">Gives the negatives.</param>
    /// <param name="corrected">As for <see cref="Cbow"/>.</param>
    public void Sentence<S, D>(
        ReadOnlySpan<int> words, ReadOnlySpan<int> takenOff, int window, int negatives, float rate, bool isCbow, D draws,
            bool corrected = false)
        where S : struct, ISigmoid where D : INegatives
    {
        Span<int> drawn = stackalloc int[negatives], contexts = stackalloc int[2 * window];
        for (int i = 0; i < words.Length; i++)
        {
            (int first, int last) = WordSampling.Window(i, words.Length, window, takenOff[i]);
            int count = 0;
            for (int j = first; j <= last; j++)
                if (j != i) contexts[count++] = words[j];
            if (count == 0) continue;
            if (isCbow)
            {
                draws.Draw(i, 0, drawn);
                Cbow<S>(contexts[..count], words[i], drawn, rate, corrected);
                continue;
            }

            for (int c = 0; c < count; c++)
            {
                draws.Draw(i, c, drawn);
                SkipGram<S>(contexts[c], words[i], drawn, rate);
            }
        }
    }

    /// <summary>−log σ(h·t) − Σ log σ(−h·n), h the mean of the contexts.</summary>
    public double Loss(ReadOnlySpan<int> contexts, int target, ReadOnlySpan<int> negatives)
    {
        Mean(contexts);
        double loss = Softplus(-Dot(_mean, target));
        foreach (int negative in negatives)
            if (negative != target) loss += Softplus(Dot(_mean, negative));
        return loss;
    }

    /// <summary>Predicts the target and not the negatives: updates outputs at once and leaves the input side's error in
    /// <see cref="_error"/>.</summary>
    private void Predict<S>(ReadOnlySpan<float> hidden, int target, ReadOnlySpan<int> negatives, float rate) where S : struct, ISigmoid
    {
        _error.AsSpan().Clear();
        for (int n = -1; n < negatives.Length; n++)
        {
            int word = n < 0 ? target : negatives[n];
            if (n >= 0 && word == target) continue;
            Span<float> output = Row(outputs, word);
            float g = (float)(((n < 0 ? 1 : 0) - S.Of(ReductionKernel.Dot(hidden, output))) * rate);
            AddScaled(_error, g, output);
            AddScaled(output, g, hidden);
        }
    }

    private void Mean(ReadOnlySpan<int> contexts)
    {
        _mean.AsSpan().Clear();
        foreach (int context in contexts) AddScaled(_mean, 1, Row(inputs, context));
        for (int d = 0; d < _mean.Length; d++) _mean[d] /= contexts.Length;
    }

    private double Dot(ReadOnlySpan<float> hidden, int word) => ReductionKernel.Dot(hidden, Row(outputs, word));

    private Span<float> Row(float[] table, int row) => table.AsSpan(row * width, width);

    private static double Softplus(double x) => x > 30 ? x : Math.Log(1 + Math.Exp(x));

    /// <summary>y += a·x, each element by itself: the same bits at every vector width.</summary>
    private static void AddScaled(Span<float> y, float a, ReadOnlySpan<float> x)
    {
        int i = 0;
        if (Lanes.HasFma)
        {
            ReadOnlySpan<Vector<float>> xs = MemoryMarshal.Cast<float, Vector<float>>(x);
            Span<Vector<float>> ys = MemoryMarshal.Cast<float, Vector<float>>(y);
            Vector<float> scale = new(a);
            for (int v = 0; v < ys.Length; v++) ys[v] = Vector.FusedMultiplyAdd(scale, xs[v], ys[v]);
            i = ys.Length * Vector<float>.Count;
        }

        for (; i < y.Length; i++) y[i] = Lanes.Fma(a, x[i], y[i]);
    }
}
