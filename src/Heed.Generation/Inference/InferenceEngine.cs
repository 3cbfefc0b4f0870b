using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Heed.Generation.Beams;
using Heed.Generation.Decoding;
using Heed.Generation.Inference;
using Heed.Models;

namespace Heed.Generation;

/// <summary>
/// Makes a model write: greedily, drawing, or searching with beams, for any number of callers at once. It owns the model's cache of keys
/// and values; requests share its steps, long prompts are read in chunks, and texts that begin alike are read once.
/// </summary>
/// <remarks>
/// Safe for any number of threads. There is no background thread: a caller who waits for a result runs steps for all, in turns with the
/// others. A text does not depend on what is generated beside it: the same prompt, settings and seed give the same ids alone and in any
/// company. Whoever changes the model's weights calls <see cref="ForgetPrefixes"/>.
/// </remarks>
public sealed class InferenceEngine : IDisposable
{
    private readonly Decoder _decoder;
    private readonly InferenceLoop _loop;
    private readonly Turn _turn = new();                                // whoever holds it runs the loop
    private readonly ConcurrentQueue<RunningRequest> _arrivals = [];
    private long _arrived;
    private volatile bool _sweep;
    private volatile bool _disposed;

    /// <summary>An engine over a model, which stays the caller's.</summary>
    /// <param name="model">A causal language model or an encoder-decoder.</param>
    /// <param name="options">How requests share time and memory; null: the standard.</param>
    /// <exception cref="InputException">The model does not generate.</exception>
    public InferenceEngine(Model model, InferenceOptions? options = null)
        : this(Decoder.Of(model, (options ?? new InferenceOptions()).MaximumCacheBytes), options ?? new InferenceOptions())
    {
    }

    internal InferenceEngine(Decoder decoder, InferenceOptions options)
    {
        options.Validate();
        _decoder = decoder;
        _loop = new InferenceLoop(decoder, options);
    }

    /// <summary>Bytes in pages that texts and kept prefixes hold.</summary>
    public long CacheBytes => _decoder.Cache.UsedBytes;

    /// <summary>Continues prompts, all with the same settings.</summary>
    /// <param name="prompts">Ids of each prompt, of any lengths.</param>
    /// <param name="config">The settings.</param>
    /// <param name="cancellationToken">Ends the work within one step.</param>
    /// <returns>Prompt by prompt its texts: <see cref="GenerationConfig.ReturnSequences"/> each, with beams the best first.</returns>
    /// <inheritdoc cref="Generate(IReadOnlyList{GenerationRequest}, CancellationToken)" path="/exception"/>
    public IReadOnlyList<GeneratedText> Generate(
        IReadOnlyList<int[]> prompts, GenerationConfig config, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(config);
        return Generate([.. prompts.Select(p => new GenerationRequest { Prompt = p, Config = config })], cancellationToken);
    }

    /// <summary>Generates every requested text.</summary>
    /// <param name="requests">Prompts with their settings.</param>
    /// <param name="cancellationToken">Ends the work within one step.</param>
    /// <returns>Prompt by prompt its texts: <see cref="GenerationConfig.ReturnSequences"/> each, with beams the best first.</returns>
    /// <exception cref="InputException">A prompt or a setting cannot be worked with.</exception>
    /// <exception cref="BudgetException">Keys and values of one text alone, or beams, need more memory than is allowed.</exception>
    /// <exception cref="NumericalException">The model's scores are NaN.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was set.</exception>
    /// <exception cref="ObjectDisposedException">The engine was disposed.</exception>
    public IReadOnlyList<GeneratedText> Generate(IReadOnlyList<GenerationRequest> requests, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(requests);
        using RequestHandle handle = Submit(requests, streams: false, out int[] prompts);
        foreach (RunningRequest request in handle.Requests)
            while (!request.Outbox.IsDone) Drive(request, cancellationToken);
        return Texts(handle, prompts);
    }

    /// <summary>Generates every requested text, without holding a thread while other callers run the steps.</summary>
    /// <inheritdoc cref="Generate(IReadOnlyList{GenerationRequest}, CancellationToken)"/>
    public async Task<IReadOnlyList<GeneratedText>> GenerateAsync(
        IReadOnlyList<GenerationRequest> requests, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(requests);
        using RequestHandle handle = Submit(requests, streams: false, out int[] prompts);
        foreach (RunningRequest request in handle.Requests)
            while (!request.Outbox.IsDone) await DriveAsync(request, cancellationToken).ConfigureAwait(false);
        return Texts(handle, prompts);
    }

    /// <summary>Generates a text token by token.</summary>
    /// <param name="request">Prompt and settings. Beams cannot be streamed.</param>
    /// <param name="cancellationToken">Ends the work within one step.</param>
    /// <returns>One update per token; the last has the finish reason. A text whose reader stops reading is set aside and resumed with the
    /// next read.</returns>
    /// <inheritdoc cref="Generate(IReadOnlyList{GenerationRequest}, CancellationToken)" path="/exception"/>
    public IEnumerable<GenerationUpdate> Stream(GenerationRequest request, CancellationToken cancellationToken = default)
        => Stream(request, null, cancellationToken);

    /// <inheritdoc cref="Stream(GenerationRequest, CancellationToken)"/>
    public IAsyncEnumerable<GenerationUpdate> StreamAsync(GenerationRequest request, CancellationToken cancellationToken = default)
        => StreamAsync(request, null, cancellationToken);

    /// <summary>Drops the keys and values of finished texts: after the model's weights were changed.</summary>
    public void ForgetPrefixes()
    {
        _turn.Enter();
        _loop.Prefixes.Dispose();
        Release();
    }

