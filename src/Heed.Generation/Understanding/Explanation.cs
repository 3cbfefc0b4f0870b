using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Tokenizers;

namespace Heed.Generation.Understanding;

/// <summary>What each token of a text did for one class of a classifier.</summary>
/// <param name="Target">The class.</param>
/// <param name="Score">F, its logit.</param>
/// <param name="LeftOut">Change of F when the token is cut out and the rest moves up, [T].</param>
/// <param name="Integrated">Integrated gradients on the way from the mean of all tokens to the text (Sundararajan et al. 2017),
/// [T].</param>
/// <param name="BaselineScore">F of the mean of all tokens.</param>
/// <param name="Read">How much of the row that is classified came from each token by attention (rollout, Abnar and Zuidema 2020), [T]:
/// where
/// the model read, not what it did with it. Null for two stacks.</param>
internal sealed record Explanation(int Target, float Score, float[] LeftOut, float[] Integrated, float BaselineScore, float[]? Read)
{
    /// <summary>Points of the way.</summary>
    private const int Steps = 64;

    private const int AtOnce = 8, RowsAtOnce = 1024;

    /// <summary>Σ integrated gradients less what they should add up to, F − F(baseline): how much the sum over points of the way
    /// misses.</summary>
    public double Gap => Integrated.Sum(v => (double)v) - (Score - BaselineScore);

    /// <summary>Explains the score of a class.</summary>
    /// <param name="reading">How the model reads.</param>
    /// <param name="text">The text or pair.</param>
    /// <param name="target">The class.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    public static Explanation Of(TextReading reading, TokenEncoding text, int target, CancellationToken cancellationToken)
        => Of(TextClassification.Classifier(reading), text.IdArray, reading.InputsOf([text]).TokenTypeIds is null ? null : text.TypeIdArray,
            target, cancellationToken);

    /// <inheritdoc cref="Of(TextReading, TokenEncoding, int, CancellationToken)"/>
    public static Explanation Of(SequenceClassifier model, int[] ids, int[]? types, int target, CancellationToken cancellationToken)
    {
        using ModelUse use = model.Enter();
        using TensorScope scope = TensorScope.Begin();
        float score = Scores(model, [ids], types is null ? null : [types], target, cancellationToken)[0];
        float[] leftOut = LeaveEachOut(model, ids, types, target, cancellationToken);
        for (int t = 0; t < leftOut.Length; t++) leftOut[t] -= score;
        (float[] integrated, float baseline) = Integrate(model, ids, types, target, cancellationToken);
        return new Explanation(target, score, leftOut, integrated, baseline, Rollout(model, ids, types, cancellationToken));
    }

    /// <summary>F of some texts.</summary>
    private static float[] Scores(SequenceClassifier model, int[][] ids, int[][]? types, int target, CancellationToken cancellationToken)
    {
        float[] scores = new float[ids.Length];
        for (int done = 0; done < ids.Length; done += AtOnce)
        {
            using TensorScope scope = TensorScope.Begin();
            int count = Math.Min(AtOnce, ids.Length - done);
            Tensor logits = Logits(model, ids[done..(done + count)], types?[done..(done + count)], null, cancellationToken).Value;
            for (int b = 0; b < count; b++) scores[done + b] = logits.Span[(b * logits.Shape.Last) + target];
        }

        return scores;
    }

    private static float[] LeaveEachOut(SequenceClassifier model, int[] ids, int[]? types, int target, CancellationToken cancellationToken)
    {
        if (ids.Length < 2) return Scores(model, [ids], types is null ? null : [types], target, cancellationToken);
        return Scores(model, Without(ids), types is null ? null : Without(types), target, cancellationToken);

        int[][] Without(int[] row) => [.. row.Select((_, t) => IsRead(t) ? row : (int[])[.. row[..t], .. row[(t + 1)..]])];

        // The only end token of a text that is classified there stays.
        bool IsRead(int t) => model.Head is EndTokenHead && ids[t] == model.Config.EndId && ids.Count(id => id == model.Config.EndId) == 1;
    }

