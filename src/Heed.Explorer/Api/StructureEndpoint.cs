using System.Globalization;
using Heed.Engine.Nn;
using Heed.Explorer.Traces;
using Heed.Models;

namespace Heed.Explorer.Api;

/// <summary><c>GET /api/structure?trace</c>: the model's parts, in the order in which a run computed them.</summary>
internal sealed class StructureEndpoint : IEndpoint
{
    public string Method => "GET";

    public string Name => "structure";

    public Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        Trace trace = call.Trace(session);
        TowerReply[] towers = [.. session.Layout.Stacks.Select(s => Tower(session.Model, s, trace.Order))];
        return call.JsonAsync(
            new StructureReply(towers, Tree(session.Model), [.. session.Model.TiedNames.Select(t => $"{t.Key} is {t.Value}")]),
            ExplorerJson.Default.StructureReply);
    }

    private static ModuleReply Tree(Module module) => new(
        module.Site, module.Path, module.GetType().Name, module.Modules.Sum(m => m.OwnParameters.Sum(p => (long)p.Shape.Count)),
        [.. module.OwnParameters.Select(p => $"{p.Name} {p.Shape}")], [.. module.Children.Select(Tree)]);

    private static TowerReply Tower(Model model, StackSite stack, IReadOnlyList<string> order)
    {
        List<StepReply> before = [], after = [];
        foreach (string name in new[] { "embed.token", "embed.position", "embed.type", "embed.norm" })
            if (Step(model, stack.Prefix + name, order) is { } step) before.Add(step);
        foreach (string name in new[] { "final_norm", "head" })
            if (Step(model, stack.Prefix + name, order) is { } step) after.Add(step);
        if (stack.Name == "decoder" && !after.Exists(s => s.Kind == "head") && Step(model, "head", order) is { } head) after.Add(head);
        return new TowerReply(stack.Name, before, [.. stack.Layers.Select((layer, l) => Layer(model, layer, l, order))], after);
    }

    private static LayerReply Layer(Model model, LayerSite layer, int number, IReadOnlyList<string> order)
    {
        // The order of the computation says where norms stand: before a part, or after it.
        List<string> sites = [];
        foreach (string name in order)
        {
            if (!name.StartsWith(layer.Site + ".", StringComparison.Ordinal)) continue;
            string rest = name[(layer.Site.Length + 1)..];
            string part = rest.Split('.')[0];
            if (part is "attn" or "cross_attn" or "mlp" || part.EndsWith("_norm", StringComparison.Ordinal))
            {
                if (!sites.Contains(part)) sites.Add(part);
            }
            else if (part is "resid_mid" or "resid_mid_cross" or "resid_post")
            {
                sites.Add("+" + part);
            }
        }

        List<StepReply> steps = [];
        foreach (string part in sites)
        {
            if (part[0] == '+') steps.Add(new StepReply("add", $"{layer.Site}.{part[1..]}", "sum", 0, ""));
            else if (Step(model, $"{layer.Site}.{part}", order) is { } step) steps.Add(step);
        }

        int attention = steps.FindIndex(s => s.Kind == "attention"), norm = steps.FindIndex(s => s.Kind == "norm");
        return new LayerReply(number, layer.Site, norm >= 0 && norm < attention, steps);
    }

    private static StepReply? Step(Model model, string site, IReadOnlyList<string> order)
    {
        Module? module = model.Modules.FirstOrDefault(m => m.Site == site);
        string word = site.StartsWith("embed.", StringComparison.Ordinal) || site.Contains(".embed.", StringComparison.Ordinal)
            ? site[site.IndexOf("embed.", StringComparison.Ordinal)..] : site[(site.LastIndexOf('.') + 1)..];
        if (module is null && !order.Contains(site) && !order.Any(n => n.StartsWith(site + ".", StringComparison.Ordinal))) return null;
        string kind = word switch
        {
            "attn" => "attention",
            "cross_attn" => "cross",
            "mlp" => "feed-forward",
            "embed.token" => "embedding",
            "embed.position" => "positions",
            "embed.type" => "segments",
            "head" => "head",
            _ => word.EndsWith("norm", StringComparison.Ordinal) ? "norm" : "part",
        };
        long parameters = module?.Modules.Sum(m => m.OwnParameters.Sum(p => (long)p.Shape.Count)) ?? 0;
        return new StepReply(kind, site, module?.GetType().Name ?? word, parameters, Note(model, module, site));
    }

    private static string Note(Model model, Module? module, string site)
    {
        if (module is FeedForward feedForward)
        {
            string inner = feedForward.Up.Outputs.ToString("N0", CultureInfo.InvariantCulture);
            return feedForward.Gate is null ? $"{inner} neurons" : $"{inner} neurons, gated";
        }

        if (model.Parameters.Attentions.FirstOrDefault(a => a.Site == site)?.Config is not { } a) return "";
        List<string> notes = [$"{a.Heads} heads of {a.HeadWidth}"];
        if (a.KeyHeads != a.Heads) notes.Add($"{a.KeyHeads} of keys and values");
        if (a.Rotation is not null) notes.Add("q and k rotated");
        if (a.DistanceBias is not null) notes.Add("bias of the distance");
        if (a.Window > 0) notes.Add($"window of {a.Window}");
        if (a.Causal) notes.Add("causal");
        return string.Join(", ", notes);
    }
}
