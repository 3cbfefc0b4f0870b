using System.Globalization;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Explorer.Api;
using Heed.Models;
using static System.FormattableString;

namespace Heed.Explorer.Traces;

internal sealed partial class Operands
{
    private static readonly string[] Streams = ["resid_mid_cross", "resid_mid", "cross_attn_norm.out", "attn_norm.out"];
    private static readonly string[] Written = ["mlp.out", "mlp_out_norm.out"];

    private Opened? Stream(string name, string site, string word, int[] at, float value)
    {
        string prefix = site.Length == 0 ? "" : site + ".";
        switch (word)
        {
            case "resid_mid" or "resid_mid_cross" or "resid_post" or "resid_pre" or "out" or "in":
                return Sum(name, site, word, at, value);
            case "token" or "position" when Table(word, site) is { } table:
                {
                    TextInput text = site.StartsWith("decoder", StringComparison.Ordinal) ? trace.Main : trace.Text;
                    bool token = word == "token";
                    for (int row = token ? text.Tokens[at[0]].Id : 0; row < table.Weight.Shape[0]; row++)
                    {
                        Operand weight = Weight($"row {row} of the {word} table", table.Weight, ((long)row * table.Weight.Shape[1])
                            + at[1]);
                        if (weight.Value == value) return new Opened("a row of the table", "Looked up, not computed.", [One(weight)],
                            value);
                        if (!token) continue;
                        return weight.Value == 0 ? null : new Opened("a row of the table, times a factor",
                            "Looked up, and multiplied by a constant.",
                                [new Term([weight, Constant("factor", value / weight.Value)], value)], value);
                    }

                    return null;
                }

            case "logits" when session.Model is CausalLanguageModel { Head.Output: Linear output } && at.Length == 2:
                {
                    StackSite stack = session.Layout.Main;
                    return Linear(output, [$"{stack.Prefix}final_norm.out", $"{stack.Layers[^1].Site}.out"], at[0], at[1], value,
                        "logit = Σᵢ xᵢ · W_U[i]", "The last row against this token's row of the output table.");
                }

            default:
                return null;
        }
    }

    /// <summary>The stream as the sum of what stood before it; tried, since families differ.</summary>
    private Opened? Sum(string name, string site, string word, int[] at, float value)
    {
        string[][] candidates = word switch
        {
            "resid_mid" => [[$"{site}.resid_pre", $"{site}.attn.out"], [$"{site}.resid_pre", $"{site}.attn_out_norm.out"]],
            "resid_mid_cross" => [[$"{site}.resid_mid", $"{site}.cross_attn.out"], [$"{site}.attn_norm.out", $"{site}.cross_attn.out"]],
            "resid_post" => [.. Streams.SelectMany(x => Written.Select(y => new[] { $"{site}.{x}", $"{site}.{y}" }))],
            "out" => [[$"{site}.resid_post"], [$"{site}.mlp_norm.out"]],
            "resid_pre" => [.. Before(site)],
            _ => [.. trace.Order.TakeWhile(n => n != name).Reverse().Where(n => LastWord(n) is "out" or "resid_mid" or "resid_mid_cross"
                or "resid_post" or "resid_pre").Take(8).Select(n => new[] { n })],
        };
        foreach (string[] names in candidates)
        {
            if (!names.All(n => trace.Order.Contains(n) && Get(n).Sizes.AsSpan().SequenceEqual(Get(name).Sizes))) continue;
            List<Term> terms = [.. names.Select(n => One(Number(Short(n), n, at)))];
            if (Checked("a + b", names.Length == 1 ? "The same number." : "The residual stream: what was there, and what this part adds.",
                terms, value) is { } found)
                return found with { Formula = string.Join(" + ", names.Select(Short)) };
        }

        return null;
    }

    private IEnumerable<string[]> Before(string site)
    {
        int number = int.Parse(LastWord(site), CultureInfo.InvariantCulture);
        string stack = site[..^(LastWord(site).Length + "blocks.".Length)];
        yield return number == 0 ? [$"{stack}embed.out"] : [$"{stack}blocks.{number - 1}.out"];
    }

    private static string Short(string name) => string.Join('.', name.Split('.')[^2..]);

    /// <summary>The table whose rows are looked up.</summary>
    private Embedding? Table(string word, string site) => word == "position" ? Module<Embedding>($"{site}.position")
        : Module<Embedding>($"{site}.token")
        ?? session.Model.Modules.OfType<Embedding>().FirstOrDefault(e => e.Weight.Shape[0] == session.Model.Config.Vocabulary);

    /// <summary>A linear layer's output: of the possible inputs the one whose sum is the engine's.</summary>
    private Opened? Linear(Linear linear, IEnumerable<string> inputs, int row, int output, float value, string formula, string words)
    {
        Func<int, (float Value, long Index)> column = Column(linear.Weight, output);
        foreach (string input in inputs)
        {
            if (!trace.Order.Contains(input)) continue;
            Captured x = Get(input);
            if (x.Last != linear.Inputs || row >= x.Sizes[0]) continue;
            List<Term> terms = new(linear.Inputs + 1);
            for (int i = 0; i < linear.Inputs; i++)
            {
                (float w, long index) = column(i);
                float v = x.At([row, i]).Values[0];
                terms.Add(new Term([new Operand($"x[{i}]", input, [row, i], v, null, null),
                    new Operand($"W[{i}]", null, null, w, $"{linear.Weight.Name}#{index.ToString(CultureInfo.InvariantCulture)}", null)],
                        (double)v * w));
            }

            if (linear.Bias is { } bias) terms.Add(One(Weight("bias", bias, output)));
            if (Checked(formula, words, terms, value) is { } found) return found;
        }

        return null;
    }

