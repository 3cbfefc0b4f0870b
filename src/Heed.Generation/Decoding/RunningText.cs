using System.Runtime.InteropServices;
using Heed.Engine.Kernels;
using Heed.Generation.Processors;

namespace Heed.Generation.Decoding;

/// <summary>One text on its way: what was read and written, its processors, and how the next token is chosen.</summary>
internal sealed class RunningText : IDisposable
{
    private const ulong DrawStream = 0x64726177;   // "draw"

    private readonly GenerationRequest _request;
    private readonly ProcessorList _processors;
    private readonly CounterRandom _random;
    private readonly List<int> _history;
    private readonly int _promptLength;
    private readonly int _maximumLength;
    private readonly bool _samples;

    public RunningText(GenerationRequest request, int number, Decoder decoder)
    {
        _request = request;
        Number = number;
        GenerationConfig config = request.Config;
        int[] prompt = Prompts.Check(request);
        State = decoder.Begin(prompt, request.DecoderPrompt);
        _history = [.. State.Unread];
        _promptLength = _history.Count;
        _maximumLength = Prompts.MaximumLength(config, _promptLength, decoder);
        _processors = ProcessorList.Create(config, _promptLength, _maximumLength);
        _random = new CounterRandom(config.Seed, DrawStream + (ulong)request.Sequence);
        _samples = config.Sample && config.Temperature > 0;
        if (_promptLength >= _maximumLength) End(FinishReason.Length);
    }

    /// <summary>Its place in the caller's list.</summary>
    public int Number { get; }

    /// <summary>What the model has read.</summary>
    public DecoderSequence State { get; }

    public FinishReason Finish { get; private set; }

    public bool IsDone => Finish != FinishReason.None;

    public bool IsWithdrawn => _request.Stop.IsCancellationRequested;

    /// <summary>What was written so far.</summary>
    public GeneratedSequence Result() => new() { Prompt = Number, Ids = CollectionsMarshal.AsSpan(_history)[_promptLength..].ToArray(), Finish = Finish };

    /// <summary>Ends the text and gives its pages back.</summary>
    public void End(FinishReason reason)
    {
        if (IsDone) return;
        Finish = reason;
        State.Dispose();
    }

    /// <summary>Chooses the next token from a row of scores, which is changed.</summary>
    public void Choose(Span<float> scores)
    {
        TokenScores? report = _request.TopTokens is { } top ? new TokenScores(scores, top) : null;
        ReadOnlySpan<int> history = CollectionsMarshal.AsSpan(_history);
        _processors.Process(history, scores);
        foreach (ILogitsProcessor processor in _request.Processors) processor.Process(history, scores);
        int step = _history.Count - _promptLength;
        int id = _samples ? Draw.Sample(scores, _random, (ulong)step) : Draw.Largest(scores);
        _history.Add(id);
        State.Unread = [id];
        bool goesOn = true;
        if (_request.OnToken is { } seen)
            goesOn = seen(report is null ? new GeneratedToken(id, step) : new GeneratedToken(id, step) { LogProbability = report.Of(id), Top = report.Top });
        if (Prompts.Contains(_request.Config.EndIds, id)) End(FinishReason.End);
        else if (!goesOn) End(FinishReason.Stop);
        else if (_history.Count >= _maximumLength) End(FinishReason.Length);
    }

    public void Dispose() => State.Dispose();
}
