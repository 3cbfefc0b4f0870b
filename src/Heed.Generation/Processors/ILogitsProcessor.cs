namespace Heed.Generation.Processors;

/// <summary>Changes the scores of the next token. A removed token's score becomes −∞.</summary>
public interface ILogitsProcessor
{
    /// <summary>Changes scores in place.</summary>
    /// <param name="history">Ids so far: the prompt and what was generated; with an encoder the decoder's start and what was
    /// generated.</param>
    /// <param name="scores">[V].</param>
    void Process(ReadOnlySpan<int> history, Span<float> scores);
}
