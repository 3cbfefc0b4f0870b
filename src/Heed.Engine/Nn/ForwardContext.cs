using Heed.Engine.Autograd;
using Heed.Engine.Kernels;

namespace Heed.Engine.Nn;

/// <summary>
/// What a batch's rows are, and how this run goes: where each sequence begins, the position of every row, the cache, hooks, dropout,
/// checkpointing and cancellation. Activations themselves are [N, D] without padding; everything else a layer must know travels here.
/// </summary>
public sealed class ForwardContext
{
    private readonly int[] _starts;

    /// <summary>A batch of sequences that lie one after another.</summary>
    /// <param name="starts">[B + 1]: first row of each sequence, and N at the end.</param>
    /// <param name="positions">[N]: the position of each row within its sequence, in tokens.</param>
    /// <exception cref="ArgumentException">The starts do not ascend from 0, or there is not one position a row.</exception>
    public ForwardContext(int[] starts, int[] positions)
    {
        ArgumentNullException.ThrowIfNull(starts);
        ArgumentNullException.ThrowIfNull(positions);
        if (starts.Length == 0 || starts[0] != 0) throw new ArgumentException("The first sequence starts at row 0.", nameof(starts));
        for (int b = 1; b < starts.Length; b++)
            if (starts[b] < starts[b - 1]) throw new ArgumentException($"Sequence {b} would start at row {starts[b]}, before the "
                + $"previous one ({starts[b - 1]}).", nameof(starts));
        if (positions.Length != starts[^1]) throw new ArgumentException($"{positions.Length} positions were given for {starts[^1]} rows.",
            nameof(positions));
        _starts = starts;
        Positions = positions;
    }

    /// <summary>B, number of sequences.</summary>
    public int Sequences => _starts.Length - 1;

    /// <summary>N, number of rows.</summary>
    public int Rows => _starts[^1];

    /// <summary>[B + 1]: first row of each sequence, and N at the end.</summary>
    public ReadOnlySpan<int> Starts => _starts;

    /// <summary>[N]: the position of each row, in tokens.</summary>
    internal int[] Positions { get; }

    /// <summary>[B]: the keys and values of each sequence's earlier tokens, or null. Rows are then the new tokens of sequences that
    /// continue.</summary>
    public IReadOnlyList<KeyValueSequence>? Cache { get; init; }

    /// <summary>The rows of each sequence that may be attended to, where some rows are only queries (padding kept for a loss over all
    /// positions); null: all.</summary>
    internal AttendedRows[]? AttendedRows { get; init; }

    /// <summary>The encoder's rows, for cross-attention; null in models without.</summary>
    public ForwardContext? Memory { get; init; }

    /// <summary>Gets the rows before the first layer and after each, [N, D], after the final norm instead of the last; null where nobody
    /// gathers them.</summary>
    public Action<Variable>? EachLayer { get; init; }

    /// <summary>The layer at which the run begins, with the rows [N, D] that enter it: those of a run that is known already; null: layer
    /// 0.</summary>
    internal LayerResume? Resume { get; init; }

    /// <summary>Observers and replacements of named tensors, or null.</summary>
    public Hooks? Hooks { get; init; }

    /// <summary>Dropout decisions of this training step; null in inference.</summary>
    public DropoutPlan? Dropout { get; init; }

    /// <summary>True to recompute each layer in the backward pass instead of holding its activations.</summary>
    public bool Checkpoint { get; init; }

    /// <summary>Looked at before each layer.</summary>
    public CancellationToken CancellationToken { get; init; }

    /// <summary>The length that RoPE variants depending on length use: longest position + 1, or more if later chunks of a text are known
    /// already.</summary>
    public int Length
    {
        get
        {
            int last = field;
            foreach (int p in Positions) last = Math.Max(last, p + 1);
            return last;
        }

        init;
    }

