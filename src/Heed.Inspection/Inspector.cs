using System.Security.Cryptography;
using System.Text;
using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Generation;
using Heed.Models;
using Heed.Tokenizers;

namespace Heed.Inspection;

/// <summary>
/// Looks into a model: every value that it computes has a name, can be read, and can be replaced while the model runs; lenses,
/// attributions and interventions are made of that. Encoders, decoders and encoder-decoders alike.
/// </summary>
/// <remarks>
/// Results are immutable and hold numbers of their own. Looking changes no bit of what the model computes. Safe for any number of threads.
/// Names are those of <c>docs/hooks.md</c> with the stack before them (<c>decoder.blocks.3.attn.pattern</c>); names without the stack and
/// TransformerLens' are understood too.
/// </remarks>
/// <example><code>
/// using HeedModel model = HeedModel.Open("models/gpt2");
/// Inspector inspector = new(model);
/// Trace trace = inspector.Trace(inspector.Read("The cat sat on the"));
/// ValueArray pattern = trace["decoder.blocks.0.attn.pattern"];     // [H, T, T]
/// </code></example>
public sealed partial class Inspector
{
    /// <summary>Tokens that run at once where many texts are asked; results do not depend on it.</summary>
    private const int TokensAtOnce = 512;

    private readonly HeedModel? _opened;
    private readonly ModelRunner _runner;
    private readonly Lazy<ModelNames> _names;
    private readonly Lazy<IReadOnlyList<StackParts>> _stacks;
    private readonly Lazy<string> _hash;

    /// <summary>An inspector of an opened model, which stays its owner's.</summary>
    public Inspector(HeedModel model)
        : this((model ?? throw new ArgumentNullException(nameof(model))).Model) => _opened = model;

    /// <summary>An inspector of a model without a tokenizer.</summary>
    internal Inspector(Model model)
    {
        _runner = new ModelRunner(model);
        _names = new(() => ModelNames.Of(_runner));
        _stacks = new(FindStacks);
        _hash = new(Hash);
    }

    /// <summary>The model.</summary>
    public Model Model => _runner.Model;

    /// <summary>The names of all values, in the order of the computation.</summary>
    public IReadOnlyList<string> Names => _names.Value.All;

    /// <summary>SHA-256 over the parameters (name, sizes and float32 values, in the order of the model), in hexadecimal: the same for the
    /// same model, however its files are cut. Computed when first asked for; it reads all weights.</summary>
    public string WeightsHash => _hash.Value;

    /// <summary>The stacks with attention, the one that reads first: <c>encoder</c>, <c>decoder</c>.</summary>
    public IReadOnlyList<string> Stacks => [.. Parts.Select(s => s.Name)];

    internal IReadOnlyList<StackParts> Parts => _stacks.Value;

    internal ModelRunner Runner => _runner;

    /// <summary>The stack that scores come from.</summary>
    private StackParts LastStack => Parts.Count > 0 ? Parts[^1] : throw new InputException(
        $"{Model.Architecture} has no attention layers to look into; a Transformer was expected.");

    /// <summary>The stack that the text goes into.</summary>
    private StackParts FirstStack => Parts.Count > 0 ? Parts[0] : LastStack;

    /// <summary>The name that is meant by another way of writing it.</summary>
    /// <param name="name">As <see cref="Names"/> has it, without the stack where there is one, or TransformerLens'
    /// (<c>blocks.3.attn.hook_pattern</c>).</param>
    /// <exception cref="InputException">The model computes no value of this name; the nearest one is named.</exception>
    public string Find(string name) => _names.Value.Find(name);

    /// <summary>The engine's name of one of <see cref="Names"/>.</summary>
    internal string EngineName(string name) => _names.Value.EngineName(name);

    /// <summary>Number of layers of a stack.</summary>
    /// <exception cref="InputException">There is no such stack.</exception>
    public int LayersOf(string stack) => PartsOf(stack).Blocks.Count;

