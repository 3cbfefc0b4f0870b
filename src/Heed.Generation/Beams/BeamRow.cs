using Heed.Engine.Kernels;
using Heed.Generation.Decoding;
using Heed.Generation.Processors;

namespace Heed.Generation.Beams;

/// <summary>Beam search over one prompt: running beams, finished texts, and the rules by which beams become texts.</summary>
internal sealed class BeamRow : IDisposable
{
    /// <summary>Score of the beams that do not run yet: below every real one.</summary>
    public const float Unborn = -1e9f;

    private const ulong DrawStream = 0x6265616D;   // "beam"

    private readonly GenerationRequest _request;
    private readonly GenerationConfig _config;
    private readonly ProcessorList _processors;
    private readonly CounterRandom _random;
    private readonly CandidateHeap _heap;
    private readonly int _promptLength;
    private readonly int _newTokens;
    private readonly List<Beam> _running = [];
    private readonly List<(int[] Ids, float Score)> _finished = [];
    private int _written;

    public BeamRow(GenerationRequest request, int number, Decoder decoder)
    {
        _request = request;
        _config = request.Config;
        Number = number;
        if (_config.ReturnSequences > _config.Beams)
            throw new InputException($"num_return_sequences: {_config.ReturnSequences} texts cannot come from {_config.Beams} beams; ask for at most as many texts as there are beams.");
        if (request.OnToken is not null || request.TopTokens is not null)
            throw new InputException($"num_beams: with {_config.Beams} beams a text is known only at the end and cannot be streamed; set num_beams to 1.");
        int[] prompt = Prompts.Check(request);
        DecoderSequence state = decoder.Begin(prompt, request.DecoderPrompt);
        _promptLength = state.Unread.Length;
        int maximum = Prompts.MaximumLength(_config, _promptLength, decoder);
        _newTokens = maximum - _promptLength;
        _processors = ProcessorList.Create(_config, _promptLength, maximum);
        _random = new CounterRandom(_config.Seed, DrawStream);
        _heap = new CandidateHeap(Math.Max(2, 1 + _config.EndIds.Count) * _config.Beams);
        int[] history = [.. state.Unread];
        for (int i = 0; i < _config.Beams; i++) _running.Add(new Beam(state, history, i == 0 ? 0 : Unborn));
        IsDone = _newTokens <= 0;
    }

    /// <summary>The prompt's place in the caller's list.</summary>
    public int Number { get; }

    /// <summary>True where nothing can change any more.</summary>
    public bool IsDone { get; private set; }

    /// <summary>True where the caller withdrew the text.</summary>
    public bool IsWithdrawn => _request.Stop.IsCancellationRequested;

    /// <summary>What the model is to read on: one state at first, then one a beam.</summary>
    public IEnumerable<DecoderSequence> States => _written == 0 ? [_running[0].State] : _running.Select(b => b.State);

    /// <summary>Ends the row as it is.</summary>
    public void Withdraw() => IsDone = true;

    /// <summary>One step: from the scores of <see cref="States"/> to the next beams.</summary>
    /// <param name="logProbabilities">[beams, V], or [1, V] in the first step; changed.</param>
    public void Advance(Span<float> logProbabilities)
    {
        int rows = _written == 0 ? 1 : _running.Count;
        int V = logProbabilities.Length / rows;
        for (int j = 0; j < _running.Count; j++)
        {
            Span<float> scores = logProbabilities.Slice(Math.Min(j, rows - 1) * V, V);
            if (j < rows)
            {
                _processors.Process(_running[j].History, scores);
                foreach (ILogitsProcessor processor in _request.Processors) processor.Process(_running[j].History, scores);
            }

            if (_config.Sample) OfferDrawn(j, scores);
            else _heap.Offer(j, scores, _running[j].Score);
        }

        Candidate[] candidates = _heap.Drain();
        _written++;
        bool longest = _written >= _newTokens;
        List<Candidate> goOn = [];
        for (int rank = 0; rank < candidates.Length; rank++)
        {
            Candidate candidate = candidates[rank];
            if (!longest && !Prompts.Contains(_config.EndIds, candidate.Token)) goOn.Add(candidate);
            else if (rank < _config.Beams) _finished.Add(([.. _running[candidate.Beam].History.AsSpan(_promptLength), candidate.Token], candidate.Score / Length(_written)));
        }

        Candidate[] next = [.. goOn.OrderByDescending(c => c.Score).Take(_config.Beams)];   // a stable order; drawn candidates come in the order of the draw
        List<(int[] Ids, float Score)> best = [.. _finished.OrderByDescending(f => f.Score).Take(_config.Beams)];
        _finished.Clear();
        _finished.AddRange(best);
        Continue(next);
        IsDone = next.Length == 0 || IsClosed(next[0].Score);
    }