    /// <summary>(e − e′) · the mean of ∂F/∂e at <see cref="Steps"/> points between, summed over the width; all tokens move
    /// together.</summary>
    private static (float[] ByToken, float Baseline) Integrate(
        SequenceClassifier model, int[] ids, int[]? types, int target, CancellationToken cancellationToken)
    {
        string site = model.Stack is RereadingStack ? "encoder.embed" : "embed";
        float[] rows = [];
        Logits(model, [ids], types is null ? null : [types], new Hooks().Observe(site, (_, e) => rows = e.Value.ToArray()),
            cancellationToken);
        int T = ids.Length, D = rows.Length / T;
        float[] mean = MeanRow(model.Stack.Tokens, ids, rows, D);
        float[] difference = new float[rows.Length];
        for (int i = 0; i < rows.Length; i++) difference[i] = rows[i] - mean[i % D];
        double[] sums = new double[rows.Length];
        for (int done = 0; done < Steps; done += AtOnce)
        {
            using TensorScope scope = TensorScope.Begin();
            Tensor points = Points(mean, difference, [.. Enumerable.Range(done, AtOnce).Select(k => (k + 0.5f) / Steps)]);
            Leaf leaf = new();
            using (Tape tape = Tape.BeginForInputs())
            {
                Variable logits = Logits(model, Repeated(ids), types is null ? null : Repeated(types),
                    new Hooks().Replace(site, (_, _) => leaf.Of(points)), cancellationToken);                       // [AtOnce, L]
                tape.Backward(logits.Columns(target, 1).Sum());
            }

            ReadOnlySpan<float> gradients = leaf.Gradient!.Span;                                                    // [AtOnce·T, D]
            for (int i = 0; i < gradients.Length; i++) sums[i % rows.Length] += gradients[i];
            leaf.Clear();
        }

        float[] byToken = new float[T];
        for (int t = 0; t < T; t++)
            byToken[t] = (float)Enumerable.Range(t * D, D).Sum(i => difference[i] * sums[i] / Steps);
        Tensor start = Points(mean, difference, [0f]);
        Tensor baseline = Logits(model, [ids], types is null ? null : [types], new Hooks().Replace(site, (_, _) => start),
            cancellationToken).Value;
        return (byToken, baseline.Span[target]);

        static int[][] Repeated(int[] row) => [.. Enumerable.Repeat(row, AtOnce)];
    }

    /// <summary>e′ + share · (e − e′) for each share, [shares·T, D].</summary>
    private static Tensor Points(float[] mean, float[] difference, float[] shares)
    {
        int D = mean.Length;
        Tensor points = Tensor.Uninitialized(shares.Length * (difference.Length / D), D);
        Span<float> values = points.Span;
        for (int k = 0; k < shares.Length; k++)
            for (int i = 0; i < difference.Length; i++) values[(k * difference.Length) + i] = mean[i % D] + (shares[k] * difference[i]);
        return points;
    }

    /// <summary>The mean row of the token table, times the factor that the stack multiplies rows with.</summary>
    private static float[] MeanRow(Embedding tokens, int[] ids, float[] rows, int D)
    {
        double[] sums = new double[D];
        int V = tokens.Weight.Shape[0];
        for (int first = 0; first < V; first += RowsAtOnce)
        {
            using TensorScope scope = TensorScope.Begin();
            ReadOnlySpan<float> some = tokens.Forward([.. Enumerable.Range(first, Math.Min(RowsAtOnce, V - first))]).Value.Span;
            for (int i = 0; i < some.Length; i++) sums[i % D] += some[i];
        }

        float[] own = tokens.Forward(ids).Value.ToArray();
        int largest = 0;
        for (int i = 1; i < own.Length; i++)
            if (Math.Abs(own[i]) > Math.Abs(own[largest])) largest = i;
        double factor = own.Length == 0 || own[largest] == 0 ? 1 : (double)rows[largest] / own[largest];
        return [.. sums.Select(s => (float)(s / V * factor))];
    }

    /// <summary>The row of the token that is classified, of the product over layers of ½ mean over heads + ½ I.</summary>
    private static float[]? Rollout(SequenceClassifier model, int[] ids, int[]? types, CancellationToken cancellationToken)
    {
        if (model.Stack is RereadingStack) return null;
        int T = ids.Length;
        ModelInputs inputs = new()
        {
            InputIds = new TokenGrid(1, T, ids),
            TokenTypeIds = types is null ? null
            : new TokenGrid(1, T, types)
        };
        ModelOutput output = model.Run(inputs, new RunOptions { Details = true, CancellationToken = cancellationToken });
        float[] row = new float[T];
        row[model.Head.LastToken ? T - 1 : 0] = 1;
        // The row goes through the layers from the last to the first.
        foreach (Tensor pattern in output.Attentions.Reverse())
        {
            int H = pattern.Shape[1];
            ReadOnlySpan<float> p = pattern.Span;                                                                   // [1, H, T, T]
            float[] before = new float[T];
            for (int q = 0; q < T; q++)
            {
                before[q] += 0.5f * row[q];
                for (int h = 0; h < H; h++)
                    for (int k = 0; k < T; k++) before[k] += 0.5f * row[q] * p[(((h * T) + q) * T) + k] / H;
            }

            row = before;
        }

        return output.Attentions.Count == 0 ? null : row;
    }

    private static Variable Logits(SequenceClassifier model, int[][] ids, int[][]? types, Hooks? hooks, CancellationToken cancellationToken)
    {
        ModelInputs inputs = new() { InputIds = TokenGrid.Of(ids), TokenTypeIds = types is null ? null : TokenGrid.Of(types) };
        TokenBatch batch = model.Stack.WithPositions(inputs).Pack();
        ForwardContext context = batch.Context(new RunOptions { Hooks = hooks, CancellationToken = cancellationToken });
        return model.Head.Forward(model.Stack.Run(batch, context), batch, context, model.Config.PaddingId);          // [B, L]
    }
}