    /// <summary>Number of heads of a layer's queries.</summary>
    /// <param name="stack"><c>encoder</c> or <c>decoder</c>.</param>
    /// <param name="attention"><c>attn</c> or <c>cross_attn</c>.</param>
    /// <exception cref="InputException">There is no such stack or attention.</exception>
    public int HeadsOf(string stack, string attention = "attn")
    {
        StackParts parts = PartsOf(stack);
        if (!parts.AttentionNames.Contains(attention))
            throw new InputException(
                $"attention '{Printable.Shorten(attention)}': the {stack} has {string.Join(" and ", parts.AttentionNames)}.");
        return ConfigOf(parts, 0, attention).Heads;
    }

    /// <summary>A text as the ids that the model reads, special tokens included.</summary>
    /// <param name="text">The text.</param>
    /// <param name="pair">The second text of a pair, or null.</param>
    /// <param name="written">What the decoder of an encoder-decoder has written so far; null: nothing but its start token.</param>
    /// <exception cref="InputException">The text is longer than the model reads, or <paramref name="written"/> is given to a model with one
    /// stack.</exception>
    public InspectedText Read(string text, string? pair = null, string? written = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        HeedModel opened = _opened
            ?? throw new InvalidOperationException("The inspector was made of a model without a tokenizer; give ids.");
        TokenEncoding encoding = opened.Reading.Encode(text, pair);
        int[] ids = encoding.IdArray;
        if (ids.Length == 0 && Model is CausalLanguageModel && Model.Config.BeginId is { } begin) ids = [begin];
        if (ids.Length == 0) throw new InputException("text: has no token; at least one was expected.");
        if (ids.Length > Model.Config.MaximumLength)
            throw new InputException(
                $"text: has {ids.Length} tokens and the model reads at most {Model.Config.MaximumLength}. Shorten it.");
        int[] decoder = [];
        if (Model is SequenceToSequenceModel both)
        {
            int[] more = written is null ? [] : opened.Reading.Tokenizer.Encode(written, addSpecialTokens: false).IdArray;
            decoder = [both.DecoderStartId, .. more];
        }
        else if (written is not null)
        {
            throw new InputException("written: only the decoder of an encoder-decoder writes beside the text; this model has one stack.");
        }

        return new InspectedText
        {
            Ids = ids,
            TypeIds = ids.Length == encoding.IdArray.Length && opened.Reading.InputsOf([encoding]).TokenTypeIds is not null
                && Array.Exists(encoding.TypeIdArray, t => t != 0)
                ? encoding.TypeIdArray : null,
            DecoderIds = decoder,
            Tokens = Array.ConvertAll(ids, TokenOf),
            DecoderTokens = Array.ConvertAll(decoder, TokenOf),
        };
    }

    /// <summary>How the vocabulary (or the list of classes) writes an id.</summary>
    public string TokenOf(int id)
        => (Model is SequenceClassifier or TokenClassifier ? null : _opened?.Tokenizer.IdToToken(id)) ?? $"#{id}";

    /// <summary>Runs the model and keeps named values.</summary>
    /// <param name="text">The text.</param>
    /// <param name="names">Which values are kept; null: all. Gets names of <see cref="Names"/>. Nothing else is computed beside the
    /// run.</param>
    /// <param name="interventions">What is changed on the way; null: nothing.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <exception cref="InputException">A name, head or position is not there, or an id is outside the vocabulary.</exception>
    public Trace Trace(
        InspectedText text, Func<string, bool>? names = null, IReadOnlyList<Intervention>? interventions = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        Dictionary<string, ValueArray> values = new(StringComparer.Ordinal);
        foreach ((string name, ValueArray all) in Gather([text], names ?? (_ => true), interventions, cancellationToken))
            values.Add(name, all.At(0));
        return new Trace(text, values, [.. (interventions ?? []).Select(i => i.ToString())], Model.Architecture, _hash);
    }

