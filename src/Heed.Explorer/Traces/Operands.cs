using System.Globalization;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Explorer.Api;
using Heed.Models;

namespace Heed.Explorer.Traces;

/// <summary>Opens a number of a run into what it was computed from.</summary>
/// <remarks>What a product reads is found by trying: of the tensors that may stand before it the one whose sum is the engine's number. What
/// fits none is not opened: a guess is no explanation.</remarks>
internal sealed partial class Operands(ExplorerSession session, Trace trace, CancellationToken cancellationToken)
{
    /// <summary>Terms that are listed; of longer sums the largest, and the rest as one.</summary>
    private const int MostTerms = 96;

    /// <summary>Largest difference between a sum in double precision and the engine's, as a part of Σ|terms|.</summary>
    private const double Close = 1e-4;

    /// <summary>Opens a number.</summary>
    /// <param name="name">Its tensor.</param>
    /// <param name="at">Its place.</param>
    /// <exception cref="InputException">There is no such number.</exception>
    public OperandsReply Of(string name, int[] at)
    {
        Captured tensor = Get(name);
        if (at.Length != tensor.Sizes.Length)
        {
            throw new InputException($"at: has {at.Length} indices; {tensor.Name} has the shape "
                + $"[{string.Join(", ", tensor.Sizes)}] and needs {tensor.Sizes.Length}.");
        }

        float value = tensor.At(at).Values[0];
        int dot = tensor.Name.LastIndexOf('.');
        (string site, string word) = dot < 0 ? ("", tensor.Name) : (tensor.Name[..dot], tensor.Name[(dot + 1)..]);
        Opened? opened = site.EndsWith("attn", StringComparison.Ordinal) ? Attention(site, word, at, value)
            : site.EndsWith(".mlp", StringComparison.Ordinal) ? FeedForwardPart(site, word, at, value)
            : LastWord(site).EndsWith("norm", StringComparison.Ordinal) ? Normed(site, word, at, value)
            : Stream(tensor.Name, site, word, at, value);
        if (opened is not { } found)
            return new OperandsReply(tensor.Name, at, value, "", "This number is not opened further.", [], value);
        return new OperandsReply(tensor.Name, at, value, found.Formula, found.Words, Shortened(found.Terms), found.Sum);
    }

