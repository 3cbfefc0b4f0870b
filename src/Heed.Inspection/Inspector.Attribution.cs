using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;

namespace Heed.Inspection;

public sealed partial class Inspector
{
    /// <summary>
    /// Direct logit attribution: F as a sum over what each part of the model writes into the stream at the position that is read. Each
    /// written vector passes every norm on its way with the scale of this run (frozen), and each norm's bias is a part of its own. Exact
    /// for heads that are linear, before or after the additions of norms; of other heads the tangent at this run takes the place of the
    /// unembedding, and <c>head.rest</c> is what it misses.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="metric">What is asked.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <exception cref="InputException">The model has no attention layers, reads several rows, or adds to a normed stream (BLOOM with
    /// <c>apply_residual_connection_post_layernorm</c>).</exception>
    /// <remarks>Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits"; Wang et al. 2022, arXiv:2211.00593.</remarks>
    public DirectAttribution DirectAttribution(InspectedText text, LogitDifference metric, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(metric);
        StackParts stack = LastStack;
        if (Model.Config is Models.Bloom.BloomConfig { ResidualAfterNorm: true })
            throw new InputException(
                "apply_residual_connection_post_layernorm: this model adds to normed rows, so that its stream is no sum of parts.");
        string last = stack.StateName(stack.Blocks.Count), end = stack.FinalNorm is null ? last : $"{stack.Name}.final_norm.out";
        int t = ReadRow(text, metric);
        Dictionary<string, ValueArray> all = Gather([text], IsPart, null, cancellationToken);
        float score = Score(text, metric, null, cancellationToken);
        float[] direction = Gradients(text, metric, [end], cancellationToken)[end].At(t).ToArray();
        using ModelUse use = Model.Enter();
        List<(string Name, double[] Vector)> parts = [];
        foreach (string name in (ReadOnlySpan<string>)["token", "position", "type"])
            if (all.TryGetValue($"{stack.Name}.embed.{name}", out ValueArray? rows)) parts.Add(($"{stack.Name}.embed.{name}", Row(rows)));
        if (stack.EmbedNorm is { } embedNorm) Through($"{stack.Name}.embed.norm", embedNorm, 0);
        if (stack.EmbedProjection is { } projection) Project(projection);
        for (int l = 0; l < stack.Blocks.Count; l++)
        {
            BlockParts block = stack.Blocks[l];
            string at = $"{stack.Name}.blocks.{l}";
            Attend($"{at}.attn", block.Attention, block.AttentionNorm, block.AttentionOutNorm);
            if (block.Cross is { } cross) Attend($"{at}.cross_attn", cross, block.CrossNorm, null);
            int before = parts.Count;
            parts.Add(($"{at}.mlp.out", Row(all[$"{at}.mlp.out"])));
            if (block.MlpOutNorm is { } outNorm) Through($"{at}.mlp_out_norm", outNorm, before);
            if (!stack.IsPreNorm && block.MlpNorm is { } mlpNorm) Through($"{at}.mlp_norm", mlpNorm, 0);
        }

        if (stack.FinalNorm is { } finalNorm) Through($"{stack.Name}.final_norm", finalNorm, 0);
        List<Share> shares = [.. parts.Select(p => new Share(p.Name, (float)Dot(p.Vector, direction)))];
        bool linear = IsLinear();
        double rest = score - parts.Sum(p => Dot(p.Vector, direction));
        if (!linear) shares.Add(new Share("head.rest", (float)rest));
        else if (Bias(metric) is { } bias) shares.Add(new Share("unembed.bias", bias));
        return new DirectAttribution(shares, score, linear);

        bool IsPart(string name) => name.StartsWith($"{stack.Name}.", StringComparison.Ordinal)
            && (name.EndsWith(".result", StringComparison.Ordinal) || name.EndsWith(".mlp.out", StringComparison.Ordinal)
                || name.EndsWith("norm.scale", StringComparison.Ordinal) || name.EndsWith(".embed.token", StringComparison.Ordinal)
                || name.EndsWith(".embed.position", StringComparison.Ordinal) || name.EndsWith(".embed.type", StringComparison.Ordinal));

        double[] Row(ValueArray rows) => Array.ConvertAll(rows.At(0, t).ToArray(), v => (double)v);

        void Attend(string at, MultiHeadAttention attention, Norm? norm, Norm? outNorm)
        {
            int before = parts.Count;
            ValueArray result = all[$"{at}.result"].At(0, t);                                            // [H, D]
            for (int h = 0; h < result.Shape[0]; h++)
                parts.Add(($"{at}.result.{h}", Array.ConvertAll(result.At(h).ToArray(), v => (double)v)));
            if (Matrices.Bias(attention.Output) is { } bias) parts.Add(($"{at}.bias", Array.ConvertAll(bias, b => (double)b)));
            if (outNorm is not null) Through($"{at}_out_norm", outNorm, before);
            if (!stack.IsPreNorm && norm is not null) Through($"{at}_norm", norm, 0);
        }

        // x → (x − mean(x)) / scale · gain of this run; the bias is a part of its own.
        void Through(string at, Norm norm, int first)
        {
            double scale = all[$"{at}.scale"].At(0, t).Span[0];
            (float[] gain, float[]? bias) = GainOf(norm);
            for (int i = first; i < parts.Count; i++)
            {
                double[] x = parts[i].Vector;
                double mean = norm is LayerNorm ? x.Average() : 0;
                for (int d = 0; d < x.Length; d++) x[d] = (x[d] - mean) / scale * gain[d];
            }

            if (bias is not null) parts.Add(($"{at}.bias", Array.ConvertAll(bias, b => (double)b)));
        }

        void Project(Projection narrow)
        {
            float[] matrix = Matrices.Of(narrow);
            for (int i = 0; i < parts.Count; i++)
            {
                double[] wide = new double[narrow.Outputs];
                for (int e = 0; e < narrow.Inputs; e++)
                    for (int d = 0; d < wide.Length; d++) wide[d] += parts[i].Vector[e] * matrix[(e * wide.Length) + d];
                parts[i] = (parts[i].Name, wide);
            }

            if (Matrices.Bias(narrow) is { } bias) parts.Add(
                ($"{stack.Name}.embed.projection.bias", Array.ConvertAll(bias, b => (double)b)));
        }
    }

