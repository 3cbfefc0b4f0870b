using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Engine.Tests;

/// <summary>The tolerances of <c>goldens/modules/README.md</c>.</summary>
internal static class GoldenCheck
{
    public const double Forward = 2e-6;
    public const double Gradient = 1e-5;

    public static void Output(GoldenPart part, string name, string role, Tensor actual)
    {
        Assert.Equal(part.Shape(name, role), actual.Shape.ToArray());
        Close.Relative($"{name}/{role}", actual.Span, part.Values(name, role), Forward);
    }

    /// <summary>Relative L2 with a floor of 1e-6 of the gradient of the output.</summary>
    public static void Grad(GoldenPart part, string name, string role, ReadOnlySpan<float> actual, double limit = Gradient)
    {
        double norm = part.Has(name, "grad_output") ? Math.Sqrt(part.Values(name, "grad_output").Sum(v => (double)v * v)) : 1;
        Close.Relative($"{name}/{role}", actual, part.Values(name, role), limit, 1e-6 * norm);
    }

    /// <summary>Parameters whose values are a case's tensors <c>weight.…</c>; every one of them must be used.</summary>
    public static ParameterSet Weights(GoldenPart part, string name) => new(new Source(part, name));

    /// <summary>Compares the gradients of all parameters with a case's tensors <c>grad.…</c>.</summary>
    public static void Gradients(GoldenPart part, string name, ParameterSet parameters, double limit = Gradient)
    {
        foreach (string key in part.Roles(name, "weight.")) Assert.True(parameters.TryGet(key, out _), $"{name}: the module has no parameter '{key}'.");
        foreach (Parameter p in parameters)
        {
            Assert.True(p.Gradient is not null, $"{name}: '{p.Name}' got no gradient.");
            Grad(part, name, "grad." + p.Name, p.Gradient!.Span, limit);
        }
    }

    private sealed class Source(GoldenPart part, string name) : ParameterSource
    {
        public override void Fill(Parameter parameter)
        {
            Assert.Equal(part.Shape(name, "weight." + parameter.Name), parameter.Shape.ToArray());
            parameter.Assign(part.Tensor(name, "weight." + parameter.Name));
        }
    }
}
