using System.Collections.Concurrent;
using System.Runtime.Versioning;

namespace Heed.Tokenizers.Training;

/// <summary>A distinct word of the text and how often it occurs.</summary>
internal readonly record struct WordCount(string Word, long Count);

/// <summary>Receives the words of a text; a span, so that only new words are copied.</summary>
internal ref struct WordTally(Dictionary<string, long> counts)
{
    private readonly Dictionary<string, long>.AlternateLookup<ReadOnlySpan<char>> _lookup = counts.GetAlternateLookup<ReadOnlySpan<char>>();

    public readonly void Add(ReadOnlySpan<char> word)
    {
        System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(_lookup, word, out _)++;
    }
}

/// <summary>Splits one text into words; one splitter serves one thread, so that it may keep buffers.</summary>
internal delegate void WordSplitter(string text, WordTally words);

/// <summary>
/// Counts the words of a stream of texts on several threads. Memory is bounded by the number of distinct words (times the
/// threads) and a few batches of text; the counts do not depend on the number of threads, and they come sorted by word.
/// </summary>
internal static class WordCounter
{
    private const int BatchCharacters = 1 << 18;

    public static List<WordCount> Count(IEnumerable<string> texts, Func<WordSplitter> newSplitter, int threads, IProgress<TrainingProgress>? progress, CancellationToken cancellationToken)
    {
        List<Dictionary<string, long>> tallies = threads <= 1 || OperatingSystem.IsBrowser()
            ? [CountOnThisThread(texts, newSplitter(), progress, cancellationToken)]
            : CountOnThreads(texts, newSplitter, threads, progress, cancellationToken);
        Dictionary<string, long> all = tallies[0];
        foreach (Dictionary<string, long> tally in tallies.Skip(1))
        {
            foreach ((string word, long count) in tally) System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(all, word, out _) += count;
            tally.Clear();
            tally.TrimExcess();
        }

        WordCount[] sorted = new WordCount[all.Count];
        int next = 0;
        foreach ((string word, long count) in all) sorted[next++] = new WordCount(word, count);
        Array.Sort(sorted, static (a, b) => string.CompareOrdinal(a.Word, b.Word));
        return [.. sorted];
    }

    private static Dictionary<string, long> CountOnThisThread(IEnumerable<string> texts, WordSplitter splitter, IProgress<TrainingProgress>? progress, CancellationToken cancellationToken)
    {
        Dictionary<string, long> counts = new(StringComparer.Ordinal);
        long done = 0;
        foreach (string text in texts)
        {
            splitter(text, new WordTally(counts));
            if ((++done & 0xFFF) != 0) continue;
            cancellationToken.ThrowIfCancellationRequested();
            progress?.Report(new TrainingProgress(TrainingPhase.CountWords, done, null));
        }

        progress?.Report(new TrainingProgress(TrainingPhase.CountWords, done, done));
        return counts;
    }

    [UnsupportedOSPlatform("browser")]
    private static List<Dictionary<string, long>> CountOnThreads(
        IEnumerable<string> texts, Func<WordSplitter> newSplitter, int threads, IProgress<TrainingProgress>? progress, CancellationToken cancellationToken)
    {
        List<Dictionary<string, long>> tallies = [];
        using BlockingCollection<List<string>> batches = new(boundedCapacity: 2 * threads);
        using CancellationTokenSource failed = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task[] workers = new Task[threads];
        for (int i = 0; i < threads; i++)
        {
            Dictionary<string, long> counts = new(StringComparer.Ordinal);
            tallies.Add(counts);
            workers[i] = Task.Factory.StartNew(() => Work(batches, newSplitter(), counts, failed), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }

        try
        {
            Feed(texts, batches, progress, failed.Token);
        }
        catch (OperationCanceledException) when (failed.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            // A worker failed; its own error is raised below.
        }
        finally
        {
            batches.CompleteAdding();
            Task.WaitAny([Task.WhenAll(workers)], CancellationToken.None);
        }

        cancellationToken.ThrowIfCancellationRequested();
        foreach (Task worker in workers)
            if (worker.Exception?.InnerException is { } error and not OperationCanceledException)
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(error);
        return tallies;
    }

    [UnsupportedOSPlatform("browser")]
    private static void Feed(IEnumerable<string> texts, BlockingCollection<List<string>> batches, IProgress<TrainingProgress>? progress, CancellationToken cancellationToken)
    {
        List<string> batch = [];
        long done = 0;
        int size = 0;
        foreach (string text in texts)
        {
            batch.Add(text);
            done++;
            size += text.Length + 16;
            if (size < BatchCharacters) continue;
            batches.Add(batch, cancellationToken);
            batch = [];
            size = 0;
            progress?.Report(new TrainingProgress(TrainingPhase.CountWords, done, null));
        }

        if (batch.Count > 0) batches.Add(batch, cancellationToken);
        progress?.Report(new TrainingProgress(TrainingPhase.CountWords, done, done));
    }

    [UnsupportedOSPlatform("browser")]
    private static void Work(BlockingCollection<List<string>> batches, WordSplitter splitter, Dictionary<string, long> counts, CancellationTokenSource failed)
    {
        try
        {
            foreach (List<string> batch in batches.GetConsumingEnumerable(failed.Token))
                foreach (string text in batch)
                    splitter(text, new WordTally(counts));
        }
        catch
        {
            failed.Cancel();
            throw;
        }
    }
}
