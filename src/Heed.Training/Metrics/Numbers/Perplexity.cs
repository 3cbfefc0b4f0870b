namespace Heed.Training.Metrics;

/// <summary>The loss of one document.</summary>
/// <param name="Nats">Sum of −ln p over its scored tokens.</param>
/// <param name="Tokens">Number of scored tokens.</param>
/// <param name="Bytes">Length of the document in UTF-8 bytes.</param>
public readonly record struct DocumentLoss(double Nats, long Tokens, long Bytes);

/// <summary>What <see cref="Perplexity"/> found; NaN without tokens or bytes.</summary>
/// <param name="Tokens">Scored tokens.</param>
/// <param name="MeanNats">Nats per token.</param>
/// <param name="Value">e to the power of it: perplexity, comparable only between models with the same tokenizer.</param>
/// <param name="BitsPerToken">Bits per token.</param>
/// <param name="BitsPerByte">Bits per UTF-8 byte, comparable between tokenizers.</param>
public sealed record PerplexityReport(long Tokens, double MeanNats, double Value, double BitsPerToken, double BitsPerByte);

/// <summary>A window of a long text.</summary>
/// <param name="Begin">Its first token.</param>
/// <param name="End">After its last token.</param>
/// <param name="FirstScored">The first token that is scored in it; the others up to <paramref name="End"/> follow.</param>
internal readonly record struct StridedWindow(int Begin, int End, int FirstScored)
{
    /// <summary>Number of tokens scored in it.</summary>
    public int Scored => Math.Max(0, End - FirstScored);
}

/// <summary>Perplexity and bits per byte, and the windows over which a long text is scored.</summary>
public static class Perplexity
{
    /// <summary>Perplexity over all documents: the mean over tokens, not over documents.</summary>
    public static PerplexityReport Evaluate(IEnumerable<DocumentLoss> documents)
    {
        ArgumentNullException.ThrowIfNull(documents);
        double nats = 0;
        long tokens = 0, bytes = 0;
        foreach (DocumentLoss document in documents)
        {
            nats += document.Nats;
            tokens += document.Tokens;
            bytes += document.Bytes;
        }

        double mean = nats / tokens;
        return new PerplexityReport(tokens, mean, Math.Exp(mean), mean / Math.Log(2), nats / Math.Log(2) / bytes);
    }

    /// <summary>
    /// The windows of a text, each <paramref name="stride"/> further: a window scores what the one before did not, but never its own first
    /// token, which has no context. With a stride as long as the window the first token of every window is lost, otherwise only the text's.
    /// </summary>
    /// <param name="tokens">Length of the text.</param>
    /// <param name="window">Longest window, in tokens.</param>
    /// <param name="stride">Distance of windows, 1 to <paramref name="window"/>.</param>
    internal static IReadOnlyList<StridedWindow> Windows(int tokens, int window, int stride)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tokens);
        ArgumentOutOfRangeException.ThrowIfLessThan(window, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(stride, window);
        List<StridedWindow> windows = [];
        int done = 0;
        for (int begin = 0; done < tokens; begin += stride)
        {
            int end = (int)Math.Min((long)begin + window, tokens);
            windows.Add(new StridedWindow(begin, end, Math.Max(done, begin + 1)));
            done = end;
        }

        return windows;
    }
}
