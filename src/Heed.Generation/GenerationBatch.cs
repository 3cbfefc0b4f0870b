using Heed.Engine.Tensors;
using Heed.Generation.Decoding;
using Heed.Models;

namespace Heed.Generation;

/// <summary>
/// Texts that a model generates together, a token each a step. Texts join and leave between steps; what is written does not depend on the company.
/// Greedy and sampled texts; beams are searched by <see cref="Generator"/>.
/// </summary>
/// <remarks>Not safe for several threads at once: one thread steps.</remarks>
public sealed class GenerationBatch : IDisposable
{
    private readonly Decoder _decoder;
    private readonly List<RunningText> _running = [];
    private int _added;

    /// <summary>An empty batch.</summary>
    /// <param name="model">A causal language model or an encoder-decoder; it stays the caller's.</param>
    /// <param name="maximumCacheBytes">Most memory for keys and values, in bytes.</param>
    /// <exception cref="InputException">The model does not generate.</exception>
    public GenerationBatch(Model model, long maximumCacheBytes = long.MaxValue) => _decoder = Decoder.Of(model, maximumCacheBytes);

    /// <summary>Number of texts on their way.</summary>
    public int Running => _running.Count;

    /// <summary>Bytes that keys and values of the texts hold.</summary>
    public long UsedBytes => _decoder.Cache.UsedBytes;

    /// <summary>Adds a text; it begins with the next step.</summary>
    /// <returns>Its number, by which <see cref="Step"/> reports it.</returns>
    /// <exception cref="InputException">The prompt is empty or longer than the model can read, a setting is outside its range, or the settings ask for beams.</exception>
    public int Add(GenerationRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.Config.Validate();
        if (request.Config.Beams > 1) throw new InputException($"num_beams: {request.Config.Beams} beams cannot run token by token beside other texts; use Generator, or set num_beams to 1.");
        _running.Add(new RunningText(request, _added, _decoder));
        return _added++;
    }

    /// <summary>Every text reads its last token (a new one its prompt) and gets the next.</summary>
    /// <param name="cancellationToken">Looked at before each layer. The batch is then as it was before the step.</param>
    /// <returns>The texts that ended.</returns>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was set.</exception>
    /// <exception cref="BudgetException">The cache is full; the batch is as it was before the step.</exception>
    public IReadOnlyList<GeneratedSequence> Step(CancellationToken cancellationToken = default)
    {
        foreach (RunningText text in _running)
            if (text.IsWithdrawn) text.End(FinishReason.Cancelled);
        List<GeneratedSequence> ended = Leave();
        if (_running.Count == 0) return ended;
        using TensorScope scope = TensorScope.Begin();
        Tensor scores = _decoder.Step([.. _running.Select(t => t.State)], cancellationToken);      // [B, V]
        int V = scores.Shape.Last;
        for (int b = 0; b < _running.Count; b++) _running[b].Choose(scores.Span.Slice(b * V, V));
        ended.AddRange(Leave());
        return ended;
    }

    /// <summary>Takes a text out; its pages are free at once.</summary>
    /// <returns>What it has so far, or null where it ended before.</returns>
    public GeneratedSequence? Remove(int number)
    {
        RunningText? text = _running.Find(t => t.Number == number);
        if (text is null) return null;
        text.End(FinishReason.Cancelled);
        _running.Remove(text);
        return text.Result();
    }

    /// <summary>Ends all texts and returns the memory of their pages.</summary>
    public void Dispose()
    {
        foreach (RunningText text in _running) text.Dispose();
        _running.Clear();
        _decoder.Dispose();
    }

    private List<GeneratedSequence> Leave()
    {
        List<GeneratedSequence> ended = [];
        foreach (RunningText text in _running)
            if (text.IsDone) ended.Add(text.Result());
        _running.RemoveAll(t => t.IsDone);
        return ended;
    }
}
