using Heed.Generation;

namespace Heed.Inspection.Tests;

/// <summary>The recipes of docs/inspection.md, so that they compile and run. A test holds the page to the lines between the
/// marks.</summary>
internal static class Recipes
{
    public static void HeadAblation(Inspector inspector, TextWriter Console)
    {
        // <Head ablation>
        InspectedText text = inspector.Read("Where is my order and the parcel");
        LogitDifference metric = inspector.Metric(text);
        ValueArray effects = inspector.AblateEach(text, metric)["decoder.attn"];      // [L, H]
        for (int l = 0; l < effects.Shape[0]; l++)
            Console.WriteLine(string.Join("  ", effects.At(l).ToArray()));
        // </Head ablation>
    }

    public static void Pattern(Inspector inspector, TextWriter Console)
    {
        // <Where a token reads>
        Trace trace = inspector.Trace(inspector.Read("Where is my order"), name => name.EndsWith("attn.pattern"));
        ValueArray pattern = trace["decoder.blocks.0.attn.pattern"];                  // [H, T, T]
        for (int key = 0; key < pattern.Shape[2]; key++)
            Console.WriteLine($"{trace.Text.Tokens[key]}  {pattern[0, pattern.Shape[1] - 1, key]:0.00}");
        // </Where a token reads>
    }

    public static void Lens(Inspector inspector, TextWriter Console)
    {
        // <The logit lens>
        InspectedText text = inspector.Read("Where is my");
        ValueArray lens = inspector.Lens(text, position: text.Ids.Count - 1);         // [L + 1, V]
        for (int state = 0; state < lens.Shape[0]; state++)
        {
            float[] scores = lens.At(state).ToArray();
            Console.WriteLine($"{state}: {inspector.TokenOf(Array.IndexOf(scores, scores.Max()))}");
        }
        // </The logit lens>
    }

    public static void Attribution(Inspector inspector, TextWriter Console)
    {
        // <Who writes the answer>
        InspectedText text = inspector.Read("Where is my order");
        DirectAttribution direct = inspector.DirectAttribution(text, inspector.Metric(text));
        foreach (Share share in direct.Shares.OrderByDescending(share => Math.Abs(share.Value)).Take(5))
            Console.WriteLine($"{share.Name}  {share.Value:+0.000;-0.000}");
        Console.WriteLine($"together {direct.Shares.Sum(share => share.Value):0.000} of {direct.Score:0.000}");
        // </Who writes the answer>
    }

    public static void Patching(Inspector inspector, TextWriter Console)
    {
        // <Activation patching>
        InspectedText clean = inspector.Read("Where is my order"), corrupt = clean.With(position: 1, id: 40);
        LogitDifference metric = inspector.Metric(clean);
        ValueArray restored = inspector.Patch(clean, corrupt, metric, "decoder.resid_pre");                 // [L, T]
        ValueArray estimated = inspector.AttributionPatch(clean, corrupt, metric, "decoder.resid_pre");     // two runs
        Console.WriteLine($"position 1, layer 0: {restored[0, 1]:0.000}; estimated {estimated[0, 1]:0.000}");
        // </Activation patching>
    }

    public static void Tracing(Inspector inspector, TextWriter Console)
    {
        // <Causal tracing>
        InspectedText text = inspector.Read("Where is my order");
        CausalTracing found = inspector.CausalTrace(text, inspector.Metric(text).Target, subject: [1, 2], samples: 4, seed: 1);
        Console.WriteLine($"clean {found.Clean:0.000}, with noise {found.Corrupt.ToArray().Average():0.000}");
        Console.WriteLine($"position 2 of state 1 restored: {found.Restored["decoder"][0, 1, 2]:0.000}");
        // </Causal tracing>
    }

    public static void Integrated(Inspector inspector, TextWriter Console)
    {
        // <Integrated gradients>
        InspectedText text = inspector.Read("Where is my order");
        IntegratedGradients found = inspector.IntegratedGradients(text, inspector.Metric(text));
        for (int t = 0; t < text.Ids.Count; t++)
            Console.WriteLine($"{text.Tokens[t]}  {found.ByToken[t]:+0.000;-0.000}");
        Console.WriteLine($"gap {found.RelativeGap:P2} with {found.Steps} steps{(found.IsComplete ? "" : ": do not rely on it")}");
        // </Integrated gradients>
    }

    public static void Induction(Inspector inspector, TextWriter Console)
    {
        // <Induction heads>
        ValueArray induction = inspector.InductionScores(block: 16)["decoder.attn.induction"];              // [L, H]
        for (int l = 0; l < induction.Shape[0]; l++)
            for (int h = 0; h < induction.Shape[1]; h++)
                if (induction[l, h] > 0.4) Console.WriteLine($"layer {l} head {h}: {induction[l, h]:0.00}");
        // </Induction heads>
        Console.WriteLine(induction.Shape);
    }

    public static void Steering(Inspector inspector, TextWriter Console)
    {
        // <Steering: add a difference to the stream>
        string name = "decoder.blocks.1.resid_pre";
        ValueArray good = inspector.Trace(inspector.Read("good"), n => n == name)[name].At(0);
        ValueArray bad = inspector.Trace(inspector.Read("bad"), n => n == name)[name].At(0);                // [D]
        float[] direction = [.. good.ToArray().Zip(bad.ToArray(), (x, y) => 4 * (x - y))];
        Intervention steer = Intervention.Add(name, ValueArray.Create(direction, good.Shape));              // at every position
        InspectedText text = inspector.Read("Where is my order");
        LogitDifference metric = inspector.Metric(text);
        Console.WriteLine($"{inspector.Score(text, metric):0.000} → {inspector.Score(text, metric, [steer]):0.000}");
        // </Steering: add a difference to the stream>
    }

    public static void Files(Inspector inspector, string folder, TextWriter Console)
    {
        // <A trace that a colleague opens>
        inspector.Trace(inspector.Read("Where is my order")).Save(Path.Combine(folder, "order.trace"));
        Trace opened = Trace.Open(Path.Combine(folder, "order.trace"));               // needs no model
        TraceDifference difference = opened.Verify(inspector);                        // needs it
        Console.WriteLine(difference.IsEqual ? "every bit as in the file" : $"first that differs: {difference.First?.Name}");
        // </A trace that a colleague opens>
    }
}
