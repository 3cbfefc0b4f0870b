using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;

namespace Heed.Engine.Nn;

/// <summary>
/// Multi-head attention: project to queries, keys and values, attend head by head, project back. Self-attention and cross-attention, full,
/// grouped or multi-query heads, with a cache or without.  x: [N, D] → [N, D].
/// </summary>
/// <remarks>Vaswani et al. 2017, §3.2.2. Nothing of size T×S is ever held, unless hooks ask for scores or the pattern: then the same steps
/// run one by one.</remarks>
public sealed class MultiHeadAttention : Module
{
    private readonly AttentionConfig _config;
    private readonly AttentionOptions _options;
    private readonly Parameter? _extraKey;
    private readonly Parameter? _extraValue;
    private readonly Norm? _queryNorm;
    private readonly Norm? _keyNorm;

    /// <summary>Makes the projections at a place of the checkpoint.</summary>
    /// <exception cref="ShapeException">Query heads are not a multiple of key heads, or do not divide the width.</exception>
    public MultiHeadAttention(AttentionConfig config, ParameterScope at)
        : base(at)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (config.Features is not null && (config.Window > 0 || config.DistanceBias is not null || config.Sparsity is not null
            || config.ExtraKey))
            throw new ArgumentException("MultiHeadAttention: linear attention (Features) has no scores, so it goes with none of "
                + "Window, DistanceBias, Sparsity and ExtraKey.", nameof(config));
        int K = config.HeadWidth, H = config.Heads, G = config.KeyHeads, D = config.Width;
        if (H < 1 || G < 1 || H % G != 0) throw new ShapeException($"MultiHeadAttention: {H} query heads cannot share {G} key heads "
            + $"evenly.");
        _config = config;
        at.Set.Add(new AttentionPart(at.Site, config));
        if (config.FusedName is { } fused)
        {
            QueryKeyValue = new Linear(D, (H + (2 * G)) * K, (at / fused).As("qkv"), config.Bias, config.InputMajor, config.Initializer);
        }
        else
        {
            Query = new Linear(D, H * K, (at / config.Names.Query).As("q"), config.Bias, config.InputMajor, config.QueryInitializer
                ?? config.Initializer);
            Key = new Linear(config.KeyInputWidth, G * K, (at / config.Names.Key).As("k"), config.Bias, config.InputMajor,
                config.Initializer);
            Value = new Linear(config.ValueInputWidth, G * K, (at / config.Names.Value).As("v"), config.Bias, config.InputMajor,
                config.Initializer);
        }

        if (config.ExtraKey)
        {
            if (config.Causal || config.Window > 0) throw new ArgumentException("MultiHeadAttention: a learned extra key has no "
                + "position; it goes with neither Causal nor Window.", nameof(config));
            _extraKey = at.Parameter("bias_k", new Shape(1, 1, G * K), Initializer.Normal(0.02f));
            _extraValue = at.Parameter("bias_v", new Shape(1, 1, G * K), Initializer.Normal(0.02f));
        }

        if (config.Disentangled is { } positions)
        {
            if (QueryKeyValue is not null || G != H || config.ExtraKey || config.Features is not null)
                throw new ArgumentException("MultiHeadAttention: Disentangled excludes FusedName, KeyHeads, ExtraKey, Features.",
                    nameof(config));
            if (positions is { Projections: { } own, HasKeys: true })
                PositionKey = new Linear(D, H * K, (at / own.Key).As("pos_k"), initializer: config.Initializer);
            if (positions is { Projections: { } others, HasQueries: true })
                PositionQuery = new Linear(D, H * K, (at / others.Query).As("pos_q"), initializer: config.Initializer);
        }

