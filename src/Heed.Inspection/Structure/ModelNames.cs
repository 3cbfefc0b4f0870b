using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;

namespace Heed.Inspection;

/// <summary>The names of a model's values, in the order of its computation, and other names for them: without the stack where there is
/// one, and TransformerLens'.</summary>
internal sealed class ModelNames
{
    private readonly Dictionary<string, string> _engine = new(StringComparer.Ordinal);
    private readonly List<string> _all = [];
    private readonly bool _hasCross;

    private ModelNames(string stack, IReadOnlyList<string> shown)
    {
        Stack = stack;
        Shown = shown;
        foreach (string name in shown)
        {
            string own = OwnName(name);
            if (_engine.TryAdd(own, name)) _all.Add(own);
        }

        _hasCross = shown.Any(n => n.Contains(".cross_attn.", StringComparison.Ordinal));
        HasPrefix = shown.Any(n => n.StartsWith("encoder.", StringComparison.Ordinal)
            || n.StartsWith("decoder.", StringComparison.Ordinal));
    }

    /// <summary>The stack of a model that has one; of two the one that writes.</summary>
    public string Stack { get; }

    /// <summary>True where the engine's names begin with a stack.</summary>
    public bool HasPrefix { get; }

    /// <summary>The engine's names, in the order of a run.</summary>
    public IReadOnlyList<string> Shown { get; }

    /// <summary>All names.</summary>
    public IReadOnlyList<string> All => _all;

    /// <summary>Lists the names by running the model on two ids.</summary>
    public static ModelNames Of(ModelRunner runner)
    {
        Model model = runner.Model;
        using ModelUse use = model.Enter();
        using TensorScope scope = TensorScope.Begin();
        AttentionPart? attention = model.Parameters.Attentions.FirstOrDefault(a => !a.IsCross);
        bool writes = runner.HasTwoStacks || (attention?.Config.Causal ?? model is CausalLanguageModel);
        int id = model.Config.EndId is { } end && end >= 0 && end < model.Config.Vocabulary ? end : 0;
        InspectedText text =
            new() { Ids = [id, id], DecoderIds = model is SequenceToSequenceModel both ? [both.DecoderStartId, both.DecoderStartId] : [] };
        List<string> shown = [];
        Hooks hooks = new Hooks().ObserveWhere(_ => true, (name, _) => shown.Add(name));
        runner.Run(ModelRunner.Batch([text]), hooks, null, default, score: runner.Scores > 0);
        return new ModelNames(writes ? "decoder" : "encoder", shown);
    }

    /// <summary>The engine's name of a value.</summary>
    public string EngineName(string name) => _engine[name];

    /// <summary>The name of what the engine shows.</summary>
    public string OwnName(string engineName)
        => engineName.StartsWith("encoder.", StringComparison.Ordinal) || engineName.StartsWith("decoder.", StringComparison.Ordinal)
            || engineName.StartsWith("head.", StringComparison.Ordinal) || engineName.StartsWith("next_sentence.", StringComparison.Ordinal)
            || engineName == "logits" ? engineName : $"{Stack}.{engineName}";

    /// <summary>The name that is meant: itself, one without the stack, TransformerLens'.</summary>
    /// <exception cref="InputException">The model has no such value; the nearest is named.</exception>
    public string Find(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (_engine.ContainsKey(name)) return name;
        string own = WithoutTransformerLens(name);
        if (_engine.ContainsKey(own)) return own;
        if (_engine.ContainsKey($"{Stack}.{own}")) return $"{Stack}.{own}";
        string near = Printable.Nearest(own, _all) is { } nearest ? $" The nearest is '{nearest}'." : "";
        throw new InputException(
            $"name '{Printable.Shorten(name)}': the model computes no value of this name.{near} Layers and heads count from 0; "
                + "docs/hooks.md lists the names.");
    }

    private string WithoutTransformerLens(string name)
    {
        if (!name.Contains("hook_", StringComparison.Ordinal)) return name;
        string own = name.Replace(".self_attn.", ".attn.", StringComparison.Ordinal);
        foreach (string stack in (ReadOnlySpan<string>)["encoder", "decoder"])
        {
            if (own.StartsWith($"{stack}_blocks.", StringComparison.Ordinal)) own = $"{stack}.blocks.{own[(stack.Length + 8)..]}";
            else if (own.Length > stack.Length + 1 && own.StartsWith(stack, StringComparison.Ordinal)
                && char.IsAsciiDigit(own[stack.Length + 1]))
                own = $"{stack}.blocks.{own[(stack.Length + 1)..]}";
        }

        return Hooks.OwnName(own, _hasCross && !own.StartsWith("encoder.", StringComparison.Ordinal));
    }
}