    private Opened? Products(string formula, string words, float value, int count, Func<int, Operand[]> factors)
    {
        List<Term> terms = new(count);
        for (int d = 0; d < count; d++)
        {
            Operand[] pair = factors(d);
            terms.Add(new Term(pair, pair.Aggregate(1.0, (p, f) => p * f.Value)));
        }

        return Checked(formula, words, terms, value);
    }

    /// <summary>The sum, if it is the engine's but for the order of additions.</summary>
    private static Opened? Checked(string formula, string words, List<Term> terms, float value)
    {
        double sum = terms.Sum(t => t.Product), size = terms.Sum(t => Math.Abs(t.Product));
        return Math.Abs(sum - value) <= Close * Math.Max(size, 1e-6) ? new Opened(formula, words, terms, sum) : null;
    }

    /// <summary>The largest terms in their own order, and the sum of the rest.</summary>
    private List<Term> Shortened(List<Term> terms)
    {
        if (terms.Count > MostTerms)
        {
            double least = terms.Select(t => Math.Abs(t.Product)).OrderDescending().ElementAt(MostTerms - 1);
            List<Term> kept = [.. terms.Where(t => Math.Abs(t.Product) >= least).Take(MostTerms)];
            double rest = terms.Sum(t => t.Product) - kept.Sum(t => t.Product);
            kept.Add(new Term([Constant($"{terms.Count - kept.Count} smaller terms", (float)rest)], rest));
            terms = kept;
        }

        // Weights get their place only where they are shown.
        return [.. terms.Select(t => t with { Factors = [.. t.Factors.Select(Placed)] })];
    }

    private Operand Placed(Operand operand)
    {
        if (operand.Weight?.LastIndexOf('#') is not (> 0 and int split)) return operand;
        string name = operand.Weight[..split];
        long index = long.Parse(operand.Weight.AsSpan(split + 1), CultureInfo.InvariantCulture);
        Parameter? parameter = session.Weights.Find(name);
        int width = parameter is null ? 1 : parameter.Shape.Last;
        return operand with
        {
            Weight = $"{name}[{(parameter?.Shape.Rank == 2 ? Invariant($"{index / width}, {index % width}") : Invariant($"{index}"))}]",
            Place = parameter is null ? null : session.Weights.Of(parameter, index),
        };
    }

    /// <summary>The weights of one output of a product, by input: value and place in the stored order.</summary>
    private static Func<int, (float Value, long Index)> Column(Parameter weight, int output)
    {
        using TensorScope scope = TensorScope.Begin();
        int inputs = weight.Inputs, outputs = weight.Outputs;
        if (weight.InputMajor == true)
        {
            float[] all = weight.ToTensor().ToArray();
            float[] column = [.. Enumerable.Range(0, inputs).Select(i => all[(i * outputs) + output])];
            return i => (column[i], ((long)i * outputs) + output);
        }

        float[] row = new float[inputs];
        weight.CopyTo(output, row);
        return i => (row[i], ((long)output * inputs) + i);
    }

    /// <summary>Tensors that a part of a layer may read, likeliest first.</summary>
    private static IEnumerable<string> InputsOf(string layer, string part)
        => new[] { $"{part}_norm.out", "resid_pre", "attn_norm.out", "cross_attn_norm.out", "resid_mid",
            "resid_mid_cross" }.Select(n => $"{layer}.{n}");

    private IEnumerable<string> EncoderEnd()
    {
        StackSite encoder = session.Layout.Stack("encoder");
        return ["encoder.final_norm.out", $"{encoder.Layers[^1].Site}.out"];
    }

    private Captured Get(string name) => session.Runner.Tensor(trace, name, cancellationToken);

    private T? Module<T>(string site)
        where T : Module => session.Model.Modules.OfType<T>().FirstOrDefault(m => m.Site == site);

    private Operand Number(string label, string hook, params int[] at) => new(label, hook, at, Get(hook).At(at).Values[0], null, null);

    private static Operand Constant(string label, float value) => new(label, null, null, value, null, null);

    private Operand Weight(string label, Parameter parameter, long index, float? value = null)
    {
        float read = value ?? Element(parameter, index);
        return new Operand(label, null, null, read, $"{parameter.Name}#{index.ToString(CultureInfo.InvariantCulture)}", null);
    }

    private static float Element(Parameter parameter, long index)
    {
        int width = parameter.Shape.Rank < 2 ? 1 : parameter.Shape.Last;
        float[] row = new float[width];
        parameter.CopyTo((int)(index / width), row);
        return row[index % width];
    }

    private static Term One(Operand operand) => new([operand], operand.Value);

    private static string LastWord(string name) => name[(name.LastIndexOf('.') + 1)..];

    private readonly record struct Opened(string Formula, string Words, List<Term> Terms, double Sum);
}
