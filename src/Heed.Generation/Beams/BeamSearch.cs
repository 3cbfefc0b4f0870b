using Heed.Engine.Autograd;
using Heed.Engine.Kernels;
using Heed.Engine.Tensors;
using Heed.Generation.Decoding;
using Heed.Generation.Inference;
using Heed.Generation.Processors;
using Heed.Generation.Text;

namespace Heed.Generation.Beams;

/// <summary>Beam search over one prompt: of many beginnings the likeliest continue, until enough texts are finished.</summary>
/// <remarks>As Hugging Face's <c>generate</c> does it. Beams share the pages of what they have in common.</remarks>
internal sealed class BeamSearch : RunningRequest
{
    /// <summary>Score of beams that do not run yet: below every real one.</summary>
    public const float NotRunning = -1e9f;

    private const ulong DrawStream = 0x6265616D;   // "beam"

    private readonly GenerationConfig _config;
    private readonly CounterRandom _random;
    private readonly CandidateHeap _heap;
    private readonly int _newTokens;
    private readonly List<Finished> _finished = [];
    private List<Beam> _running = [];
    private DecoderSequence? _shared;              // what the beams have in common, while it is read: the prompt at first
    private int _written;

    public BeamSearch(GenerationRequest request, Decoder decoder, Outbox outbox)
        : base(request, decoder, outbox)
    {
        _config = request.Config;
        if (_config.ReturnSequences > _config.Beams)
            throw new InputException($"num_return_sequences: {_config.ReturnSequences} texts cannot come from {_config.Beams} beams; ask "
                + "for at most as many texts as there are beams.");
        if (_config.TopTokens is not null)
            throw new InputException($"num_beams: with {_config.Beams} beams a text is known only at the end and cannot be streamed; set "
                + "num_beams to 1.");
        _newTokens = MaximumLength - FirstIds.Length;
        CheckMemory(_config.Beams, _newTokens, decoder);
        _random = new CounterRandom(_config.Seed, DrawStream);
        _heap = new CandidateHeap(checked(Math.Max(2, 1 + _config.EndIds.Count) * _config.Beams));
        TextStream? text = _config.StopStrings.Count > 0 ? NewText() : null;
        for (int i = 0; i < _config.Beams; i++) _running.Add(new Beam(null, FirstIds, i == 0 ? 0 : NotRunning, text));
    }

    public override IReadOnlyList<DecoderSequence> States
        => _shared is not null ? [_shared] : _running.Count > 0 && _running[0].State is not null ? [.. _running.Select(b => b.State!)] : [];

    public override int Sequences => _config.Beams;

    public override void Start(PrefixCache prefixes)
    {
        if (_newTokens <= 0) End(FinishReason.Length);
        else _shared = Begin(Common(), prefixes);
    }

    public override void Advance(Tensor scores, PrefixCache prefixes)
    {
        if (float.IsNaN(Sampling.Probabilities.Max(scores.Span))) throw Sampling.Draw.NotNumbers();
        if (_written > 0 && _shared is not null)
        {
            Split(_shared);
            return;
        }

        Variable rows = scores;
        Advance(rows.LogSoftmax().Value.Span);
    }

    public override void Release()
    {
        foreach (Beam beam in _running) beam.State?.Dispose();
        _running = [.. _running.Select(b => b with { State = null })];
        _shared?.Dispose();
        _shared = null;
    }

    protected override void End(FinishReason reason) => Finish = reason;

    /// <summary>The best texts, best first.</summary>
    protected override IReadOnlyList<GeneratedText> Results()
    {
        List<GeneratedText> texts = [];
        for (int i = 0; i < _config.ReturnSequences; i++)
        {
            int running = i - _finished.Count;
            if (running < 0)
            {
                Finished f = _finished[i];
                FinishReason finish = Prompts.Contains(_config.EndIds, f.Ids[^1]) ? FinishReason.End
                    : f.Stopped ? FinishReason.Stop
                    : FinishReason.Length;
                texts.Add(Result(f.Ids, f.Score, finish));
            }
            else if (Finish == FinishReason.Cancelled && running < _running.Count)
            {
                Beam beam = _running[running];
                texts.Add(Result(beam.History[FirstIds.Length..], beam.Score / Length(Math.Max(_written, 1)), FinishReason.Cancelled));
            }
            else
            {
                texts.Add(Result([], NotRunning, FinishReason.Length));
            }
        }

        return texts;
    }

    /// <summary>Refuses more beams than memory can hold: each needs pages for its own new tokens, and its scores twice.</summary>
    /// <exception cref="BudgetException">They do not fit.</exception>
    private static void CheckMemory(int beams, int newTokens, Decoder decoder)
    {
        const int PageTokens = Engine.Kernels.KeyValuePool.PageTokens;
        long pages = ((long)newTokens + PageTokens - 1) / PageTokens;
        // Pages twice: a beam that splits copies its last ones before the others let go. Logits, their logarithms, candidates and rows
        // beside them.
        long each = (2 * pages * decoder.Cache.PageBytes) + (4L * sizeof(float) * decoder.Vocabulary);
        long budget = decoder.MemoryLimit, most = Math.Max(1, budget / Math.Max(1, each));
        if (beams > most)
            throw new BudgetException($"num_beams: {beams} beams of {newTokens} new tokens take at least {beams} · "
                + $"{Printable.Bytes(each)}, and {Printable.Bytes(budget)} of memory are there. Set num_beams to at most {most}, or "
                    + "max_new_tokens lower.");
    }

