using System.Diagnostics;
using Heed.Tokenizers;
using Heed.Tokenizers.Training;
using Heed.Training.Data;

namespace Heed.Verification.Benchmarks;

/// <summary>How fast one tokenizer is, in megabytes (10⁶ bytes of UTF-8) a second; the best of several passes.</summary>
/// <param name="Pipeline">The tokenizer.</param>
/// <param name="Vocabulary">Its number of ids.</param>
/// <param name="OffsetsOneThread">Ids, offsets and word ids, on one thread.</param>
/// <param name="IdsOneThread">Ids only, on one thread.</param>
/// <param name="Offsets">Ids, offsets and word ids, on all threads.</param>
/// <param name="Ids">Ids only, on all threads.</param>
internal sealed record TokenizerSpeed(
    string Pipeline, int Vocabulary, double OffsetsOneThread, double IdsOneThread, double Offsets, double Ids);

/// <summary>How long one model takes for one mebibyte of text without a blank.</summary>
/// <param name="Model">The model.</param>
/// <param name="Text">What the run consists of.</param>
/// <param name="Seconds">Time of one encoding.</param>
internal sealed record TokenizerRun(string Model, string Text, double Seconds);

/// <summary>
/// The speed of tokenizers on 5 MB of prose, the .NET SDK's documentation, document by document, each read once: every pass is a new
/// tokenizer whose caches of words are empty. Only the code is warm, by the rest of the documentation.
/// </summary>
internal static class TokenizerBenchmark
{
    private const int MeasuredBytes = 5_000_000;
    private const int RunLength = 1 << 20;