        Output = new Linear(H * K, D, (at / config.Names.Output).As("out"), config.OutputBias, config.InputMajor, config.OutputInitializer
            ?? config.Initializer);
        _queryNorm = config.HeadNorm?.Invoke((at / "q_norm").As("q_norm"));
        _keyNorm = config.HeadNorm?.Invoke((at / "k_norm").As("k_norm"));
        _options = config.Features is { } features
            ? new AttentionOptions { Heads = H, HeadWidth = features.CountFor(K), ValueWidth = K, Scale = 1, Causal = config.Causal }
            : new AttentionOptions
            {
                Heads = H,
                KeyHeads = G,
                HeadWidth = K,
                Scale = config.Scale,
                Causal = config.Causal,
                Window = config.Window
            };
    }

    /// <summary>The projection of queries, D → H·K; null where one projection makes q, k and v.</summary>
    public Projection? Query { get; private set; }

    /// <summary>The projection of keys, D → G·K; null where one projection makes q, k and v.</summary>
    public Projection? Key { get; private set; }

    /// <summary>The projection of values, D → G·K; null where one projection makes q, k and v.</summary>
    public Projection? Value { get; private set; }

    /// <summary>The one projection of q, k and v, D → (H + 2G)·K; null where there are three.</summary>
    public Projection? QueryKeyValue { get; private set; }

    /// <summary>The output projection, H·K → D.</summary>
    public Projection Output { get; private set; }

    /// <summary>The projection of distances to keys; null where <see cref="Key"/> does it, or nothing.</summary>
    internal Projection? PositionKey { get; private set; }

    /// <summary>The projection of distances to queries; null where <see cref="Query"/> does it, or nothing.</summary>
    internal Projection? PositionQuery { get; private set; }

    /// <summary>The sizes of this layer's keys and values in a cache.</summary>
    public KeyValueShape CacheShape => _config.Features is null ? new(_config.KeyHeads, _config.HeadWidth)
        : new(_config.Heads, _config.HeadWidth, Features: _options.HeadWidth);

    /// <summary>Self-attention: rows attend to the rows of their own sequence.</summary>
    /// <param name="x">[N, D].</param>
    /// <param name="context">Where sequences begin, positions, cache, hooks.</param>
    /// <returns>[N, D].</returns>
    public Variable Forward(Variable x, ForwardContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        int H = _config.Heads, G = _config.KeyHeads, K = _config.HeadWidth;
        ColumnRange q, k, v;
        if (QueryKeyValue is not null)
        {
            Variable qkv = QueryKeyValue.Forward(x, context);                                            // [N, (H + 2G)·K]
            if (_config.FusedByHead) qkv = qkv.Reshape(qkv.Shape[0], H, 3, K).Permute(0, 2, 1, 3).Reshape(qkv.Shape[0], -1);
            (q, k, v) = (new ColumnRange(qkv, 0, H * K), new ColumnRange(qkv, H * K, G * K), new ColumnRange(qkv, (H + G) * K, G * K));
        }
        else
        {
            (q, k, v) = (Whole(Query!.Forward(x, context)), Whole(Key!.Forward(x, context)), Whole(Value!.Forward(x, context)));
        }

        bool changed = context.Hooks is not null || _queryNorm is not null || _config.Rotation is not null;
        if (changed)
        {
            q = Prepare(q, "q", "rot_q", _queryNorm, context);
            k = Prepare(k, "k", "rot_k", _keyNorm, context);
            if (context.Hooks is not null) v = Flat(context.Visit(Site, "v", Heads(v)));
        }

        AttentionSequence[] sequences = context.SelfSequences();
        if (_config.Features is { } features) return AttendLinear(features, q, k, v, sequences, context);
        KeyValuePages[]? pages = null;
        if (context.Cache is { } cache)
        {
            pages = new KeyValuePages[sequences.Length];
            for (int b = 0; b < sequences.Length; b++)
            {
                AttentionSequence s = sequences[b];
                pages[b] = cache[b].Self(_config.Layer);
                int before = pages[b].Count;
                // What lies before the window of the first new row is not read again, not even where this step fails and is repeated.
                if (_config.Window > 0) pages[b].ForgetBefore(before + s.QueryOffset - _config.Window + 1);
                Append(pages[b], k, v, s.KeyStart, s.KeyCount);
                sequences[b] = s with { KeyCount = before + s.KeyCount, QueryOffset = before + s.QueryOffset };
            }
        }

        return Attend(q, k, v, sequences, pages, context, pages is null && _config.Causal
            ? PaddingQueryRows.Attend(q, k, v, _options, context) : null);
    }

    /// <summary>Cross-attention: rows attend to the encoder's rows of the sequence with the same number.</summary>
    /// <param name="x">[N, D], the decoder's rows.</param>
    /// <param name="memory">[S, D'], the encoder's rows; with a cache that has them already it is not read.</param>
    /// <param name="context">The decoder's context, with <see cref="ForwardContext.Memory"/>.</param>
    /// <param name="values">[S, D''], rows from which the values are made; <paramref name="memory"/> where null.</param>
    /// <returns>[N, D].</returns>
    public Variable ForwardCross(Variable x, Variable memory, ForwardContext context, Variable? values = null)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (_config.Features is not null) throw new InvalidOperationException("Linear attention (AttentionConfig.Features) is "
            + "self-attention; there is no cross-attention of it.");
        if (QueryKeyValue is not null) throw new InvalidOperationException("Cross-attention needs separate projections for q, k and "
            + "v; this one was built with a fused one.");
        ColumnRange q = Whole(Query!.Forward(x, context));
        if (context.Hooks is not null) q = Flat(context.Visit(Site, "q", Heads(q)));
        AttentionSequence[] sequences = context.CrossSequences();
        KeyValuePages[]? pages = null;
        ColumnRange k = default, v = default;
        bool known = context.Cache is { } filled && filled.Count > 0 && filled[0].Cross(_config.Layer).Count > 0;
        if (!known)
        {
            (k, v) = (Whole(Key!.Forward(memory, context)), Whole(Value!.Forward(values ?? memory, context)));
            if (context.Hooks is not null)
            {
                k = Flat(context.Visit(Site, "k", Heads(k)));
                v = Flat(context.Visit(Site, "v", Heads(v)));
            }
        }

        if (context.Cache is { } cache)
        {
            pages = new KeyValuePages[sequences.Length];
            for (int b = 0; b < sequences.Length; b++)
            {
                pages[b] = cache[b].Cross(_config.Layer);
                if (!known) Append(pages[b], k, v, sequences[b].KeyStart, sequences[b].KeyCount);
                sequences[b] = sequences[b] with { KeyCount = pages[b].Count };
            }
        }

        return Attend(q, k, v, sequences, pages, context);
    }

    private Variable Attend(ColumnRange q, ColumnRange k, ColumnRange v, AttentionSequence[] sequences, KeyValuePages[]? pages,
        ForwardContext context, Variable? paddingRows = null)
    {
        if (_extraKey is not null)
        {
            if (pages is not null) throw new InvalidOperationException("MultiHeadAttention: a learned extra key cannot be kept in a "
                + "cache.");
            (k, v) = (WithExtra(k, _extraKey, sequences), WithExtra(v, _extraValue!, sequences));
            int first = 0;
            for (int b = 0; b < sequences.Length; b++)
            {
                sequences[b] = sequences[b] with { KeyStart = first, KeyCount = sequences[b].KeyCount + 1 };
                first += sequences[b].KeyCount;
            }
        }

        AttentionOptions options = _options;
        Variable? distances = null;
        if (_config.DistanceBias is { } bias)
        {
            int longest = 1;
            foreach (AttentionSequence s in sequences) longest = Math.Max(longest,
                Math.Max(s.KeyCount - Math.Min(s.QueryOffset, 0), s.QueryCount + Math.Max(s.QueryOffset, 0)));
            distances = bias.Distances(longest);
            options = options with { RelativeRange = (2 * longest) - 1, RelativeOffset = longest - 1 };
        }

        Variable? scores = null;
        if (_config.Disentangled is { } positions)
        {
            if (pages is not null)
                throw new InvalidOperationException("MultiHeadAttention: disentangled positions have no cache; they read whole texts.");
            options = options with { Bias = DenseLayout.PerHead };
            long first = 0;
            for (int b = 0; b < sequences.Length; b++)
            {
                sequences[b] = sequences[b] with { BiasStart = first };
                first += (long)_config.Heads * sequences[b].QueryCount * sequences[b].KeyCount;
            }

            (Projection keys, Projection queries) = (PositionKey ?? Key!, PositionQuery ?? Query!);
            scores = positions.Scores(Heads(q), Heads(k), keys, queries, sequences, _config.Scale, context, Site);
        }

        if (_config.Sparsity is { } sparsity)
        {
            int longest = 1;
            foreach (AttentionSequence s in sequences) longest = Math.Max(longest, s.KeyCount);
            int blocks = (longest + sparsity.BlockSize - 1) / sparsity.BlockSize;
            options = options with { Blocks = new BlockPattern(sparsity.BlockSize, blocks, blocks, sparsity.Allowed(blocks)) };
        }

        if (context.Dropout is { } dropout && _config.Dropout > 0)
        {
            ulong stream = dropout.Stream(Site);
            options = options with { Dropout = _config.Dropout, Seed = dropout.Seed ^ stream };
        }

        // Whoever only looks at scores or pattern leaves the fast path's bits; what replaced them continues from there.
        Variable? changed = !AttentionInspection.IsWanted(context.Hooks, Site) ? null
            : AttentionInspection.Run(
                q, k, v, distances, scores, options, sequences, pages, context, Site,
                slopes: _config.DistanceBias is AlibiBias { FromFirstKey: true } ? AlibiBias.Slopes(_config.Heads) : null);
        Variable z = changed ?? AttentionOp.Apply(q, k, v, distances, options, sequences, pages, scores);  // [N, H·K]
        if (paddingRows is { } rows) z += rows;
        return Project(z, context);
    }

    /// <summary>Attention by sums over keys of features times values; with a cache each sequence resumes from its sum.</summary>
    private Variable AttendLinear(IAttentionFeatures features, ColumnRange q, ColumnRange k, ColumnRange v, AttentionSequence[] sequences,
        ForwardContext context)
    {
        ColumnRange query = Whole(context.Visit(Site, "feature_q", features.OfQueries(Heads(q))).Reshape(q.Source.Shape[0],
            -1));        // [N, H·M]
        ColumnRange key = Whole(ForEachQueryHead(context.Visit(Site, "feature_k",
            features.OfKeys(Heads(k)))));                          // [N, H·M]
        ColumnRange value = Whole(ForEachQueryHead(Heads(v)));                                                                            // [N, H·K]
        FeatureSum[]? sums = context.Cache is { } cache ? [.. cache.Select(sequence => sequence.Sum(_config.Layer))] : null;
        Variable? changed = null;
        if (AttentionInspection.IsWanted(context.Hooks, Site))
        {
            if (sums is not null && Array.Exists(sums, sum => sum.Count > 0))
                throw new InvalidOperationException($"{Site}: linear attention keeps only a sum of earlier tokens, so their weights "
                    + $"cannot be shown; run the whole text without a cache to see its pattern.");
            changed = AttentionInspection.Run(query, key, value, null, null, _options, sequences, null, context, Site, linear: true);
        }

        Variable z = LinearAttentionOp.Apply(query.Source, key.Source, value.Source, _options, sequences,
            sums);                          // [N, H·K]
        return Project(changed ?? z, context);
    }

    /// <summary>[N, G, X] → [N, H·X]: each key head serves H / G neighbours.</summary>
    private Variable ForEachQueryHead(Variable x)
    {
        int N = x.Shape[0], G = _config.KeyHeads, H = _config.Heads, X = x.Shape[2];
        return G == H ? x.Reshape(N, H * X) : (x.Reshape(N, G, 1, X) * Tensor.Full(new Shape(1, 1, H / G, 1), 1)).Reshape(N, H * X);
    }

    private Variable Project(Variable z, ForwardContext context)
    {
        if (context.Hooks is not { } hooks) return Output.Forward(z, context);
        Variable heads = context.Visit(Site, "z", z.Reshape(z.Shape[0], _config.Heads, _config.HeadWidth));       // [N, H, K]
        Variable y = Output.Forward(heads.Reshape(z.Shape[0], -1), context);                                                // [N, D]
        if (hooks.Wants(Site, "result"))
        {
            Variable parts = ByHead(heads), seen = context.Visit(Site, "result", parts);
            if (!ReferenceEquals(seen.Value, parts.Value)) y = Bias() is { } bias ? seen.Sum(1) + bias : seen.Sum(1);
        }

        return context.Visit(Site, "out", y);
    }

    /// <summary>What the output projection gives for zero, [D]; null where it has no bias.</summary>
    private Variable? Bias() => Output is Linear linear ? linear.Bias?.ToVariable()
        : Output.Forward(Tensor.Zeros(1, Output.Inputs)).Reshape(-1);

    /// <inheritdoc/>
    protected override bool Exchange(Projection old, Projection replacement)
    {
        if (ReferenceEquals(old, Query)) Query = replacement;
        else if (ReferenceEquals(old, Key)) Key = replacement;
        else if (ReferenceEquals(old, Value)) Value = replacement;
        else if (ReferenceEquals(old, QueryKeyValue)) QueryKeyValue = replacement;
        else if (ReferenceEquals(old, PositionKey)) PositionKey = replacement;
        else if (ReferenceEquals(old, PositionQuery)) PositionQuery = replacement;
        else if (ReferenceEquals(old, Output)) Output = replacement;
        else return false;
        return true;
    }

    /// <summary>What each head adds to the output, without the bias: z[h]·W[h], [N, H, K] → [N, H, D]. Only for those who ask; the sum over
    /// heads is the output but for rounding.</summary>
    private Variable ByHead(Variable z)
    {
        int H = _config.Heads, K = _config.HeadWidth, D = _config.Width;
        if (Output is not Linear output)
        {
            // Of a projection that is only known by what it does: each head alone, the others zero.
            Variable[] parts = new Variable[H];
            for (int h = 0; h < H; h++)
            {
                float[] one = new float[H];
                one[h] = 1;
                Variable alone = Output.Forward((z * Tensor.Create(one, new Shape(1, H, 1))).Reshape(z.Shape[0],
                    -1));                     // [N, D]
                parts[h] = (Bias() is { } bias ? alone - bias : alone).Reshape(-1, 1, D);
            }

            return Variable.Concatenate(1, parts);                                                               // [N, H, D]
        }

        // Of packed values a copy of this one projection, for those who look.
        Variable weight = output.Weight.IsPacked ? output.Weight.ToTensor() : output.Weight.ToVariable();
        weight = _config.InputMajor ? weight.Reshape(H, K, D) : weight.Reshape(D, H, K).Permute(1, 2, 0);         // [H, K, D]
        return z.Permute(1, 0, 2).MatMul(weight).Permute(1, 0, 2);
    }

    private ColumnRange Prepare(ColumnRange rows, string name, string rotatedName, Norm? norm, ForwardContext context)
    {
        Variable x = Heads(rows);                                                         // [N, H, K]
        x = context.Visit(Site, name, x);
        if (norm is not null) x = norm.Forward(x, context);
        if (_config.Rotation is { } rotation) x = context.Visit(Site, rotatedName, rotation.Rotate(x, context.Positions, context.Length));
        return Flat(x);
    }

    /// <summary>The keys (or values) of each sequence followed by the learned one.</summary>
    private static ColumnRange WithExtra(ColumnRange rows, Parameter extra, AttentionSequence[] sequences)
    {
        Variable x = rows.Width == rows.Stride ? rows.Source : rows.Source.Columns(rows.Start, rows.Width);       // [S, G·K]
        List<int> order = [];
        foreach (AttentionSequence s in sequences)
        {
            order.AddRange(Enumerable.Range(s.KeyStart, s.KeyCount));
            order.Add(x.Shape[0]);
        }

        return Whole(Variable.Concatenate(0, x, extra.ToVariable().Reshape(1, -1)).Gather([.. order]));           // [S + B, G·K]
    }

    private static ColumnRange Whole(Variable x) => new(x, 0, x.Shape.Last);

    private static ColumnRange Flat(Variable x) => Whole(x.Reshape(x.Shape[0], -1));

    /// <summary>[N, H·K] → [N, H, K].</summary>
    private Variable Heads(ColumnRange rows)
    {
        Variable x = rows.Start == 0 && rows.Width == rows.Source.Shape.Last ? rows.Source : rows.Source.Slice(1, rows.Start, rows.Width);
        return x.Reshape(x.Shape[0], rows.Width / _config.HeadWidth, _config.HeadWidth);
    }

    private static void Append(KeyValuePages pages, ColumnRange k, ColumnRange v, int start, int count)
    {
        int keyStride = k.Source.Shape.Last, valueStride = v.Source.Shape.Last;
        pages.Append(k.Source.Value.Span[((start * keyStride) + k.Start)..], keyStride,
            v.Source.Value.Span[((start * valueStride) + v.Start)..], valueStride, count);
    }
}