    private Opened? Attention(string site, string word, int[] at, float value)
    {
        AttentionSite attention = session.Layout.Attention(site);
        AttentionConfig a = attention.Config;
        bool cross = site.EndsWith("cross_attn", StringComparison.Ordinal);
        switch (word)
        {
            case "pattern":
                {
                    (int h, int i, int j) = (at[1], at[2], at[3]);
                    float[] row = [.. Get($"{site}.masked").At([0, h, i]).Values];
                    float largest = row.Max();
                    double all = row.Sum(m => Math.Exp(m - largest));
                    List<Term> terms = [.. row.Select((m,
                        k) => new Term([Number($"masked score of key {k}", $"{site}.masked", 0, h, i, k)], Math.Exp(m - largest)))];
                    return new Opened("pᵢⱼ = e^(mᵢⱼ − max) ÷ Σₖ e^(mᵢₖ − max)",
                        $"Softmax: the exponential of this score ({terms[j].Product.ToString("G4", CultureInfo.InvariantCulture)}), "
                            + $"divided by the sum over the row ({all.ToString("G4", CultureInfo.InvariantCulture)}). The terms are "
                            + $"the exponentials.",
                        terms, Math.Exp(row[j] - largest) / all);
                }

            case "masked":
                return new Opened("m = b, or −∞ where the query may not look",
                    "The mask: 0 where this query sees this key, −∞ where it does not.",
                    [One(Number("score", $"{site}.biased", at)), One(Constant("mask", float.IsNegativeInfinity(value) ? value : 0))],
                        value);
            case "biased":
                {
                    Operand scaled = Number("scaled score", $"{site}.scaled", at);
                    float bias = value - scaled.Value;
                    return new Opened(a.DistanceBias is null && bias == 0 ? "b = s" : "b = s + bias of the distance",
                        bias == 0 ? "No bias is added here." : "A bias of the distance between query and key is added.",
                        [One(scaled), One(Constant("bias", bias))], value);
                }

            case "scaled":
                {
                    Operand product = Number("q·k", $"{site}.dot", at);
                    Operand factor = Constant(a.Scale == 1 ? "no scale" : "1/√d", a.Scale);
                    double made = (double)product.Value * a.Scale;
                    return new Opened("s = (q·k) × scale",
                        "Scores of wide heads grow with √d; the factor keeps the softmax from becoming a single one.",
                        [new Term([product, factor], made)], made);
                }

            case "dot":
                {
                    (int h, int i, int j) = (at[1], at[2], at[3]);
                    string q = Compared(site, a, "q"), k = Compared(site, a, "k");
                    int g = h / (a.Heads / a.KeyHeads);
                    return Products("q·k = Σ_d q_d · k_d", "Query and key, multiplied number by number and added.", value, a.HeadWidth,
                        d => [Number($"q[{d}]", $"{site}.{q}", i, h, d), Number($"k[{d}]", $"{site}.{k}", j, g, d)]);
                }

            case "z":
                {
                    (int i, int h, int d) = (at[0], at[1], at[2]);
                    int g = h / (a.Heads / a.KeyHeads), keys = Get($"{site}.pattern").Sizes[3];
                    return Products("z_d = Σⱼ pᵢⱼ · vⱼ,d", "The values of all keys, weighted by how much each is looked at.", value, keys,
                        j => [Number($"weight of key {j}", $"{site}.pattern", 0, h, i, j), Number($"v[{j}]", $"{site}.v", j, g, d)]);
                }

            case "result":
                return Result(site, a, at, value);
            case "out":
                {
                    List<Term> terms = [.. Enumerable.Range(0,
                        a.Heads).Select(h => One(Number($"head {h}", $"{site}.result", at[0], h, at[1])))];
                    if (Module<MultiHeadAttention>(site)?.Output is Linear { Bias: { } bias }) terms.Add(One(Weight("bias", bias, at[1])));
                    return Checked("out = Σ_h z_h W_O,h + b", "What the heads add, and a bias.", terms, value);
                }

            case "q" or "k" or "v" when Module<MultiHeadAttention>(site) is { } module:
                return Projected(module, a, site, word, at, value, cross);
            case "rot_q" or "rot_k":
                {
                    string plain = trace.Order.Contains($"{site}.{word[4..]}_norm.out") ? $"{word[4..]}_norm.out" : word[4..];
                    int half = a.HeadWidth / 2, d = at[2], other = d < half ? d + half : d - half;
                    return new Opened("(x cos θ − y sin θ, x sin θ + y cos θ)",
                        "Rotary positions: the pair of numbers is turned by an angle that grows with the position.",
                        [One(Number($"{plain}[{d}]", $"{site}.{plain}", at)),
                            One(Number($"{plain}[{other}]", $"{site}.{plain}", at[0], at[1], other))], value);
                }

            default:
                return null;
        }
    }

    /// <summary>The queries or keys that are multiplied: after their norm and rotation, where there are any.</summary>
    private string Compared(string site, AttentionConfig a, string word)
        => a.Rotation is not null ? $"rot_{word}" : trace.Order.Contains($"{site}.{word}_norm.out") ? $"{word}_norm.out" : word;

    private Opened? Result(string site, AttentionConfig a, int[] at, float value)
    {
        if (Module<MultiHeadAttention>(site)?.Output is not Linear output) return null;
        (int i, int h, int o) = (at[0], at[1], at[2]);
        Func<int, (float Value, long Index)> column = Column(output.Weight, o);
        return Products("result_h = Σ_d z_d · W_O[d]", "This head's z through its rows of the output projection.", value, a.HeadWidth, d =>
        {
            (float w, long index) = column((h * a.HeadWidth) + d);
            return [Number($"z[{d}]", $"{site}.z", i, h, d), Weight("W_O", output.Weight, index, w)];
        });
    }