    /// <summary>The row that the head reads for a metric.</summary>
    private int ReadRow(InspectedText text, LogitDifference metric)
    {
        if (ReadoutOf(text, metric.Position) is { } position)
        {
            int rows = _runner.HasTwoStacks ? text.DecoderIds.Count : text.Ids.Count;
            return (uint)position < (uint)rows ? position
                : throw new InputException($"position {position}: the text has the positions 0 to {rows - 1}.");
        }

        SequenceHead head = ((SequenceClassifier)Model).Head;
        if (head.IsMean) throw new InputException("direct attribution: this classifier reads the mean of all rows, not one.");
        if (head is EndTokenHead) return text.Ids.ToList().LastIndexOf(Model.Config.EndId ?? -1);
        if (!head.LastToken) return 0;
        int last = text.Ids.Count - 1;
        while (last > 0 && text.Ids[last] == Model.Config.PaddingId) last--;
        return last;
    }

    /// <summary>True where scores are a linear function of the last rows.</summary>
    private bool IsLinear() => Model switch
    {
        CausalLanguageModel causal => causal.Head.IsLinear,
        SequenceToSequenceModel both => both.Head.IsLinear,
        SequenceClassifier classifier => classifier.Head is { Dense: null, Transform: null },
        TokenClassifier tokens => tokens.Transform is null,
        _ => false,
    };

    /// <summary>F of zero rows, of a linear head with a bias; else null.</summary>
    private float? Bias(LogitDifference metric)
    {
        (Projection output, Parameter? fixedBias) = Model switch
        {
            CausalLanguageModel causal => (causal.Head.Output, causal.Head.FixedBias),
            SequenceToSequenceModel both => (both.Head.Output, both.Head.FixedBias),
            SequenceClassifier classifier => (classifier.Head.Classifier, null),
            _ => (((TokenClassifier)Model).Classifier, null),
        };
        using TensorScope scope = TensorScope.Begin();
        float[]? bias = fixedBias is not null ? fixedBias.ToTensor().ToArray() : Matrices.Bias(output);
        return bias is null ? null : bias[metric.Target] - (metric.Foil is { } foil ? bias[foil] : 0);
    }

    private static (float[] Gain, float[]? Bias) GainOf(Norm norm)
    {
        using TensorScope scope = TensorScope.Begin();
        return norm switch
        {
            LayerNorm layer => (layer.Weight.ToTensor().ToArray(), layer.Bias?.ToTensor().ToArray()),
            RmsNorm rms => (Array.ConvertAll(rms.Weight.ToTensor().ToArray(), w => w + rms.GainOffset), null),
            _ => throw new InputException($"{norm.GetType().Name}: is no norm that direct attribution knows."),
        };
    }

    private static double Dot(double[] a, float[] b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }
}
