using Heed.Engine.Nn;

namespace Heed.Models;

/// <summary>What a model costs, computed from its parameters' shapes; no weight is read.</summary>
/// <param name="Parameters">Values in all parameters that are trained, shared ones once.</param>
/// <param name="Fixed">Values that are stored and not trained: BART's bias of the output, fixed positions.</param>
/// <param name="Parts"><paramref name="Parameters"/> by part of the model: the names' first distinguishing words.</param>
/// <param name="WeightBytes">Weights in float32.</param>
/// <param name="ActivationBytes">What a training step holds for its backward pass, about.</param>
/// <param name="CacheBytes">
/// Keys and values of the given batch and length in float32: a window's own tokens, one sum of linear attention, and with an encoder its
/// rows as well; 0 for models that keep none.
/// </param>
/// <param name="OperationsPerToken">
/// Forward: two operations a weight in a product, and the two products of attention, q·k and weights·v. In encoder-decoders: one token read
/// and one written.
/// </param>
/// <remarks>
/// Kaplan et al., arXiv:2001.08361, §2.1 and table 1, count 2·N a token and 2·layers·context·width for q·k alone. The product with the
/// values costs as much again, so it is 4·layers·context·width here, of the token that sees the whole context. Heads that run once a text
/// (poolers, classifiers) count as if they ran for each token; norms, activations and sums of biases are left out.
/// </remarks>
public sealed record ModelSize(
    long Parameters, long Fixed, IReadOnlyList<KeyValuePair<string, long>> Parts, long WeightBytes, long ActivationBytes, long CacheBytes,
    double OperationsPerToken)
{
    /// <summary>States of recurrent layers in float32, which a cache keeps after every token of the given batch and length; with the
    /// encoder's rows where there is one. 0 for others.</summary>
    public long StateBytes { get; init; }

    /// <summary>Computes the sizes.</summary>
    /// <param name="model">A model, with weights or of shapes alone.</param>
    /// <param name="batch">Sequences, ≥ 1.</param>
    /// <param name="length">Tokens of each, ≥ 1; in encoder-decoders of the text that is read and of the one that is written.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no sequence or no token.</exception>
    /// <exception cref="OverflowException">A size is above 2⁶³ bytes.</exception>
    public static ModelSize Of(Model model, int batch, int length)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        long stored = model.Parameters.Values, parameters = 0, products = 0, inner = 0;
        SortedDictionary<string, long> parts = new(StringComparer.Ordinal);
        foreach (Parameter p in model.Parameters)
        {
            if (p.InputMajor is not null) products += p.Shape.Count;
            if (p.Shape.Rank == 2 && p.InputMajor is not null && p.Shape.Count < (long)model.Config.Vocabulary * model.Config.Width)
                inner += p.InputMajor == true ? p.Shape[1] : p.Shape[0];
            if (!p.NeedsGradient) continue;
            parameters += p.Shape.Count;
            string part = PartOf(p.Name);
            parts[part] = parts.GetValueOrDefault(part) + p.Shape.Count;
        }

        IReadOnlyList<AttentionPart> attentions = model.Parameters.Attentions;
        AttentionCost cost = new(length);
        double operations = (2.0 * products) + attentions.Sum(cost.Operations) + Additive(model, length);
        // A backward pass needs about the input and the output of every product, and the stream twice a layer.
        long layers = Math.Max(model.Config.Layers, attentions.Count(a => !a.IsCross));
        long kept = Kept(model, attentions, length);
        checked
        {
            long activations = sizeof(float) * (long)batch * length * (inner + (4L * layers * model.Config.Width));
            long cache = sizeof(float) * (long)batch * kept;
            bool recurrent = attentions.Count == 0;
            return new ModelSize(parameters, stored - parameters, [.. parts], stored * sizeof(float), activations, recurrent ? 0 : cache,
                operations)
            { StateBytes = recurrent ? cache : 0 };
        }
    }

    /// <summary>Floats that a sequence's cache keeps.</summary>
    private static long Kept(Model model, IReadOnlyList<AttentionPart> attentions, int length)
    {
        IReadOnlyList<KeyValueShape> layers = model is CausalLanguageModel causal ? causal.CacheLayers
            : model is SequenceToSequenceModel pair ? pair.CacheLayers : [];
        Dictionary<int, int> windows = [];
        foreach (AttentionPart a in attentions)
            if (a.Config is { Causal: true, Window: > 0 } && !a.IsCross) windows[a.Config.Layer] = a.Config.Window;
        long kept = 0;
        for (int i = 0; i < layers.Count; i++)
        {
            checked
            {
                kept += layers[i].Floats(Math.Min(length, windows.GetValueOrDefault(i, int.MaxValue)));
                // Each layer of attention keeps its own keys and values of the encoder; recurrent layers share the encoder's rows.
                if (layers[i].Cross && (attentions.Count > 0 || i == 0)) kept += layers[i].Floats(length);
            }
        }

        return kept;
    }

    /// <summary>Additive attention of one token: a hidden layer and a sum over the encoder's rows of both directions; its projections are
    /// weights like others.</summary>
    private static double Additive(Model model, int length)
        => model.Config is Recurrent.LstmConfig { Task: Recurrent.LstmTask.SequenceToSequence, Attends: true } c
            ? length * ((2.0 * c.AttentionWidth) + (2.0 * 2 * c.Width))
            : 0;

    /// <summary>The first words of a name, with <c>*</c> for numbers: <c>transformer.h.3.attn.c_attn.weight</c> →
    /// <c>transformer.h.*.attn</c>.</summary>
    private static string PartOf(string name)
    {
        string[] words = name.Split('.');
        List<string> kept = [];
        for (int i = 0; i < words.Length - 1 && kept.Count < 4; i++) kept.Add(words[i].All(char.IsAsciiDigit) ? "*" : words[i]);
        return kept.Count == 0 ? name : string.Join('.', kept);
    }
}