    /// <summary>The scores of one run, at every position.</summary>
    /// <param name="text">The text.</param>
    /// <param name="interventions">What is changed on the way; null: nothing.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <returns>[T, V], of the decoder's positions in an encoder-decoder; [classes] of a classifier of texts.</returns>
    /// <inheritdoc cref="Trace" path="/exception"/>
    public ValueArray Logits(InspectedText text, IReadOnlyList<Intervention>? interventions = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        using ModelUse use = Model.Enter();
        using TensorScope scope = TensorScope.Begin();
        Hooks hooks = new();
        Change(hooks, [interventions ?? []]);
        Variable scores = _runner.Run(ModelRunner.Batch([text]), interventions is null ? null : hooks, null, cancellationToken);
        Shape shape = _runner.IsTextClassifier ? new Shape(scores.Shape.Last) : scores.Shape;
        return ValueArray.Create(scores.Value.Span, shape);
    }

    /// <summary>F of a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="metric">What is asked.</param>
    /// <param name="interventions">What is changed on the way; null: nothing.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <inheritdoc cref="Trace" path="/exception"/>
    public float Score(InspectedText text, LogitDifference metric, IReadOnlyList<Intervention>? interventions = null,
        CancellationToken cancellationToken = default)
        => Measure(text, metric, [interventions ?? []], cancellationToken)[0];

    /// <summary>The likeliest answer against the next one: what to ask where nothing is given. Of a classifier of texts the class
    /// alone.</summary>
    /// <param name="text">The text.</param>
    /// <param name="position">Where scores are read; null: as <see cref="LogitDifference.Position"/> says.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <exception cref="InputException">The text has no mask, or more than one, and no position is given.</exception>
    public LogitDifference Metric(InspectedText text, int? position = null, CancellationToken cancellationToken = default)
    {
        int? at = ReadoutOf(text, position);
        using ModelUse use = Model.Enter();
        using TensorScope scope = TensorScope.Begin();
        ReadOnlySpan<float> scores = _runner.Run(ModelRunner.Batch([text]), null, at, cancellationToken).Value.Span;
        (int first, int second) = (0, -1);
        for (int i = 1; i < scores.Length; i++)
        {
            if (scores[i] > scores[first]) (first, second) = (i, first);
            else if (second < 0 || scores[i] > scores[second]) second = i;
        }

        return new LogitDifference(first, _runner.IsTextClassifier || second < 0 ? null : second, at);
    }

    /// <summary>The position that a metric reads; null for a classifier of texts.</summary>
    internal int? ReadoutOf(InspectedText text, int? position)
    {
        if (_runner.IsTextClassifier) return null;
        if (position is { } given) return given;
        if (Model is CausalLanguageModel) return text.Ids.Count - 1;
        if (Model is SequenceToSequenceModel) return text.DecoderIds.Count - 1;
        if (Model is MaskedLanguageModel && _opened?.Reading.IdOf("mask_token") is { } mask)
        {
            int[] places = [.. Enumerable.Range(0, text.Ids.Count).Where(t => text.Ids[t] == mask)];
            if (places.Length == 1) return places[0];
            throw new InputException(
                $"text: has {places.Length} mask tokens ({TokenOf(mask)}); one was expected. Put one in, or give the position that is "
                    + "asked.");
        }

        throw new InputException("position: is needed to ask this model: it scores every position. Give one from 0 on.");
    }

    /// <summary>Runs texts of equal length and keeps values, each [B, …].</summary>
    internal Dictionary<string, ValueArray> Gather(
        IReadOnlyList<InspectedText> texts, Func<string, bool> names, IReadOnlyList<Intervention>? interventions,
            CancellationToken cancellationToken)
    {
        using ModelUse use = Model.Enter();
        using TensorScope scope = TensorScope.Begin();
        ModelNames all = _names.Value;
        Dictionary<string, ValueArray> values = new(StringComparer.Ordinal);
        Hooks hooks = new();
        if (interventions is { Count: > 0 }) Change(hooks, [.. texts.Select(_ => interventions)]);
        Watch(hooks, name => names(name), (name, value) => values[name] = GridOf(name, value, texts));
        _runner.Run(ModelRunner.Batch(texts), hooks, null, cancellationToken, _runner.Scores > 0
            && all.All.Any(n => IsOfHead(n) && names(n)));
        return values;
    }

