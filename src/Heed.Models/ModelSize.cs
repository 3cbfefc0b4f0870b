using Heed.Engine.Nn;

namespace Heed.Models;

/// <summary>What a model costs, computed from its parameters' shapes; no weight is read.</summary>
/// <param name="Parameters">Values in all parameters that are trained, shared ones once.</param>
/// <param name="Fixed">Values that are stored and not trained: BART's bias of the output, fixed positions.</param>
/// <param name="Parts">Values by part of the model: the names' first distinguishing words.</param>
/// <param name="WeightBytes">Weights in float32.</param>
/// <param name="ActivationBytes">What a training step holds for its backward pass, about.</param>
/// <param name="CacheBytes">Keys and values of the given batch and length in float32; 0 for models that keep none.</param>
/// <param name="OperationsPerToken">Forward: two operations a weight in a product, and the two products of attention over the given length.</param>
/// <remarks>Kaplan et al., arXiv:2001.08361, §2.1: 2·N a token forward plus 2·layers·context·width.</remarks>
public sealed record ModelSize(long Parameters, long Fixed, IReadOnlyList<(string Part, long Count)> Parts, long WeightBytes, long ActivationBytes, long CacheBytes, double OperationsPerToken)
{
    /// <summary>Computes the sizes.</summary>
    /// <param name="model">A model, with weights or of shapes alone.</param>
    /// <param name="batch">Sequences.</param>
    /// <param name="length">Tokens of each.</param>
    public static ModelSize Of(Model model, int batch, int length)
    {
        ArgumentNullException.ThrowIfNull(model);
        long stored = model.Parameters.Values, parameters = model.Parameters.Where(p => p.NeedsGradient).Sum(p => (long)p.Shape.Count), products = 0, inner = 0;
        SortedDictionary<string, long> parts = new(StringComparer.Ordinal);
        foreach (Parameter p in model.Parameters)
        {
            if (p.InputMajor is not null) products += p.Shape.Count;
            if (p.InputMajor is not null && p.Shape.Rank == 2 && p.Shape.Count < (long)model.Config.Vocabulary * model.Config.Width) inner += p.InputMajor.Value ? p.Shape[1] : p.Shape[0];
            string part = PartOf(p.Name);
            parts[part] = parts.GetValueOrDefault(part) + p.Shape.Count;
        }

        long cache = 0;
        IReadOnlyList<KeyValueShape> layers = model is CausalLanguageModel causal ? causal.CacheLayers : model is SequenceToSequenceModel pair ? pair.CacheLayers : [];
        foreach (KeyValueShape layer in layers) cache += layer.Floats(length) * sizeof(float) * batch;
        // A backward pass needs about the input and the output of every product, and the stream twice a layer.
        long activations = sizeof(float) * (long)batch * length * (inner + (4L * model.Config.Layers * model.Config.Width));
        double operations = (2.0 * products) + (4.0 * model.Config.Layers * length * model.Config.Width);
        return new ModelSize(parameters, stored - parameters, [.. parts.Select(p => (p.Key, p.Value))], stored * sizeof(float), activations, cache, operations);
    }

    /// <summary>The first word of a name that is not a container: <c>transformer.h.3.attn.c_attn.weight</c> → <c>h.*.attn</c>.</summary>
    private static string PartOf(string name)
    {
        string[] words = name.Split('.');
        List<string> kept = [];
        for (int i = 0; i < words.Length - 1 && kept.Count < 4; i++) kept.Add(words[i].All(char.IsAsciiDigit) ? "*" : words[i]);
        return kept.Count == 0 ? name : string.Join('.', kept);
    }
}
