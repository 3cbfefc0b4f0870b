using System.Text;
using Heed.Engine.Runtime;
using Heed.Tokenizers;
using Heed.Tokenizers.Training;
using Heed.Training.Data;

namespace Heed.Verification.Benchmarks;

/// <summary>Tokenizers over the .NET SDK's documentation, and the training of a Unigram model on its files as they are.</summary>
/// <remarks>Only where named: they need the SDK, and a minute to train what they measure.</remarks>
internal static class TokenizerWorks
{
    private const int UnigramPieces = 32_000;

    /// <summary>The works.</summary>
    public static IEnumerable<BenchmarkWork> All()
    {
        (string, string)[] kinds = [("wordpiece", "WordPiece"), ("byte-bpe", "byte-level BPE"), ("unigram", "Unigram")];
        foreach ((string name, string kind) in kinds)
        {
            foreach (bool one in (bool[])[false, true])
            {
                yield return new BenchmarkWork($"tokenize/{name}{(one ? "-1-thread" : "")}", () => Encode(kind))
                {
                    Limit = BenchmarkLimit.None,
                    Threads = one ? 1 : null,
                    OnlyIfNamed = true,
                    Process = $"tokenize/{name}{(one ? "-1-thread" : "")}",
                };
            }
        }

        yield return new BenchmarkWork("train-tokenizer/unigram-32000", TrainUnigram)
        {
            Limit = BenchmarkLimit.None,
            OnlyIfNamed = true,
            MostRepetitions = 1,
        };
    }

    /// <summary>Ids, offsets and word ids of 5 MB, by a tokenizer whose caches are empty at each step.</summary>
    private static BenchmarkStep Encode(string kind)
    {
        (string[] measured, Func<Tokenizer> open) = TokenizerBenchmark.TrainedOne(kind);
        int threads = ComputeContext.Current.Threads;
        return new BenchmarkStep(() => open().EncodeBatch(measured, addSpecialTokens: false, threads))
        {
            Units = measured.Sum(text => (long)Encoding.UTF8.GetByteCount(text)) / 1e6,
            Unit = "MB/s",
        };
    }

    private static BenchmarkStep TrainUnigram()
    {
        string[] texts = [.. SdkDocumentation.Find().SelectMany(File.ReadLines)];
        if (texts.Length == 0)
            throw new InputException("bench: the .NET SDK's documentation was not found; install the .NET SDK with its reference packs.");
        UnigramTrainerSettings settings = new() { VocabularySize = UnigramPieces, UnknownToken = "<unk>" };
        return new BenchmarkStep(() => TokenizerTrainer.Train(settings, texts, TrainingPipeline.Metaspace))
        {
            Units = texts.Sum(line => Encoding.UTF8.GetByteCount(line) + 1L) / 1e6,
            Unit = "MB/s",
            WarmUp = 0,
        };
    }
}