    /// <summary>F of copies of one text, each with interventions of its own.</summary>
    internal float[] Measure(
        InspectedText text, LogitDifference metric, IReadOnlyList<IReadOnlyList<Intervention>> each, CancellationToken cancellationToken,
        KnownState? known = null)
    {
        float[] results = new float[each.Count];
        ScoreEach(text, ReadoutOf(text, metric.Position), each, (i, scores) => results[i] = Difference(scores, metric), cancellationToken,
            known);
        return results;
    }

    /// <summary>What enters each layer of the stack that scores come from, [L, T, D]: where only later values change, the layers before
    /// need not run again.</summary>
    internal ValueArray StatesBefore(InspectedText text, CancellationToken cancellationToken)
    {
        StackParts stack = LastStack;
        string[] names = [.. Enumerable.Range(0, stack.Blocks.Count).Select(l => $"{stack.Name}.blocks.{l}.resid_pre")];
        Dictionary<string, ValueArray> values = Gather([text], names.Contains, null, cancellationToken);
        return Stacked([.. names.Select(name => values[name].At(0))]);
    }

    /// <summary>What is known of a run that enters a layer.</summary>
    /// <param name="Layer">The layer, of the stack that scores come from.</param>
    /// <param name="Rows">[T, D].</param>
    internal sealed record KnownState(int Layer, ValueArray Rows)
    {
        public LayerResume Resume(int copies)
        {
            Tensor rows = Tensor.Uninitialized(copies * Rows.Shape[0], Rows.Shape[1]);
            for (int b = 0; b < copies; b++) Rows.Span.CopyTo(rows.Span[(b * Rows.Count)..]);
            return new LayerResume(Layer, rows);
        }
    }

    /// <summary>The scores at a position of copies of one text, each with interventions of its own.</summary>
    internal void ScoreEach(
        InspectedText text, int? position, IReadOnlyList<IReadOnlyList<Intervention>> each, RowReader read,
            CancellationToken cancellationToken,
        KnownState? known = null)
    {
        int atOnce = Math.Clamp(TokensAtOnce / Math.Max(1, text.Ids.Count + text.DecoderIds.Count), 1, 64);
        using ModelUse use = Model.Enter();
        for (int done = 0; done < each.Count; done += atOnce)
        {
            using TensorScope scope = TensorScope.Begin();
            IReadOnlyList<Intervention>[] some = [.. each.Skip(done).Take(atOnce)];
            Hooks hooks = new();
            Change(hooks, some);
            bool plain = some.All(s => s.Count == 0);
            Variable scores = _runner.Run(ModelRunner.Batch([.. some.Select(_ => text)]), plain ? null : hooks, position,
                cancellationToken, true, known?.Resume(some.Length));     // [B, V]
            for (int b = 0; b < some.Length; b++) read(done + b, scores.Value.Span.Slice(b * scores.Shape.Last, scores.Shape.Last));
        }
    }

    /// <summary>Reads the scores of one text.</summary>
    internal delegate void RowReader(int index, ReadOnlySpan<float> scores);

    /// <summary>F of a row of scores.</summary>
    internal float Difference(ReadOnlySpan<float> scores, LogitDifference metric)
    {
        Check(metric.Target, scores.Length, "target");
        if (metric.Foil is not { } foil) return scores[metric.Target];
        Check(foil, scores.Length, "foil");
        return scores[metric.Target] - scores[foil];

        static void Check(int id, int count, string what)
        {
            if ((uint)id >= (uint)count) throw new InputException($"{what} {id}: the model scores the ids 0 to {count - 1}.");
        }
    }

