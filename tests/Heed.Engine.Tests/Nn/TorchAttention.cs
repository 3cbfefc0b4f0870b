using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Engine.Tests.Nn;

/// <summary>Weights of torch's modules, whose attention keeps q, k and v in one <c>in_proj_weight</c>: thirds of it become
/// <c>q_proj.weight</c> and so on.</summary>
internal sealed class TorchAttention(GoldenPart part, string name) : ParameterSource
{
    private static readonly string[] Projections = ["q_proj", "k_proj", "v_proj"];

    public override void Fill(Parameter parameter) => parameter.Assign(Third(part, name, "weight.", parameter.Name).Clone());

    /// <summary>Compares all gradients.</summary>
    public static void Gradients(GoldenPart part, string name, ParameterSet parameters, double limit)
    {
        double norm = Math.Sqrt(part.Values(name, "grad_output").Sum(v => (double)v * v));
        foreach (Parameter p in parameters)
        {
            Assert.True(p.Gradient is not null, $"{name}: '{p.Name}' got no gradient.");
            Close.Relative($"{name}/grad.{p.Name}", p.Gradient!.Span, Third(part, name, "grad.", p.Name).Span, limit, 1e-6 * norm);
        }
    }

    private static Tensor Third(GoldenPart part, string name, string prefix, string key)
    {
        if (part.Has(name, prefix + key)) return part.Tensor(name, prefix + key);
        int which = Array.FindIndex(Projections, p => key.Contains(p + ".", StringComparison.Ordinal));
        string kind = key[(key.LastIndexOf('.') + 1)..], place = key[..key.IndexOf(Projections[which], StringComparison.Ordinal)];
        // Of other key and value widths the weights are apart.
        string apart = $"{prefix}{place}{Projections[which]}_{kind}";
        if (part.Has(name, apart)) return part.Tensor(name, apart);
        Tensor joined = part.Tensor(name, $"{prefix}{place}in_proj_{kind}");
        int rows = joined.Shape[0] / 3;
        return joined.Rows(which * rows, rows);
    }
}
