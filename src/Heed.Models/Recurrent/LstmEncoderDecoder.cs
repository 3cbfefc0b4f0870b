using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models.Recurrent;

/// <summary>
/// Translation before Transformers: an LSTM reads in both directions, another writes, and before each token additive attention looks at
/// what was read. Without attention the states at both ends of the source stand for what was read, the same at every token.
/// </summary>
/// <remarks>Bahdanau et al. 2015, arXiv:1409.0473, §3 and appendix A, with LSTM cells and a tanh layer instead of maxout; without attention
/// as Cho et al. 2014, arXiv:1406.1078, §2.2.</remarks>
internal sealed class LstmEncoderDecoder : EncoderDecoder
{
    private const string CrossSite = "decoder.blocks.0.cross_attn";
    private readonly LstmConfig _config;
    private readonly Dropout _encoderDropout;
    private readonly Dropout _decoderDropout;
    private readonly Dropout _dropout;

    /// <summary>Makes the parameters: <c>shared</c>, <c>encoder</c>, <c>decoder</c>.</summary>
    public LstmEncoderDecoder(LstmConfig config, ParameterScope at)
        : base(config, at)
    {
        _config = config;
        int E = config.EmbeddingWidth, H = config.Width;
        ParameterScope decoder = (at / "decoder").As("decoder");
        _encoderDropout = new Dropout(config.Dropout, "encoder.embed");
        _decoderDropout = new Dropout(config.Dropout, "decoder.embed");
        _dropout = new Dropout(config.Dropout, "decoder.lstm");
        OutputTokens = new Embedding(config.Vocabulary, E, (at / "shared").As("embed"), LstmConfig.FirstRows);
        Encoder = new Lstm(E, H, ((at / "encoder").As("encoder") / "lstm").As("lstm"), config.EncoderLayers, bothDirections: true);
        Bridge = new Linear(H, config.Layers * H, (decoder / "bridge").As("bridge"), initializer: Initializer.GlorotUniform);
        if (config.Attends) Attention = new AdditiveAttention(H, 2 * H, config.AttentionWidth,
            (decoder / "attention").As("blocks.0.cross_attn"));
        Decoder = new Lstm(E + (2 * H), H, (decoder / "lstm").As("lstm"), config.Layers);
        Combine = new Linear((3 * H) + E, H, (decoder / "combine").As("combine"), initializer: Initializer.GlorotUniform);
    }

    /// <summary>Token table of both sides, [V, E].</summary>
    public override Embedding OutputTokens { get; }

    /// <summary>The layers that read.</summary>
    public Lstm Encoder { get; }

    /// <summary>The backward state at the source's first token to the decoder's first states.</summary>
    public Linear Bridge { get; }

    /// <summary>Looks at the encoder's rows; null if one vector stands for the source.</summary>
    public AdditiveAttention? Attention { get; }

    /// <summary>The layers that write.</summary>
    public Lstm Decoder { get; }

    /// <summary>State, what attention read, and the last token, to the row that is scored.</summary>
    public Linear Combine { get; }

    /// <summary>The states of each layer after every token; the first layer's second part keeps the encoder's rows.</summary>
    public override IReadOnlyList<KeyValueShape> CacheLayers => [.. Decoder.CacheShapes.Select(s => s with { Cross = true })];

    /// <inheritdoc/>
    public override int StartId => _config.DecoderStartId ?? _config.BeginId ?? _config.PaddingId ?? 0;

    /// <summary>The encoder's rows, forward and backward states side by side, [S, 2·H].</summary>
    /// <inheritdoc/>
    public override Variable Encode(TokenBatch batch, ForwardContext context)
    {
        _ = Rows.Check(batch, "input_ids");
        Variable x = _encoderDropout.Forward(context.Visit("encoder", "embed.token", OutputTokens.Forward(batch.Ids)),
            context);       // [S, E]
        context.EachLayer?.Invoke(x);
        x = context.Visit("encoder.lstm", "out", Encoder.Forward(x, context));                                                       // [S, 2H]
        context.EachLayer?.Invoke(x);
        return x;
    }