    /// <summary>Ends all texts with <see cref="ObjectDisposedException"/> and returns the memory of their pages, after the step that is
    /// running.</summary>
    public void Dispose()
    {
        _turn.Enter();
        if (!_disposed)
        {
            _disposed = true;
            TakeArrivals();
            _loop.Close(new ObjectDisposedException(nameof(InferenceEngine)));
            _decoder.Dispose();
        }

        Release();
    }

    /// <param name="lease">Released when the stream ends or nobody reads it any more.</param>
    /// <param name="request">Prompt and settings.</param>
    /// <param name="cancellationToken">Ends the work within one step.</param>
    internal IEnumerable<GenerationUpdate> Stream(GenerationRequest request, IDisposable? lease, CancellationToken cancellationToken)
    {
        using RequestHandle handle = SubmitStream(request, lease);
        RunningRequest running = handle.Requests[0];
        while (true)
        {
            while (running.Outbox.Take() is { } update)
            {
                yield return update;
                if (update.Finish != FinishReason.None) yield break;
            }

            if (running.Outbox.IsDone) yield break;
            Drive(running, cancellationToken);
        }
    }

    /// <inheritdoc cref="Stream(GenerationRequest, IDisposable?, CancellationToken)"/>
    internal async IAsyncEnumerable<GenerationUpdate> StreamAsync(
        GenerationRequest request, IDisposable? lease, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using RequestHandle handle = SubmitStream(request, lease);
        RunningRequest running = handle.Requests[0];
        while (true)
        {
            while (running.Outbox.Take() is { } update)
            {
                yield return update;
                if (update.Finish != FinishReason.None) yield break;
            }

            if (running.Outbox.IsDone) yield break;
            await DriveAsync(running, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Takes requests out, as soon as the running step has ended.</summary>
    internal void Withdraw(RunningRequest[] requests)
    {
        bool pending = false;
        foreach (RunningRequest request in requests)
        {
            if (request.Outbox.IsDone) continue;
            request.Withdraw();
            pending = true;
        }

        if (!pending) return;
        _sweep = true;
        if (_turn.TryEnter()) Release();
    }

    private RequestHandle SubmitStream(GenerationRequest request, IDisposable? lease)
    {
        try
        {
            if (request.Config.Beams > 1)
                throw new InputException($"num_beams: with {request.Config.Beams} beams a text is known only at the end and cannot be "
                    + "streamed; set num_beams to 1.");
            return Submit([request with { Config = request.Config with { ReturnSequences = 1 } }], streams: true, out _).With(lease);
        }
        catch
        {
            lease?.Dispose();
            throw;
        }
    }

    private RequestHandle Submit(IReadOnlyList<GenerationRequest> requests, bool streams, out int[] prompts)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        object owner = new();
        List<RunningRequest> running = [];
        List<int> numbers = [];
        for (int i = 0; i < requests.Count; i++)
        {
            GenerationConfig config = requests[i].Config;
            config.Validate();
            if (config.Beams == 1 && config is { ReturnSequences: > 1, Sample: false })
                throw new InputException($"num_return_sequences: {config.ReturnSequences} texts were asked for, and without sampling or "
                    + $"beams all would be the same. Set do_sample, or num_beams to at least {config.ReturnSequences}.");
            // Each drawn text is a request; beams come from one.
            for (int k = 0; k < (config.Beams > 1 ? 1 : config.ReturnSequences); k++)
            {
                running.Add(config.Beams > 1
                    ? new BeamSearch(requests[i], _decoder, new Outbox(streams))
                    : new SequenceRun(requests[i] with { Sequence = requests[i].Sequence + k }, _decoder, new Outbox(streams)));
                numbers.Add(i);
            }
        }

        foreach (RunningRequest request in running)
        {
            request.Owner = owner;
            request.Arrival = Interlocked.Increment(ref _arrived);
            _arrivals.Enqueue(request);
        }

        prompts = [.. numbers];
        return new RequestHandle(this, [.. running]);
    }

    private static List<GeneratedText> Texts(RequestHandle handle, int[] prompts)
        => [.. handle.Requests.SelectMany((r, i) => r.Outbox.Texts().Select(t => t with { Prompt = prompts[i] }))];

    /// <summary>Runs steps, or waits while others do, until a request has news.</summary>
    private void Drive(RunningRequest request, CancellationToken cancellationToken)
    {
        while (!request.Outbox.HasNews)
        {
            _turn.Enter(cancellationToken);
            try
            {
                Step(request, cancellationToken);
            }
            finally
            {
                Release();
            }
        }
    }

    /// <inheritdoc cref="Drive"/>
    private async Task DriveAsync(RunningRequest request, CancellationToken cancellationToken)
    {
        while (!request.Outbox.HasNews)
        {
            await _turn.EnterAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                if (!OperatingSystem.IsBrowser())
                    await Task.Run(() => Step(request, cancellationToken), CancellationToken.None).ConfigureAwait(false);
                else Step(request, cancellationToken);
            }
            finally
            {
                Release();
            }

            if (OperatingSystem.IsBrowser()) await Task.Yield();
        }
    }

    private void Step(RunningRequest request, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (request.Outbox.HasNews) return;     // also once the engine is disposed: what is done is its caller's
        ObjectDisposedException.ThrowIf(_disposed, this);
        TakeArrivals();
        _loop.Step(request.Owner!, cancellationToken);
    }

    private void TakeArrivals()
    {
        while (_arrivals.TryDequeue(out RunningRequest? request)) _loop.Add(request);
    }

    /// <summary>Gives the turn back. Whoever withdrew a request meanwhile could not take it, so the holder takes the request out.</summary>
    private void Release()
    {
        do
        {
            if (_sweep)
            {
                _sweep = false;
                TakeArrivals();
                _loop.Sweep();
            }

            _turn.Leave();
        }
        while (_sweep && _turn.TryEnter());
    }
}
