using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Heed.Engine.Nn;
using Heed.Inspection;
using Heed.Models;

namespace Heed.Explorer.Traces;

/// <summary>Runs a model under inspection: the one door through which pages get numbers.</summary>
/// <param name="inspector">The model's.</param>
/// <param name="layout">Its attentions.</param>
/// <param name="fingerprint">Which weights these are.</param>
internal sealed class TraceRunner(Inspector inspector, ModelLayout layout, string fingerprint)
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
        Dictionary<string, Captured> tensors = new(StringComparer.Ordinal);
        Inspection.Trace seen = inspector.Trace(TextOf(text, decoder), name => name == LogitsName || wanted(inspector.EngineName(name)),
            [.. interventions.SelectMany(i => i.Changes(layout))], cancellationToken);
        foreach (string name in seen.Names)
        {
            Captured value = Captured.Of(inspector.EngineName(name), seen[name]);
            if (name == LogitsName) value = Scores(value);
            order.Add(value.Name);
            tensors[value.Name] = value;
        }

        return tensors;
    }

    /// <summary>The tensors that a trace holds, as inspection keeps, saves and compares them.</summary>
    public Inspection.Trace Seen(Trace trace)
    {
        Dictionary<string, ValueArray> values = new(StringComparer.Ordinal);
        foreach (string name in inspector.Names)
            if (trace.Find(inspector.EngineName(name)) is { } held) values[name] = held.AsValue;
        return new Inspection.Trace(TextOf(trace.Text, trace.Decoder), values, [.. trace.Interventions.Select(i => i.Text)],
            inspector.Model.Architecture, new Lazy<string>(() => inspector.WeightsHash));
    }

    /// <summary>A text as inspection takes it.</summary>
    public static InspectedText TextOf(TextInput text, TextInput? decoder) => new()
    {
        Ids = text.Ids,
        TypeIds = text.Types,
        DecoderIds = decoder?.Ids ?? [],
        Tokens = [.. text.Tokens.Select(t => t.Piece)],
        DecoderTokens = decoder is null ? [] : [.. decoder.Tokens.Select(t => t.Piece)],
    };

    /// <summary>The scores that pages show: [classes] of a text, of a question answerer those of the start, [T].</summary>
    private Captured Scores(Captured logits) => inspector.Model switch
    {
        SequenceClassifier => logits with { Sizes = logits.Sizes[1..] },
        QuestionAnswerer => new Captured(logits.Name, logits.Sizes[..1],
            [.. Enumerable.Range(0, logits.Sizes[0]).Select(t => logits.Values[t * logits.Last])]),
        _ => logits,
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