    /// <inheritdoc/>
    public override Variable Decode(TokenBatch batch, Variable memory, ForwardContext context)
    {
        int[] lengths = Rows.Check(batch, "decoder_input_ids");
        int B = lengths.Length, T = lengths.Max();
        (Variable keys, int[] starts) = Memory(memory, context);                                                                     // [S, 2H]
        Func<Variable, (Variable Read, IReadOnlyList<Variable> Weights)> attend = Reader(keys, starts);
        RecurrentState state = FirstState(keys, starts, context);
        Variable tokens = _decoderDropout.Forward(context.Visit("decoder", "embed.token", OutputTokens.Forward(batch.Ids)),
            context);  // [N, E]
        context.EachLayer?.Invoke(tokens);

        (Variable[] steps, RecurrentState[] states, IReadOnlyList<Variable>[] weights) = Write(tokens, batch, state, T, lengths, attend,
            context);
        if (context.Hooks is not null && Attention is not null)
        {
            Variable pattern = Pattern(weights, lengths, starts), seen = context.Visit(CrossSite, "pattern", pattern);               // [B, 1, T, S]
            // What was put in its place decides what is read, and so every state after it.
            if (!ReferenceEquals(seen.Value, pattern.Value))
                (steps, states, _) = Write(tokens, batch, state, T, lengths, Reading(seen, keys, starts), context);
        }

        for (int t = 0; t < T; t++) Keep(states[t], t, lengths, context);
        int[] order = new int[batch.Rows];
        for (int b = 0; b < B; b++)
            for (int t = 0; t < lengths[b]; t++) order[batch.Starts[b] + t] = (t * B) + b;
        Variable x = Combine.Forward(Variable.Concatenate(0, steps).Gather(order)).Activate(Activation.Tanh);                        // [N, H]
        x = _dropout.Forward(context.Visit("decoder.lstm", "out", x), context);
        context.EachLayer?.Invoke(x);
        return x;
    }

    /// <summary>What is read of the source for a state [B, H]: by attention, or one vector for all states, [B, 2H].</summary>
    private Func<Variable, (Variable Read, IReadOnlyList<Variable> Weights)> Reader(Variable keys, int[] starts)
    {
        if (Attention is { } attention)
        {
            Variable prepared = attention.Prepare(keys);                                                                             // [S, width]
            return step => attention.Forward(step, keys, prepared, starts);
        }

        int H = _config.Width;
        int[] last = [.. starts.Skip(1).Select(s => s - 1)];
        Variable ends = Variable.Concatenate(-1, keys.Gather(last).Columns(0, H), keys.Gather(starts[..^1]).Columns(H,
            H));          // [B, 2H]
        return _ => (ends, []);
    }

    /// <summary>Writes token after token: each step reads what attention gives for the state before it.</summary>
    /// <param name="tokens">[N, E].</param>
    /// <param name="batch">Their batch.</param>
    /// <param name="state">The states before the first token.</param>
    /// <param name="length">T, tokens of the longest text.</param>
    /// <param name="lengths">[B].</param>
    /// <param name="attend">From the last layer's state [B, H] to what is read, [B, 2H], and each sequence's weights.</param>
    /// <param name="context">The decoder's context.</param>
    /// <returns>T times: state, what was read and token side by side, [B, 3H + E]; the states; the weights.</returns>
    private (Variable[] Steps, RecurrentState[] States, IReadOnlyList<Variable>[] Weights) Write(
        Variable tokens, TokenBatch batch, RecurrentState state, int length, int[] lengths, Func<Variable, (Variable Read, IReadOnlyList<Variable> Weights)> attend, ForwardContext context)
    {
        int B = lengths.Length;
        int[] each = [.. Enumerable.Range(0, B + 1)];
        Variable[] steps = new Variable[length];
        RecurrentState[] states = new RecurrentState[length];
        IReadOnlyList<Variable>[] weights = new IReadOnlyList<Variable>[length];
        for (int t = 0; t < length; t++)
        {
            context.CancellationToken.ThrowIfCancellationRequested();
            // Sequences that have ended run on with their last token; nobody reads those rows.
            int[] rows = new int[B];
            for (int b = 0; b < B; b++) rows[b] = batch.Starts[b] + Math.Min(t, lengths[b] - 1);
            Variable token = tokens.Gather(rows);                                                                                    // [B, E]
            (Variable read, weights[t]) = attend(state.Hidden[^1]);                                                                  // [B, 2H]
            (Variable hidden, state) = Decoder.Forward(Variable.Concatenate(-1, token, read), each, state);                          // [B, H]
            steps[t] = Variable.Concatenate(-1, hidden, read, token);                                                                // [B, 3H + E]
            states[t] = state;
        }

        return (steps, states, weights);
    }

