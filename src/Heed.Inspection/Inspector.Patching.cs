using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;

namespace Heed.Inspection;

public sealed partial class Inspector
{
    /// <summary>
    /// Activation patching: the corrupt text runs with one value of the clean run in its place, and the share of the difference that
    /// returns is (F − F_corrupt) / (F_clean − F_corrupt): 0 nothing, 1 all.
    /// </summary>
    /// <param name="clean">The text that gives the answer.</param>
    /// <param name="corrupt">A text of the same length that does not.</param>
    /// <param name="metric">What is asked.</param>
    /// <param name="site">Which value: of all layers (<c>decoder.resid_pre</c>, <c>decoder.attn.z</c>, <c>decoder.mlp.out</c>) or of one
    /// (<c>decoder.blocks.3.resid_pre</c>). Values with heads are patched head by head at all positions, others position by
    /// position.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <returns>[L, T] or [L, H]; of one layer [T] or [H].</returns>
    /// <exception cref="InputException">The texts differ in length, both have the same F, or there is no such value.</exception>
    /// <remarks>Vig et al. 2020, arXiv:2004.12265; Zhang and Nanda 2023, arXiv:2309.16042.</remarks>
    public ValueArray Patch(InspectedText clean, InspectedText corrupt, LogitDifference metric, string site,
        CancellationToken cancellationToken = default)
    {
        CheckPair(clean, corrupt);
        string[] names = SitesOf(site);
        Dictionary<string, ValueArray> values = Gather([clean], names.Contains, null, cancellationToken);
        (double best, double worst) = EndsOf(clean, corrupt, metric, cancellationToken);
        ValueArray? states = names[0].StartsWith($"{LastStack.Name}.", StringComparison.Ordinal)
            ? StatesBefore(corrupt, cancellationToken) : null;
        List<ValueArray> layers = [];
        foreach (string name in names)
        {
            ValueArray value = values[name].At(0);
            KnownState? known = states is not null && LayerOf(name) is { } layer ? new KnownState(layer, states.At(layer)) : null;
            (bool heads, int count) = PlacesOf(name, value.Shape);
            IReadOnlyList<Intervention>[] each = [.. Enumerable.Range(0, count).Select(i => (IReadOnlyList<Intervention>)
                [Intervention.Set(name, value, heads ? i : null, heads ? null : i)])];
            layers.Add(new ValueArray(
                Array.ConvertAll(Measure(corrupt, metric, each, cancellationToken, known), f => (float)((f - worst) / (best - worst))),
                    count));
        }

        return IsOneLayer(site) ? layers[0] : Stacked(layers);
    }

    /// <summary>
    /// Attribution patching: the first-order estimate of <see cref="Patch"/> from two runs and one backward pass, Σ (clean − corrupt) ·
    /// ∂F/∂value with the gradient of the corrupt run, divided by F_clean − F_corrupt.
    /// </summary>
    /// <inheritdoc cref="Patch"/>
    /// <remarks>Nanda 2023; Syed et al. 2023, arXiv:2310.10348.</remarks>
    public ValueArray AttributionPatch(
        InspectedText clean, InspectedText corrupt, LogitDifference metric, string site, CancellationToken cancellationToken = default)
    {
        CheckPair(clean, corrupt);
        string[] names = SitesOf(site);
        Dictionary<string, ValueArray> good = Gather([clean], names.Contains, null, cancellationToken), bad =
            Gather([corrupt], names.Contains, null, cancellationToken);
        (double best, double worst) = EndsOf(clean, corrupt, metric, cancellationToken);
        Dictionary<string, ValueArray> gradients = Gradients(corrupt, metric, names, cancellationToken);
        List<ValueArray> layers = [];
        foreach (string name in names)
        {
            Shape shape = good[name].At(0).Shape;
            (bool heads, int count) = PlacesOf(name, shape);
            ValueAxes axes = ValueAxes.Of(name, shape);
            int inner = 1;
            for (int axis = Math.Max(axes.Head, axes.Position) + 1; axis < shape.Rank; axis++) inner *= shape[axis];
            double[] sums = new double[count];
            ReadOnlySpan<float> g = good[name].Span, b = bad[name].Span, d = gradients[name].Span;
            for (int i = 0; i < g.Length; i++)
            {
                (int head, int position) = axes.At(i / inner, shape);
                sums[heads ? head : position] += ((double)g[i] - b[i]) * d[i];
            }

            layers.Add(new ValueArray(Array.ConvertAll(sums, s => (float)(s / (best - worst))), count));
        }

        return IsOneLayer(site) ? layers[0] : Stacked(layers);
    }