    private GeneratedText Result(int[] ids, float score, FinishReason finish)
    {
        TextStream? text = NewText();
        foreach (int id in ids) text?.Add(id);
        text?.Finish();
        return new GeneratedText { Prompt = 0, Text = text?.Take() ?? "", Ids = ids, Finish = finish, Score = score, Usage = Usage(ids.Length) };
    }

    /// <summary>What every beam begins with; the last id of the shortest is left out, so that each has one to read.</summary>
    private int[] Common()
    {
        if (_written == 0) return FirstIds;
        int length = _running[0].History.Length - 1;
        foreach (Beam beam in _running)
            length = Math.Min(length, beam.History.AsSpan().CommonPrefixLength(_running[0].History.AsSpan(0, length)));
        return _running[0].History[..length];
    }

    /// <summary>After what the beams have in common was read again, each reads the rest of its own.</summary>
    private void Split(DecoderSequence common)
    {
        int read = common.Cache.Count;
        _running = [.. _running.Select((beam, i) => beam with { State = Reading(i == 0 ? common : common.Fork(), beam.History[read..]) })];
        _shared = null;
    }

    private static DecoderSequence Reading(DecoderSequence state, int[] ids)
    {
        state.Unread = ids;
        return state;
    }

    /// <param name="logProbabilities">[beams, V], or [1, V] in the first step; changed.</param>
    private void Advance(Span<float> logProbabilities)
    {
        int rows = _written == 0 ? 1 : _running.Count;
        int V = logProbabilities.Length / rows;
        for (int j = 0; j < _running.Count; j++)
        {
            Span<float> scores = logProbabilities.Slice(Math.Min(j, rows - 1) * V, V);
            if (j < rows)
            {
                Processors.Process(_running[j].History, scores);
                foreach (ILogitsProcessor processor in Request.Processors) processor.Process(_running[j].History, scores);
            }

            if (_config.Sample) OfferDrawn(j, scores);
            else _heap.Offer(j, scores, _running[j].Score);
        }

        Candidate[] candidates = _heap.Drain();
        _written++;
        bool longest = _written >= _newTokens;
        List<(Candidate Candidate, TextStream? Text)> unfinished = [];
        for (int rank = 0; rank < candidates.Length; rank++)
        {
            Candidate candidate = candidates[rank];
            Beam beam = _running[candidate.Beam];
            TextStream? text = beam.Text?.Clone();
            bool stopped = text is not null && !text.Add(candidate.Token);
            if (!longest && !stopped && !Prompts.Contains(_config.EndIds, candidate.Token)) unfinished.Add((candidate, text));
            else if (rank < _config.Beams)
                _finished.Add(new Finished([.. beam.History.AsSpan(FirstIds.Length), candidate.Token], candidate.Score / Length(_written), stopped));
        }

        // A stable order; drawn candidates come in the order of the draw.
        (Candidate Candidate, TextStream? Text)[] next = [.. unfinished.OrderByDescending(c => c.Candidate.Score).Take(_config.Beams)];
        Finished[] best = [.. _finished.OrderByDescending(f => f.Score).Take(_config.Beams)];
        _finished.Clear();
        _finished.AddRange(best);
        Continue(next);
        if (next.Length == 0 || IsClosed(next[0].Candidate.Score))
        {
            Finish = FinishReason.Length;
        }
        else if (ChangesPositions(FirstIds.Length + _written))
        {
            Release();
            _shared = Again(Common());
        }
    }

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

    /// <summary>The next beams take the states of those they continue; if several continue one, pages are shared.</summary>
    private void Continue((Candidate Candidate, TextStream? Text)[] next)
    {
        if (_shared is not null)
        {
            _running = [.. _running.Select(b => b with { State = _shared })];
            _shared = null;
        }

        List<Beam> parents = _running, children = [];
        HashSet<DecoderSequence> taken = [];
        foreach ((Candidate candidate, TextStream? text) in next)
        {
            Beam parent = parents[candidate.Beam];
            DecoderSequence state = taken.Add(parent.State!) ? parent.State! : parent.State!.Fork();
            children.Add(new Beam(Reading(state, [candidate.Token]), [.. parent.History, candidate.Token], candidate.Score, text));
        }

        _running = children;
        foreach (Beam parent in parents)
            if (taken.Add(parent.State!)) parent.State!.Dispose();
    }

    private bool IsClosed(float bestRunning)
    {
        if (_finished.Count < _config.Beams) return false;
        if (_config.EarlyStopping == EarlyStopping.WhenEnough) return true;
        int tokens = _config.EarlyStopping == EarlyStopping.Never && _config.LengthPenalty > 0 ? _newTokens : _written;
        return bestRunning / Length(tokens) <= _finished[^1].Score;
    }

    /// <summary>A text that may be returned.</summary>
    /// <param name="Ids">Its new ids.</param>
    /// <param name="Score">Σ log p ÷ length^penalty.</param>
    /// <param name="Stopped">True if a stop string came.</param>
    private sealed record Finished(int[] Ids, float Score, bool Stopped);

    /// <summary>A beginning of a text.</summary>
    /// <param name="State">What the model has read of it; null before the first step and while the request waits.</param>
    /// <param name="History">All its ids, prompt or decoder start included.</param>
    /// <param name="Score">Sum of log-probabilities.</param>
    /// <param name="Text">Its text, if stop strings are looked for.</param>
    private sealed record Beam(DecoderSequence? State, int[] History, float Score, TextStream? Text);
}