    /// <summary>The weights of all steps as one tensor, [B, 1, T, S], zeros outside a sequence.</summary>
    private static Variable Pattern(IReadOnlyList<Variable>[] weights, int[] lengths, int[] starts)
    {
        int B = lengths.Length, T = weights.Length, S = Enumerable.Range(0, B).Max(b => starts[b + 1] - starts[b]);
        Variable[] padded = new Variable[B];
        for (int b = 0; b < B; b++)
        {
            int keys = starts[b + 1] - starts[b], sequence = b;
            Variable x = Variable.Concatenate(0, [.. weights.Take(lengths[b]).Select(step => step[sequence])]);                      // [T of b, S of b]
            if (keys < S) x = Variable.Concatenate(1, x, Tensor.Zeros(lengths[b], S - keys));
            if (lengths[b] < T) x = Variable.Concatenate(0, x, Tensor.Zeros(T - lengths[b], S));
            padded[b] = x.Reshape(1, 1, T, S);
        }

        return B == 1 ? padded[0] : Variable.Concatenate(0, padded);
    }

    /// <summary>Attention with given weights, step after step.</summary>
    private static Func<Variable, (Variable Read, IReadOnlyList<Variable> Weights)> Reading(Variable pattern, Variable keys, int[] starts)
    {
        int step = 0, B = starts.Length - 1, S = pattern.Shape.Last;
        return _ =>
        {
            Variable[] read = new Variable[B];
            for (int b = 0; b < B; b++)
            {
                int count = starts[b + 1] - starts[b];
                Variable row = pattern.Slice(0, b, 1).Slice(2, step, 1).Reshape(1, S);
                read[b] = (count < S ? row.Slice(1, 0, count) : row).MatMul(keys.Slice(0, starts[b], count));                        // [1, 2H]
            }

            step++;
            return (Variable.Concatenate(0, read), []);
        };
    }

    /// <summary>The encoder's rows, from the cache where it has them; else they are kept there, if there is one.</summary>
    private (Variable Keys, int[] Starts) Memory(Variable memory, ForwardContext context)
    {
        ForwardContext reading = context.Memory
            ?? throw new InvalidOperationException("The decoder needs ForwardContext.Memory, the encoder's context.");
        int width = 2 * _config.Width;
        if (context.Cache is not { } cache) return (memory, reading.Starts.ToArray());
        int[] starts = new int[cache.Count + 1];
        if (cache.Count > 0 && cache[0].CountOf(0, cross: true) > 0)
        {
            for (int b = 0; b < cache.Count; b++) starts[b + 1] = starts[b] + cache[b].CountOf(0, cross: true);
            Tensor known = Tensor.Uninitialized(starts[^1], width);
            for (int b = 0; b < cache.Count; b++)
                cache[b].Read(0, 0, known.Span[(starts[b] * width)..(starts[b + 1] * width)], cross: true);
            return (known, starts);
        }

        starts = reading.Starts.ToArray();
        for (int b = 0; b < cache.Count; b++)
            cache[b].Append(0, memory.Value.Span[(starts[b] * width)..(starts[b + 1] * width)], cross: true);
        return (memory, starts);
    }

    /// <summary>The states after the tokens that the cache holds; for a new text those that the encoder's first row gives.</summary>
    private RecurrentState FirstState(Variable keys, int[] starts, ForwardContext context)
    {
        int B = starts.Length - 1, H = _config.Width;
        Variable begin = Bridge.Forward(keys.Gather(starts[..^1]).Columns(H, H)).Activate(Activation.Tanh);                          // [B, layers·H]
        Variable[] hidden = new Variable[_config.Layers], cells = new Variable[_config.Layers];
        for (int i = 0; i < hidden.Length; i++)
        {
            Variable h = begin.Columns(i * H, H);
            Tensor c = Tensor.Zeros(B, H);
            if (context.Cache is { } cache && cache.Any(s => s.CountOf(i) > 0))
            {
                Tensor own = Tensor.Uninitialized(B, H), row = Tensor.Uninitialized(2 * H);
                h.Value.Span.CopyTo(own.Span);
                for (int b = 0; b < B; b++)
                {
                    if (cache[b].CountOf(i) == 0) continue;
                    cache[b].Read(i, cache[b].CountOf(i) - 1, row.Span);
                    row.Span[..H].CopyTo(own.Span[(b * H)..]);
                    row.Span[H..].CopyTo(c.Span[(b * H)..]);
                }

                h = own;
            }

            (hidden[i], cells[i]) = (h, c);
        }

        return new RecurrentState(hidden, cells);
    }

    private void Keep(RecurrentState state, int step, int[] lengths, ForwardContext context)
    {
        if (context.Cache is not { } cache) return;
        int H = _config.Width;
        float[] row = new float[2 * H];
        for (int i = 0; i < _config.Layers; i++)
        {
            for (int b = 0; b < lengths.Length; b++)
            {
                if (step >= lengths[b]) continue;
                state.Hidden[i].Value.Span.Slice(b * H, H).CopyTo(row);
                state.Cell[i].Value.Span.Slice(b * H, H).CopyTo(row.AsSpan(H));
                cache[b].Append(i, row);
            }
        }
    }
}