    /// <summary>Sequences of the given lengths, positions counted from 0.</summary>
    public static ForwardContext Of(params ReadOnlySpan<int> lengths)
    {
        int[] starts = new int[lengths.Length + 1];
        for (int b = 0; b < lengths.Length; b++) starts[b + 1] = starts[b] + lengths[b];
        int[] positions = new int[starts[^1]];
        for (int b = 0; b < lengths.Length; b++)
            for (int i = 0; i < lengths[b]; i++) positions[starts[b] + i] = i;
        return new ForwardContext(starts, positions);
    }

    /// <summary>Shows a tensor to the hooks, if there are any, and returns it or what was put in its place.</summary>
    /// <param name="site">Where in the model, such as <c>blocks.3</c>; from <see cref="ParameterScope.Site"/>.</param>
    /// <param name="name">Which tensor there, such as <c>resid_mid</c>.</param>
    /// <param name="x">The tensor.</param>
    public Variable Visit(string site, string name, Variable x) => Hooks is null ? x : Hooks.Visit(site, name, x);

    /// <summary>The sequences as attention sees them: rows attend to the rows of their own sequence.</summary>
    internal AttentionSequence[] SelfSequences()
    {
        AttentionSequence[] sequences = new AttentionSequence[Sequences];
        for (int b = 0; b < sequences.Length; b++)
        {
            int count = _starts[b + 1] - _starts[b];
            (int first, int keys) = AttendedRows is { } rows ? rows[b] : new AttendedRows(0, count);
            sequences[b] = new AttentionSequence(_starts[b], count, _starts[b] + first, keys, -first) { DropoutStream = (ulong)b };
        }

        return sequences;
    }

    /// <summary>The sequences of cross-attention: rows attend to the encoder's rows of the sequence with the same number.</summary>
    internal AttentionSequence[] CrossSequences()
    {
        ForwardContext memory = Memory ?? throw new InvalidOperationException("Cross-attention needs ForwardContext.Memory, the "
            + "encoder's rows.");
        if (memory.Sequences != Sequences) throw new ArgumentException($"The encoder has {memory.Sequences} sequences and the "
            + $"decoder {Sequences}; they must be equal.");
        AttentionSequence[] sequences = new AttentionSequence[Sequences];
        for (int b = 0; b < sequences.Length; b++)
        {
            (int first, int keys) = memory.AttendedRows is { } rows ? rows[b]
                : new AttendedRows(0, memory._starts[b + 1] - memory._starts[b]);
            sequences[b] = new AttentionSequence(_starts[b], _starts[b + 1] - _starts[b], memory._starts[b] + first,
                keys)
            { DropoutStream = (ulong)b };
        }

        return sequences;
    }
}

/// <summary>Where a run of layers begins.</summary>
/// <param name="Layer">The first layer that runs.</param>
/// <param name="Rows">[N, D]: what enters it.</param>
internal sealed record LayerResume(int Layer, Tensors.Tensor Rows);

/// <summary>The rows of a sequence that may be attended to.</summary>
/// <param name="First">The first, counted from the sequence's first row.</param>
/// <param name="Count">Their number.</param>
internal readonly record struct AttendedRows(int First, int Count);

/// <summary>The dropout decisions of one training step: a seed and a step; each site adds its own stream.</summary>
/// <param name="Seed">The run's seed.</param>
/// <param name="Step">Number of the optimizer step, from 0.</param>
/// <param name="MicroBatch">Number of the micro-batch within the step, from 0.</param>
public sealed record DropoutPlan(ulong Seed, long Step, int MicroBatch = 0)
{
    /// <summary>The stream of one site: the same whenever the same site runs in the same step.</summary>
    internal ulong Stream(string site)
    {
        Runtime.ComputeContext.Current.CountDropoutMask();
        return Initializer.StreamOf(site) ^ ((ulong)Step * 0x9E3779B97F4A7C15) ^ ((ulong)MicroBatch << 48);
    }
}