    /// <summary>∂F/∂value of some values of one run; each keeps its own effect on the others.</summary>
    internal Dictionary<string, ValueArray> Gradients(
        InspectedText text, LogitDifference metric, IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        using ModelUse use = Model.Enter();
        using TensorScope scope = TensorScope.Begin();
        Dictionary<string, (Leaf Leaf, Shape Shape)> leaves = new(StringComparer.Ordinal);
        Hooks hooks = new();
        foreach (string name in names)
        {
            Leaf leaf = new();
            hooks.Replace(_names.Value.EngineName(name), (_, x) =>
            {
                leaves[name] = (leaf, x.Shape);
                return x + leaf.Of(Tensor.Zeros(x.Shape));          // the sum's gradient is the value's
            });
        }

        using (Tape tape = Tape.BeginForInputs())
            tape.Backward(Ask([text], metric, hooks, cancellationToken));
        Dictionary<string, ValueArray> gradients = new(StringComparer.Ordinal);
        foreach ((string name, (Leaf leaf, Shape shape)) in leaves)
        {
            Shape part = PartOf(name, shape, 1);
            gradients[name] = leaf.Gradient is { } gradient ? ValueArray.Create(gradient.Span, part)
                : new ValueArray(new float[part.Count], part);
            leaf.Clear();
        }

        return gradients;
    }

    /// <summary>Σ F of some texts, [].</summary>
    private Variable Ask(IReadOnlyList<InspectedText> texts, LogitDifference metric, Hooks? hooks, CancellationToken cancellationToken)
    {
        Variable scores = _runner.Run(ModelRunner.Batch(texts), hooks, ReadoutOf(texts[0], metric.Position), cancellationToken);  // [B, V]
        _ = Difference(scores.Value.Span[..scores.Shape.Last], metric);
        Variable target = scores.Columns(metric.Target, 1);
        return (metric.Foil is { } foil ? target - scores.Columns(foil, 1) : target).Sum();
    }

    private (double Clean, double Corrupt) EndsOf(InspectedText clean, InspectedText corrupt, LogitDifference metric,
        CancellationToken cancellationToken)
    {
        double best = Score(clean, metric, null, cancellationToken), worst = Score(corrupt, metric, null, cancellationToken);
        if (best == worst) throw new InputException(
            $"corrupt: has the same score difference as the clean text ({best:G4}); there is nothing to restore. Change a token that "
                + "matters.");
        return (best, worst);
    }

    private string[] SitesOf(string site)
    {
        ArgumentException.ThrowIfNullOrEmpty(site);
        if (IsOneLayer(site)) return [Find(site)];
        StackParts? stack = Parts.FirstOrDefault(s => site.StartsWith($"{s.Name}.", StringComparison.Ordinal));
        string inner = stack is null ? site : site[(stack.Name.Length + 1)..];
        stack ??= LastStack;
        return [.. Enumerable.Range(0, stack.Blocks.Count).Select(l => Find($"{stack.Name}.blocks.{l}.{inner}"))];
    }

    /// <summary>The layer of a value; null for those around the layers.</summary>
    private static int? LayerOf(string name) => name.Split('.') is [_, "blocks", var layer, ..]
        ? int.Parse(layer, System.Globalization.CultureInfo.InvariantCulture) : null;

    private static bool IsOneLayer(string site) => site.Contains("blocks.", StringComparison.Ordinal);

    private static (bool Heads, int Count) PlacesOf(string name, Shape shape)
    {
        ValueAxes axes = ValueAxes.Of(name, shape);
        return axes.Head >= 0 ? (true, shape[axes.Head]) : (false, shape[Math.Max(0, axes.Position)]);
    }

    private static void CheckPair(InspectedText clean, InspectedText corrupt)
    {
        ArgumentNullException.ThrowIfNull(clean);
        ArgumentNullException.ThrowIfNull(corrupt);
        if (clean.Ids.Count != corrupt.Ids.Count || clean.DecoderIds.Count != corrupt.DecoderIds.Count)
            throw new InputException(
                $"corrupt: has {corrupt.Ids.Count} tokens and the clean text {clean.Ids.Count}; swap tokens, so that both have the same "
                    + "number.");
    }
}
