using Heed.Engine.Tensors;
using Heed.Generation.Decoding;
using Heed.Generation.Processors;
using Heed.Generation.Text;

namespace Heed.Generation.Inference;

/// <summary>A request on its way through the loop: what the model has to read for it, and what its scores become.</summary>
internal abstract class RunningRequest
{
    private volatile bool _withdrawn;

    /// <summary>Checks a request; nothing is computed or allocated yet.</summary>
    /// <exception cref="InputException">The prompt or a setting cannot be worked with.</exception>
    protected RunningRequest(GenerationRequest request, Decoder decoder, Outbox outbox)
    {
        GenerationConfig config = request.Config;
        if (config.StopStrings.Count > 0 && request.Tokenizer is null)
            throw new InputException("stop_strings: texts cannot be found in ids alone; give the request its Tokenizer, or take "
                + "stop_strings out.");
        Request = request;
        Decoder = decoder;
        Outbox = outbox;
        int[] prompt = Prompts.Check(request);
        FirstIds = decoder.FirstIds(prompt, request.DecoderPrompt);
        Source = decoder.HasEncoder ? prompt : null;
        MaximumLength = Prompts.MaximumLength(config, FirstIds.Length, decoder);
        Processors = ProcessorList.Create(config, FirstIds.Length, MaximumLength);
        PromptTokens = prompt.Length;
    }

    /// <summary>Place in the order of arrival.</summary>
    public long Arrival { get; set; }

    /// <summary>The call that waits for it; several requests may belong to one.</summary>
    public object? Owner { get; set; }

    public GenerationRequest Request { get; }

    public Outbox Outbox { get; }

    public FinishReason Finish { get; protected set; }

    public bool IsDone => Finish != FinishReason.None;

    /// <summary>True if the caller does not want it any more.</summary>
    public bool IsWithdrawn => _withdrawn || Request.CancellationToken.IsCancellationRequested;

    /// <summary>True if its keys and values were thrown away to make room.</summary>
    public bool WasEvicted { get; private set; }

    /// <summary>What the model has to read: all sequences read their last id in the same step, and <see cref="Advance"/> gets the scores of
    /// all.</summary>
    public abstract IReadOnlyList<DecoderSequence> States { get; }

    /// <summary>Sequences that it will have at once.</summary>
    public abstract int Sequences { get; }

    protected Decoder Decoder { get; }

    protected ProcessorList Processors { get; }

    /// <summary>The prompt in a causal model, else the decoder's first ids.</summary>
    protected int[] FirstIds { get; }

    /// <summary>What the encoder reads; null in a causal model.</summary>
    protected int[]? Source { get; }

    /// <summary>Longest length, <see cref="FirstIds"/> included.</summary>
    protected int MaximumLength { get; }

    protected int PromptTokens { get; }

    protected int CachedTokens { get; private set; }

    protected int RecomputedTokens { get; private set; }

    /// <summary>Asks for the end, from any thread; the loop takes it out within one step.</summary>
    public void Withdraw() => _withdrawn = true;

    /// <summary>Makes the first sequence, or after an eviction those that stand where it stood.</summary>
    public abstract void Start(PrefixCache prefixes);

    /// <summary>One step: from the scores of <see cref="States"/> to the next ids.</summary>
    /// <param name="scores">[States, V]; changed.</param>
    /// <param name="prefixes">Takes what others may share.</param>
    public abstract void Advance(Tensor scores, PrefixCache prefixes);

    /// <summary>Ends it as it is.</summary>
    public void Cancel() => End(FinishReason.Cancelled);

    /// <summary>Gives all pages back; <see cref="Start"/> computes them again.</summary>
    public void Evict()
    {
        WasEvicted = true;
        Release();
    }

    /// <summary>Reports an error and gives all pages back.</summary>
    public void Fail(Exception e)
    {
        if (!IsDone) Finish = FinishReason.Cancelled;
        Outbox.Fail(e);
        Release();
    }

    /// <summary>Reports the result, after it <see cref="IsDone"/>, and gives all pages back.</summary>
    public virtual void Complete(PrefixCache prefixes)
    {
        Outbox.Complete(Results());
        Release();
    }

    /// <summary>Gives all pages back.</summary>
    public abstract void Release();

    protected abstract IReadOnlyList<GeneratedText> Results();

    protected abstract void End(FinishReason reason);

    protected TokenUsage Usage(int generated) => new(PromptTokens, CachedTokens, generated, RecomputedTokens);

    /// <summary>A sequence that is to read ids, over what is known of them.</summary>
    protected DecoderSequence Begin(int[] ids, PrefixCache prefixes)
    {
        if (Source is not null) return Counted(DecoderSequence.New(Decoder.Cache, ids, Source), ids, 0);
        Engine.Nn.KeyValueSequence? known = prefixes.Find(ids, Decoder.Regime(ids.Length));
        return known is null
            ? Counted(DecoderSequence.New(Decoder.Cache, ids, null), ids, 0)
            : Counted(DecoderSequence.Over(known, ids[known.Count..]), ids, known.Count);
    }

    /// <summary>True if a text of this length cannot use the keys and values of the same text one id shorter: all is to be read
    /// again.</summary>
    protected bool ChangesPositions(int length) => Decoder.Regime(length) != Decoder.Regime(length - 1);

    /// <summary>A sequence that reads ids anew, whatever is known of them.</summary>
    protected DecoderSequence Again(int[] ids)
    {
        RecomputedTokens += ids.Length - 1;
        return DecoderSequence.New(Decoder.Cache, ids, Source);
    }

    /// <summary>A stream of the new text.</summary>
    protected TextStream? NewText()
        => Request.Tokenizer is { } tokenizer ? new TextStream(tokenizer, Source is null ? FirstIds : [], Request.Config.StopStrings) : null;

    private DecoderSequence Counted(DecoderSequence sequence, int[] ids, int cached)
    {
        if (WasEvicted) RecomputedTokens += ids.Length - cached;
        else CachedTokens = cached;
        return sequence;
    }
}