    /// <summary>Measures tokenizers on prose.</summary>
    /// <param name="models">Tokenizer files or folders; empty: a WordPiece, a byte-level BPE, a BPE with byte fallback and a Unigram model
    /// trained here, on the documentation that is not measured.</param>
    /// <param name="seconds">How long each figure's passes are repeated.</param>
    /// <param name="threads">Threads of "all threads"; 0: as many as there are processors.</param>
    /// <param name="cancellationToken">Looked at between figures.</param>
    /// <exception cref="InputException">There is no documentation to read.</exception>
    public static IEnumerable<TokenizerSpeed> Speeds(
        IReadOnlyList<string> models, double seconds, int threads, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(models);
        (string[] measured, string[] rest) = Documents();
        long bytes = measured.Sum(text => (long)System.Text.Encoding.UTF8.GetByteCount(text));
        IEnumerable<(string Name, Func<Tokenizer> Open)> tokenizers = models.Count > 0
            ? models.Select(path => (Path.GetFileName(Path.TrimEndingDirectorySeparator(path)), (Func<Tokenizer>)(() => Open(path))))
            : Trained(rest);
        foreach ((string name, Func<Tokenizer> open) in tokenizers)
        {
            double Measure(Action<Tokenizer, string[]> work)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Tokenizer warm = open();
                long begun = Stopwatch.GetTimestamp();
                do work(warm, rest);
                while (Stopwatch.GetElapsedTime(begun).TotalSeconds < Math.Min(seconds, 1));
                double best = double.PositiveInfinity;
                begun = Stopwatch.GetTimestamp();
                do
                {
                    Tokenizer cold = open();
                    GC.Collect();
                    long started = Stopwatch.GetTimestamp();
                    work(cold, measured);
                    best = Math.Min(best, Stopwatch.GetElapsedTime(started).TotalSeconds);
                }
                while (Stopwatch.GetElapsedTime(begun).TotalSeconds < seconds);
                return bytes / best / 1e6;
            }

            yield return new TokenizerSpeed(
                name, open().VocabularySize,
                OffsetsOneThread: Measure((tokenizer, texts) => tokenizer.EncodeBatch(texts, addSpecialTokens: false, threads: 1)),
                IdsOneThread: Measure(EncodeIds),
                Offsets: Measure((tokenizer, texts) => tokenizer.EncodeBatch(texts, addSpecialTokens: false, threads)),
                Ids: Measure((tokenizer, texts) => EncodeIds(tokenizer, texts, threads)));
        }
    }

    /// <summary>Measures models of every kind on text without a blank, where careless work grows with the square of the length.</summary>
    /// <param name="models">Tokenizer files or folders, measured besides the small models made here.</param>
    /// <param name="cancellationToken">Looked at between texts.</param>
    public static IEnumerable<TokenizerRun> Runs(IReadOnlyList<string> models, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(models);
        IEnumerable<(string Name, Action<string> Encode)> given = models.Select(path =>
        {
            Tokenizer tokenizer = Open(path);
            return (Path.GetFileName(Path.TrimEndingDirectorySeparator(path)), (Action<string>)(text => tokenizer.Encode(text, addSpecialTokens: false)));
        });
        foreach ((string name, Action<string> encode) in given.Concat(SmallModels.All()))
        {
            foreach ((string kind, string text) in RunTexts())
            {
                cancellationToken.ThrowIfCancellationRequested();
                long started = Stopwatch.GetTimestamp();
                encode(text);
                yield return new TokenizerRun(name, kind, Stopwatch.GetElapsedTime(started).TotalSeconds);
            }
        }
    }

    private static IEnumerable<(string Kind, string Text)> RunTexts()
    {
        yield return ("one letter", new string('a', RunLength));
        yield return ("letters", string.Create(RunLength, 1UL, static (span, seed) =>
        {
            foreach (ref char c in span)
            {
                seed = (seed * 6364136223846793005) + 1442695040888963407;
                c = (char)('a' + ((seed >> 33) % 26));
            }
        }));
        yield return ("unknown", new string('\u4E2D', RunLength));
    }

    private static Tokenizer Open(string path)
        => (Directory.Exists(path) ? Tokenizer.FromFolder(path) : Tokenizer.FromFile(path)).WithTruncation(null).WithPadding(null);

    private static void EncodeIds(Tokenizer tokenizer, string[] texts)
    {
        List<int> ids = [];
        foreach (string text in texts)
        {
            ids.Clear();
            tokenizer.EncodeToIds(text, ids, addSpecialTokens: false);
        }
    }

    private static void EncodeIds(Tokenizer tokenizer, string[] texts, int threads)
        => Parallel.For(0, texts.Length, new ParallelOptions { MaxDegreeOfParallelism = threads <= 0 ? -1 : threads }, static () => new List<int>(), (i, _, ids) =>
        {
            ids.Clear();
            tokenizer.EncodeToIds(texts[i], ids, addSpecialTokens: false);
            return ids;
        }, static _ => { });

    private static (string[] Measured, string[] Others) Documents()
    {
        List<string> measured = [], rest = [];
        long bytes = 0;
        foreach (TextDocument document in SdkDocumentation.Read(SdkDocumentation.Find()))
        {
            (bytes < MeasuredBytes ? measured : rest).Add(document.Text);
            bytes += System.Text.Encoding.UTF8.GetByteCount(document.Text);
        }

        if (rest.Count == 0)
            throw new InputException($"bench: the .NET SDK's documentation has {bytes:N0} bytes of prose, "
                + $"but more than {MeasuredBytes:N0} are needed; install the .NET SDK with its reference packs.");
        return ([.. measured], [.. rest]);
    }

    /// <summary>The text that is measured, and one of the tokenizers that are trained here.</summary>
    /// <param name="kind">Its name.</param>
    /// <exception cref="InputException">There is no documentation to read.</exception>
    public static (string[] Measured, Func<Tokenizer> Open) TrainedOne(string kind)
    {
        (string[] measured, string[] rest) = Documents();
        return (measured, Trained(rest, kind).Single().Open);
    }

    private static IEnumerable<(string Name, Func<Tokenizer> Open)> Trained(string[] texts, string? kind = null)
    {
        (string Name, TrainerSettings Settings, TrainingPipeline Pipeline)[] kinds =
        [
            ("WordPiece", new WordPieceTrainerSettings { VocabularySize = 30_000, SpecialTokens = ["[UNK]"] }, TrainingPipeline.Bert),
            ("byte-level BPE", new BpeTrainerSettings { VocabularySize = 32_000 }, TrainingPipeline.ByteLevel),
            ("BPE over words", new BpeTrainerSettings { VocabularySize = 32_000, SpecialTokens = ["<unk>"], UnknownToken = "<unk>" }, TrainingPipeline.Metaspace),
            ("Unigram", new UnigramTrainerSettings { VocabularySize = 32_000, UnknownToken = "<unk>" }, TrainingPipeline.Metaspace),
        ];
        foreach ((string name, TrainerSettings settings, TrainingPipeline pipeline) in kinds)
        {
            if (kind is not null && name != kind) continue;
            byte[] file = TokenizerTrainer.Train(settings, texts, pipeline).ToJson();
            yield return (name, () => Tokenizer.FromJson(file, name));
        }
    }
}
