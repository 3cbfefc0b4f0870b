using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models;

/// <summary>One run of a model: the contexts of its stacks, what a loss is, and the hidden states and attention patterns where
/// <see cref="RunOptions.Details"/> asks for them.</summary>
public sealed class ModelRun
{
    private readonly List<Tensor> _hidden = [], _attentions = [], _encoderHidden = [], _encoderAttentions = [], _crossAttentions = [];

    // Layers end their scopes; what was gathered in them lives as long as the run's other results.
    private readonly TensorScope? _scope = TensorScope.Current;

    internal ModelRun(RunOptions options)
        => Options = options.Details && options.Hooks is null ? options with { Hooks = new Hooks() } : options;

    /// <summary>How the run goes.</summary>
    public RunOptions Options { get; }

    /// <summary>The context of a model's one stack.</summary>
    public ForwardContext Context(TokenBatch batch) => Gathering(batch, "", null, _hidden, _attentions);

    /// <summary>The context of the stack that reads.</summary>
    public ForwardContext EncoderContext(TokenBatch batch) => Gathering(batch, "encoder.", null, _encoderHidden, _encoderAttentions);

    /// <summary>The context of the stack that writes.</summary>
    /// <param name="batch">Its tokens.</param>
    /// <param name="encoder">The encoder's context.</param>
    /// <param name="source">The encoder's tokens.</param>
    public ForwardContext DecoderContext(TokenBatch batch, ForwardContext encoder, TokenBatch source)
    {
        if (Options.Details) Observe("decoder.", ".cross_attn.pattern", _crossAttentions, batch, source);
        return Gathering(batch, "decoder.", encoder, _hidden, _attentions);
    }

    /// <summary>How token and class losses are summed: nats over targets, as what a step divides by is known only over all its
    /// micro-batches.</summary>
    /// <param name="labelSmoothing">The architecture's own, used while a tape records unless the options say otherwise.</param>
    public CrossEntropySettings Loss(float labelSmoothing = 0) => LossOf(Options.Loss, labelSmoothing);

    internal static CrossEntropySettings LossOf(CrossEntropySettings? given, float labelSmoothing = 0)
        => (given ?? new CrossEntropySettings
        {
            IgnoreIndex = CausalLanguageModel.IgnoredLabel,
            LabelSmoothing = Tape.IsRecording
            ? labelSmoothing : 0
        }) with
        { Reduction = Reduction.Sum };

    internal ModelOutput WithDetails(ModelOutput output) => !Options.Details ? output : output with
    {
        HiddenStates = _hidden,
        Attentions = _attentions,
        EncoderHiddenStates = _encoderHidden,
        EncoderAttentions = _encoderAttentions,
        CrossAttentions = _crossAttentions,
    };

    private ForwardContext Gathering(TokenBatch batch, string stack, ForwardContext? memory, List<Tensor> hidden, List<Tensor> attentions)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (!Options.Details) return batch.Context(Options, memory);
        Observe(stack, ".attn.pattern", attentions, batch, batch);
        return batch.Gathering(Options, memory, rows => Add(hidden, batch.ToGrid(rows.Value)));
    }

    private void Observe(string beginning, string ending, List<Tensor> list, TokenBatch queries, TokenBatch keys)
        => Options.Hooks!.ObserveWhere(
        site => site.StartsWith(beginning, StringComparison.Ordinal) && site.EndsWith(ending, StringComparison.Ordinal),
        (_, pattern) => Add(list, ToGrid(pattern.Value, queries, keys)));

    private void Add(List<Tensor> list, Tensor tensor) => list.Add(_scope?.Adopt(tensor) ?? tensor.LeaveScope());

    /// <summary>A pattern [B, H, T, S] over the rows, put into the padded grids.</summary>
    internal static Tensor ToGrid(Tensor pattern, TokenBatch queries, TokenBatch keys)
    {
        (int B, int H, int T, int S) = pattern.Shape.Bind4(nameof(pattern), "[B, H, T, S]");
        int gridT = queries.GridColumns, gridS = keys.GridColumns;
        Tensor grid = Tensor.Zeros(B, H, gridT, gridS);
        Span<float> target = grid.Span, source = pattern.Span;
        for (int b = 0; b < B; b++)
        {
            (int keyStart, int keyCount) = keys.Attended(b);
            for (int h = 0; h < H; h++)
            {
                for (int i = queries.Starts[b]; i < queries.Starts[b + 1]; i++)
                {
                    for (int j = 0; j < keyCount; j++)
                    {
                        int from = (((((b * H) + h) * T) + i - queries.Starts[b]) * S) + j;
                        int to = (((((b * H) + h) * gridT) + (queries.Cells[i] % gridT)) * gridS) + (keys.Cells[keyStart + j] % gridS);
                        target[to] = source[from];
                    }
                }
            }
        }

        return grid;
    }
}