    /// <summary>Puts interventions into a run: those of each text change its part of a batch.</summary>
    internal void Change(Hooks hooks, IReadOnlyList<IReadOnlyList<Intervention>> each)
    {
        foreach (IGrouping<string, (Intervention Change, int Row)> site in each
            .SelectMany((changes, row) => changes.Select(change => (Change: change, Row: row))).GroupBy(c => Find(c.Change.Name)))
        {
            if (site.Key.EndsWith(".mean", StringComparison.Ordinal) || site.Key.EndsWith(".scale", StringComparison.Ordinal)
                || site.Key.EndsWith(".normalized", StringComparison.Ordinal))
                throw new InputException(
                    $"name '{site.Key}': can be read and not changed; change '{site.Key[..site.Key.LastIndexOf('.')]}.in' or '.out' of "
                        + "the same norm.");
            (Intervention Change, int Row)[] changes = [.. site];
            Dictionary<string, Tensor> sources = new(StringComparer.Ordinal);
            foreach (string source in changes.Select(c => c.Change.Source).OfType<string>().Distinct(StringComparer.Ordinal))
                hooks.Observe(_names.Value.EngineName(Find(source)), (_, x) => sources[source] = x.Value.Clone());
            hooks.Replace(_names.Value.EngineName(site.Key), (_, x) =>
            {
                Tensor changed = x.Value.Clone();
                int count = changed.Count / each.Count;
                Shape shape = PartOf(site.Key, x.Shape, each.Count);
                foreach ((Intervention change, int row) in changes)
                    change.Apply(changed.Span.Slice(row * count, count), shape,
                        change.Source is { } source ? sources[source].Span.Slice(row * count, count) : default);
                return changed;
            });
        }
    }

    /// <summary>Shows named values to somebody, as they are after all changes.</summary>
    private void Watch(Hooks hooks, Func<string, bool> names, Action<string, Variable> see)
    {
        ModelNames all = _names.Value;
        foreach (string name in all.All.Where(names)) hooks.Observe(all.EngineName(name), (_, x) => see(name, x));
    }

    /// <summary>A value of a batch of equally long texts, [B, …].</summary>
    private static ValueArray GridOf(string name, Variable value, IReadOnlyList<InspectedText> texts)
    {
        Shape part = PartOf(name, value.Shape, texts.Count);
        return ValueArray.Create(value.Value.Span, new Shape([texts.Count, .. part.ToArray()]));
    }

    /// <summary>The shape of one text's part of a value: [N, …] is rows text after text, scores are [B, …] already.</summary>
    private static Shape PartOf(string name, Shape shape, int texts)
    {
        int[] sizes = shape.ToArray();
        return ValueAxes.IsScore(name) ? new Shape(sizes.AsSpan(1)) : new Shape([sizes[0] / texts, .. sizes[1..]]);
    }

    private static bool IsOfHead(string name)
        => name == "logits" || name.StartsWith("head.", StringComparison.Ordinal);

    private AttentionConfig ConfigOf(StackParts stack, int layer, string attention)
        => Model.Parameters.Attentions.First(a => a.Site == $"{stack.Prefix}blocks.{layer}.{attention}").Config;

    internal StackParts PartsOf(string stack)
        => Parts.FirstOrDefault(s => s.Name == stack)
            ?? throw new InputException(
                $"stack '{Printable.Shorten(stack)}': this model has "
                    + $"{(Parts.Count == 0 ? "no attention layers" : string.Join(" and ", Stacks))}.");

    private List<StackParts> FindStacks()
    {
        ModelNames names = _names.Value;
        List<StackParts> found = [];
        foreach (string stack in (ReadOnlySpan<string>)["encoder", "decoder"])
        {
            if (!names.HasPrefix && stack != names.Stack) continue;
            StackParts parts = new(stack, names.HasPrefix ? $"{stack}." : "", Model, names.Shown);
            if (parts.Blocks.Count > 0) found.Add(parts);
        }

        return found;
    }

    private string Hash()
    {
        using ModelUse use = Model.Enter();
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        float[] buffer = [];
        foreach (Parameter parameter in Model.Parameters)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"{parameter.Name} {parameter.Shape}\n"));
            int rows = parameter.Shape.Rank == 0 ? 1 : parameter.Shape[0], width = parameter.Shape.Count / Math.Max(1, rows);
            int step = Math.Max(1, (1 << 20) / Math.Max(1, width));
            for (int first = 0; first < rows; first += step)
            {
                int count = Math.Min(step, rows - first) * width;
                if (buffer.Length < count) buffer = new float[count];
                parameter.CopyTo(first, buffer.AsSpan(0, count));
                hash.AppendData(System.Runtime.InteropServices.MemoryMarshal.AsBytes(buffer.AsSpan(0, count)));
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