    /// <summary>The best texts, best first.</summary>
    public IEnumerable<GeneratedSequence> Results()
    {
        for (int i = 0; i < _config.ReturnSequences; i++)
        {
            if (i < _finished.Count)
            {
                (int[] ids, float score) = _finished[i];
                yield return Result(ids, score, Prompts.Contains(_config.EndIds, ids[^1]) ? FinishReason.End : FinishReason.Length);
            }
            else if (IsWithdrawn && i - _finished.Count < _running.Count)
            {
                Beam beam = _running[i - _finished.Count];
                yield return Result(beam.History[_promptLength..], beam.Score / Length(Math.Max(_written, 1)), FinishReason.Cancelled);
            }
            else
            {
                yield return Result([], Unborn, FinishReason.Length);
            }
        }
    }

    /// <summary>Gives all pages back.</summary>
    public void Dispose()
    {
        foreach (Beam beam in _running) beam.State.Dispose();
        _running.Clear();
    }

    private GeneratedSequence Result(int[] ids, float score, FinishReason finish) => new() { Prompt = Number, Ids = ids, Finish = finish, Score = score };

    private float Length(int tokens) => MathF.Pow(tokens, _config.LengthPenalty);

    /// <summary>Sampling without replacement: scores plus Gumbel noise, the largest first.</summary>
    private void OfferDrawn(int beam, ReadOnlySpan<float> scores)
    {
        ulong first = (((ulong)_written * (ulong)_config.Beams) + (ulong)beam) * (ulong)scores.Length;
        for (int i = 0; i < scores.Length; i++)
        {
            if (scores[i] == float.NegativeInfinity) continue;
            float score = scores[i] + _running[beam].Score;
            double uniform = (_random.Bits(first + (ulong)i) + 0.5) / 4294967296.0;
            _heap.Offer(new Candidate(beam, i, score), (float)(score - Math.Log(-Math.Log(uniform))));
        }
    }

    /// <summary>The next beams take the states of those they continue; where several continue one, pages are shared.</summary>
    private void Continue(Candidate[] next)
    {
        Beam[] parents = [.. _running];
        _running.Clear();
        HashSet<DecoderSequence> taken = [];
        foreach (Candidate candidate in next)
        {
            Beam parent = parents[candidate.Beam];
            DecoderSequence state = taken.Add(parent.State) ? parent.State : parent.State.Fork();
            state.Unread = [candidate.Token];
            _running.Add(new Beam(state, [.. parent.History, candidate.Token], candidate.Score));
        }

        foreach (Beam parent in parents)
            if (taken.Add(parent.State)) parent.State.Dispose();
    }

    private bool IsClosed(float bestRunning)
    {
        if (_finished.Count < _config.Beams) return false;
        if (_config.EarlyStopping == EarlyStopping.WhenEnough) return true;
        int tokens = _config.EarlyStopping == EarlyStopping.Never && _config.LengthPenalty > 0 ? _newTokens : _written;
        return bestRunning / Length(tokens) <= _finished[^1].Score;
    }

    /// <summary>A beginning of a text.</summary>
    /// <param name="State">What the model has read of it.</param>
    /// <param name="History">All its ids, prompt or decoder start included.</param>
    /// <param name="Score">Sum of log-probabilities.</param>
    private sealed record Beam(DecoderSequence State, int[] History, float Score);
}
