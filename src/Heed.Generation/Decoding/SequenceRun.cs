using System.Runtime.InteropServices;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;
using Heed.Generation.Inference;
using Heed.Generation.Processors;
using Heed.Generation.Sampling;
using Heed.Generation.Text;

namespace Heed.Generation.Decoding;

/// <summary>A text that is written greedily or by drawing: one sequence, one new id per step.</summary>
internal sealed class SequenceRun : RunningRequest
{
    private const ulong DrawStream = 0x64726177;   // "draw"

    private readonly CounterRandom _random;
    private readonly List<int> _history;
    private readonly List<TokenLogProbability> _logProbabilities = [];
    private readonly TextStream? _text;
    private readonly System.Text.StringBuilder _written = new();
    private DecoderSequence? _state;

    public SequenceRun(GenerationRequest request, Decoder decoder, Outbox outbox)
        : base(request, decoder, outbox)
    {
        _history = [.. FirstIds];
        _random = new CounterRandom(request.Config.Seed, DrawStream + (ulong)request.Sequence);
        _text = NewText();
    }

    public override IReadOnlyList<DecoderSequence> States => _state is null ? [] : [_state];

    public override int Sequences => 1;

    private ReadOnlySpan<int> History => CollectionsMarshal.AsSpan(_history);

    private int Generated => _history.Count - FirstIds.Length;

    public override void Start(PrefixCache prefixes)
    {
        if (FirstIds.Length >= MaximumLength) End(FinishReason.Length);
        else _state = Begin([.. _history], prefixes);
    }

    public override void Advance(Tensor scores, PrefixCache prefixes)
    {
        if (Generated == 0 && Source is null && prefixes.IsEnabled)
            prefixes.Keep(FirstIds, _state!.Cache.Fork(), Decoder.Regime(FirstIds.Length));
        Choose(scores.Span);
    }

    public override void Complete(PrefixCache prefixes)
    {
        if (_state is not null && Source is null && prefixes.IsEnabled)
        {
            // What was chosen last was not read at its length.
            int length = Generated > 0 ? _history.Count - 1 : _history.Count;
            prefixes.Keep([.. History[.._state.Cache.Count]], _state.Cache, Decoder.Regime(length));
            _state = null;
        }

        base.Complete(prefixes);
    }

    public override void Release()
    {
        _state?.Dispose();
        _state = null;
    }

    protected override IReadOnlyList<GeneratedText> Results() =>
    [
        new GeneratedText
        {
            Prompt = 0,
            Text = _written.ToString(),
            Ids = [.. History[FirstIds.Length..]],
            Finish = Finish,
            Usage = Usage(Generated),
            LogProbabilities = _logProbabilities,
        },
    ];

    protected override void End(FinishReason reason)
    {
        Finish = reason;
        _text?.Finish();
        Report([], []);
    }

    /// <summary>Chooses the next token from a row of scores, which is changed.</summary>
    private void Choose(Span<float> scores)
    {
        GenerationConfig config = Request.Config;
        TokenScores? report = config.TopTokens is { } top ? new TokenScores(scores, top) : null;
        Processors.Process(History, scores);
        foreach (ILogitsProcessor processor in Request.Processors) processor.Process(History, scores);
        int id = config is { Sample: true, Temperature: > 0 } ? Draw.Sample(scores, _random, (ulong)Generated) : Draw.Largest(scores);
        _history.Add(id);
        _state!.Unread = [id];
        if (report is not null) _logProbabilities.Add(report.Report(id));
        bool stops = _text is not null && !_text.Add(id);
        if (Prompts.Contains(config.EndIds, id)) Finish = FinishReason.End;
        else if (stops) Finish = FinishReason.Stop;
        else if (_history.Count >= MaximumLength) Finish = FinishReason.Length;
        if (IsDone) _text?.Finish();
        else if (ChangesPositions(_history.Count)) Reread();
        Report([id], report is null ? [] : [_logProbabilities[^1]]);
    }

    private void Reread()
    {
        Release();
        _state = Again([.. _history]);
    }

    private void Report(int[] ids, TokenLogProbability[] logProbabilities)
    {
        string text = _text?.Take() ?? "";
        _written.Append(text);
        // A stop string may come to light with what was held back at the end.
        if (Finish == FinishReason.Length && _text?.Stop is not null) Finish = FinishReason.Stop;
        Outbox.Add(new GenerationUpdate { Text = text, Ids = ids, LogProbabilities = logProbabilities, Finish = Finish, Usage = Usage(Generated) });
    }
}