    private Opened? Projected(MultiHeadAttention module, AttentionConfig a, string site, string word, int[] at, float value, bool cross)
    {
        (int n, int h, int d) = (at[0], at[1], at[2]);
        int K = a.HeadWidth, H = a.Heads, G = a.KeyHeads, part = "qkv".IndexOf(word[0], StringComparison.Ordinal);
        Projection? projection = module.QueryKeyValue ?? (word switch { "q" => module.Query, "k" => module.Key, _ => module.Value });
        if (projection is not Linear linear) return null;
        int output = module.QueryKeyValue is null ? (h * K) + d
            : a.FusedByHead ? (((h * 3) + part) * K) + d
            : (part == 0 ? 0 : part == 1 ? H * K : (H + G) * K) + (h * K) + d;
        string layer = site[..site.LastIndexOf('.')];
        IEnumerable<string> inputs = cross && word != "q" ? EncoderEnd() : InputsOf(layer, cross ? "cross_attn" : "attn");
        return Linear(linear, inputs, n, output, value, $"{word} = Σᵢ xᵢ · W_{word.ToUpperInvariant()}[i] + b",
            $"The token's row, through column {d} of this head's matrix. Every weight has a place in a file.");
    }

    private Opened? FeedForwardPart(string site, string word, int[] at, float value)
    {
        if (Module<FeedForward>(site) is not { } module) return null;
        string layer = site[..site.LastIndexOf('.')];
        switch (word)
        {
            case "pre" when (module.Gate ?? module.Up) is Linear up:
                return Linear(up, InputsOf(layer, "mlp"), at[0], at[1], value, "pre = Σᵢ xᵢ · W_in[i] + b",
                    "How well the row fits this neuron's pattern.");
            case "up" when module.Up is Linear up:
                return Linear(up, InputsOf(layer, "mlp"), at[0], at[1], value, "up = Σᵢ xᵢ · W_up[i] + b",
                    "The half that the gate lets through.");
            case "out" when module.Down is Linear down:
                return Linear(down, [$"{site}.post"], at[0], at[1], value, "out = Σ_f post_f · W_out[f] + b",
                    "What the neurons write, each times how much it fired.");
            case "post":
                {
                    List<Term> terms = [One(Number("pre", $"{site}.pre", at))];
                    if (module.Gate is not null) terms.Add(One(Number("up", $"{site}.up", at)));
                    return new Opened(module.Gate is null ? "post = act(pre)" : "post = act(pre) × up",
                        "The neuron's curve, applied to one number.", terms, value);
                }

            default:
                return null;
        }
    }

    private Opened? Normed(string site, string word, int[] at, float value)
    {
        switch (word)
        {
            case "out" when trace.Order.Contains($"{site}.normalized"):
                {
                    (Parameter? gain, Parameter? bias) = Module<Norm>(site) switch
                    {
                        LayerNorm layer => (layer.Weight, layer.Bias),
                        RmsNorm rms => (rms.Weight, null),
                        _ => (null, null),
                    };
                    if (gain is null) return null;
                    Operand normalized = Number("normalized", $"{site}.normalized", at), weight = Weight("gain", gain, at[^1]);
                    List<Term> terms = [new Term([normalized, weight], (double)normalized.Value * weight.Value)];
                    if (bias is not null) terms.Add(One(Weight("bias", bias, at[^1])));
                    return Checked("out = normalized × gain + bias", "Each number is stretched and moved as training found best.", terms,
                        value);
                }

            case "normalized":
                {
                    int[] row = [.. at[..^1], 0];
                    Operand scale = Number("scale", $"{site}.scale", row), x = Number("x", $"{site}.in", at);
                    Operand mean = trace.Order.Contains($"{site}.mean") ? Number("mean", $"{site}.mean", row) : Constant("no mean", 0);
                    double made = ((double)x.Value - mean.Value) / scale.Value;
                    return Math.Abs(made - value) > 1e-3 * Math.Max(1, Math.Abs(value)) ? null
                        : new Opened(mean.Hook is null ? "x ÷ scale" : "(x − mean) ÷ scale", "The row, brought to one size.",
                        [One(x), One(mean), One(scale)], made);
                }

            case "in":
                return Stream($"{site}.in", site, word, at, value);
            default:
                return null;
        }
    }
}
