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
    private const int AtOnce = 8;

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

    /// <summary>Integrated gradients from the mean row, summed over the width.</summary>
    private static (float[] ByToken, float Baseline) Integrate(
        SequenceClassifier model, int[] ids, int[]? types, int target, CancellationToken cancellationToken)
    {
        string site = model.Stack is RereadingStack ? "encoder.embed.token" : "embed.token";
        float[] rows = [];
        Logits(model, [ids], types is null ? null : [types], new Hooks().Observe(site, (_, e) => rows = e.Value.ToArray()),
            cancellationToken);
        int T = ids.Length, D = rows.Length / T;
        float[] mean = TokenTable.Of(model.Stack.Tokens, ids, rows).Mean;
        double[] attributions = PathGradients.Integrate(site, rows, mean, PathGradients.Steps, Ask);
        float[] byToken = new float[T];
        for (int t = 0; t < T; t++) byToken[t] = (float)attributions.AsSpan(t * D, D).ToArray().Sum();
        return (byToken, Ask(1, PathGradients.Baseline(site, mean, T)).Value.ToScalar());

        Variable Ask(int copies, Hooks hooks)
            => Logits(model, Repeated(ids, copies), types is null ? null : Repeated(types, copies), hooks, cancellationToken)
                .Columns(target, 1).Sum();

        static int[][] Repeated(int[] row, int copies) => [.. Enumerable.Repeat(row, copies)];
    }

    /// <summary>The rollout's row of the token that is classified.</summary>
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
        double[] rollout = [];
        foreach (Tensor pattern in output.Attentions)
            rollout = AttentionRollout.Next(rollout, pattern.Span, pattern.Shape[1], residual: true);
        int row = model.Head.LastToken ? T - 1 : 0;
        return rollout.Length == 0 ? null : Array.ConvertAll(rollout[(row * T)..((row + 1) * T)], share => (float)share);
    }

    private static Variable Logits(SequenceClassifier model, int[][] ids, int[][]? types, Hooks? hooks, CancellationToken cancellationToken)
    {
        ModelInputs inputs = new() { InputIds = TokenGrid.Of(ids), TokenTypeIds = types is null ? null : TokenGrid.Of(types) };
        TokenBatch batch = model.Stack.WithPositions(inputs).Pack();
        ForwardContext context = batch.Context(new RunOptions { Hooks = hooks, CancellationToken = cancellationToken });
        return model.Head.Forward(model.Stack.Run(batch, context), batch, context, model.Config.PaddingId);          // [B, L]
    }
}
