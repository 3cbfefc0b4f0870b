using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;

namespace Heed.Explorer.Traces;

/// <summary>Runs a model with observers: the one door through which pages get numbers.</summary>
/// <param name="model">The model.</param>
/// <param name="layout">Its attentions.</param>
/// <param name="fingerprint">Which weights these are.</param>
internal sealed class TraceRunner(Model model, ModelLayout layout, string fingerprint)
{
    /// <summary>The name under which scores stand.</summary>
    public const string LogitsName = "logits";

    /// <summary>Bytes up to which a first run keeps every tensor; of larger ones the steps of attention and the results of single heads
    /// are computed when they are asked for.</summary>
    private const long KeepAllBytes = 48L << 20;

    /// <summary>Names that are large beside others and seldom looked at.</summary>
    private static readonly string[] Rare = [".dot", ".scaled", ".biased", ".masked", ".result"];

    /// <summary>The run's name.</summary>
    public string IdOf(TextInput text, TextInput? decoder, IReadOnlyList<Intervention> interventions)
    {
        StringBuilder all = new(fingerprint);
        foreach (int id in text.Ids) all.Append(' ').Append(id.ToString(CultureInfo.InvariantCulture));
        if (decoder is not null)
        {
            all.Append(" |");
            foreach (int id in decoder.Ids) all.Append(' ').Append(id.ToString(CultureInfo.InvariantCulture));
        }

        foreach (Intervention change in interventions) all.Append(' ').Append(change.Text);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(all.ToString())))[..16];
    }

    /// <summary>Runs the model and keeps what fits.</summary>
    public Trace Run(TextInput text, TextInput? decoder, IReadOnlyList<Intervention> interventions, CancellationToken cancellationToken)
    {
        bool all = Estimate(text.Tokens.Count, decoder?.Tokens.Count ?? 0) <= KeepAllBytes;
        List<string> order = [];
        long started = Stopwatch.GetTimestamp();
        Dictionary<string, Captured> tensors = Capture(text, decoder, interventions,
            name => all || !Rare.Any(end => name.EndsWith(end, StringComparison.Ordinal)), order, cancellationToken);
        double milliseconds = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        return new Trace(IdOf(text, decoder, interventions), text, decoder, interventions, tensors, order, milliseconds);
    }

    /// <summary>A tensor of a trace; computed again with its neighbours where the trace does not hold it.</summary>
    /// <exception cref="InputException">The run has no tensor of this name.</exception>
    public Captured Tensor(Trace trace, string name, CancellationToken cancellationToken)
    {
        name = Hooks.OwnName(name);
        if (trace.Find(name) is { } held) return held;
        int dot = name.LastIndexOf('.');
        string site = dot < 0 ? name : name[..dot];
        trace.Add(Capture(trace.Text, trace.Decoder, trace.Interventions, n => n == name
            || (dot > 0 && n.StartsWith(site + ".", StringComparison.Ordinal)),
            [], cancellationToken).Values);
        return trace.Find(name) ?? throw new InputException($"name: no tensor of this run is named '{Printable.Shorten(name)}'"
            + (Printable.Nearest(name, trace.Order) is { } near ? $"; the nearest is '{near}'." : "."));
    }

    /// <summary>Runs the model and returns the tensors that are wanted, and the scores.</summary>
    /// <param name="text">What is read.</param>
    /// <param name="decoder">What the decoder has written.</param>
    /// <param name="interventions">What is changed.</param>
    /// <param name="wanted">Which tensors are kept.</param>
    /// <param name="order">Gets the names in the order of the computation.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    public Dictionary<string, Captured> Capture(
        TextInput text, TextInput? decoder, IReadOnlyList<Intervention> interventions, Func<string, bool> wanted, List<string> order,
        CancellationToken cancellationToken)
    {
        using ModelUse use = model.Enter();
        using TensorScope scope = TensorScope.Begin();
        Dictionary<string, Captured> tensors = new(StringComparer.Ordinal);
        Replacements changes = new();
        foreach (Intervention intervention in interventions) intervention.AddTo(changes, layout);
        Hooks hooks = new Hooks().ObserveWhere(wanted, (name, x) =>
        {
            order.Add(name);
            tensors[name] = Captured.Of(name, x.Value);
        });
        changes.AddTo(hooks, (name, x) => tensors[name] = Captured.Of(name, x.Value));
        ModelOutput output = model.Run(InputsOf(text, decoder), new RunOptions { Hooks = hooks, CancellationToken = cancellationToken });
        if ((output.Logits ?? output.StartLogits) is { } logits)
        {
            Captured whole = Captured.Of(LogitsName, logits);
            tensors[LogitsName] = whole with { Sizes = whole.Sizes[1..] };                      // the batch of one falls away
            order.Add(LogitsName);
        }

        return tensors;
    }

    /// <summary>A text as the model takes it.</summary>
    public static ModelInputs InputsOf(TextInput text, TextInput? decoder) => new()
    {
        InputIds = TokenGrid.Of([text.Ids]),
        TokenTypeIds = text.Types is { } types ? TokenGrid.Of([types]) : null,
        DecoderInputIds = decoder is null ? null : TokenGrid.Of([decoder.Ids]),
    };

    /// <summary>Bytes of all tensors of a run, about.</summary>
    private long Estimate(int tokens, int written)
    {
        long bytes = 0;
        foreach (StackSite stack in layout.Stacks)
        {
            long T = stack.Name == "decoder" ? written : tokens;
            foreach (LayerSite layer in stack.Layers)
            {
                AttentionConfig a = layer.Self.Config;
                bytes += sizeof(float) * T * ((5L * a.Heads * T) + ((long)a.Heads * a.Width) + (24L * a.Width));
                if (layer.Cross is not null) bytes += sizeof(float) * T * ((5L * a.Heads * tokens) + ((long)a.Heads * a.Width));
            }
        }

        return bytes;
    }
}
