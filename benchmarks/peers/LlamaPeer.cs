using Heed.Checkpoints.Gguf;
using Heed.Generation.Gguf;
using Heed.Models;
using Heed.Models.Files;
using Heed.Tokenizers.Training;
using Heed.Verification.Benchmarks;
using LLama;
using LLama.Common;
using LLama.Native;

namespace Heed.Peers;

/// <summary>llama.cpp over a GGUF file that Heed's writer made of the same weights: one token a step, or a prompt.</summary>
internal sealed class LlamaPeer : IPeer
{
    private const int Prompt = 16, Longest = 256;
    private readonly LLamaWeights _weights;
    private readonly LLamaContext _context;
    private readonly LLamaBatch _batch = new();
    private readonly LLamaToken[] _prompt;
    private readonly bool _prefill;
    private int _position;

    public LlamaPeer(string type, int prefill, int threads, string folder)
    {
        _prefill = prefill > 0;
        ModelParams parameters = new(Write(type, folder))
        {
            ContextSize = (uint)Math.Max(prefill, Longest) + 16,
            BatchSize = 512,
            UBatchSize = 512,
            Threads = threads,
            BatchThreads = threads,
            GpuLayerCount = 0,
        };
        _weights = LLamaWeights.LoadFromFile(parameters);
        _context = _weights.CreateContext(parameters);
        int length = _prefill ? prefill : Prompt;
        _prompt = [.. BenchmarkModels.Ids(length, BenchmarkModels.Llama.Vocabulary).Select(id => (LLamaToken)id)];
    }

    public string Name => "llama.cpp (LLamaSharp 0.30.0)";

    public void Run()
    {
        if (_prefill || _position == 0 || _position >= Longest)
        {
            _context.NativeHandle.MemoryClear(true);
            Decode(_prompt, 0);
            _position = _prompt.Length;
            if (_prefill) return;
        }

        Decode([(LLamaToken)7], _position++);
    }

    public void Dispose()
    {
        _context.Dispose();
        _weights.Dispose();
    }

    private void Decode(ReadOnlySpan<LLamaToken> tokens, int position)
    {
        _batch.Clear();
        for (int i = 0; i < tokens.Length; i++) _batch.Add(tokens[i], position + i, LLamaSeqId.Zero, i == tokens.Length - 1);
        DecodeResult result = _context.Decode(_batch);
        if (result != DecodeResult.Ok) throw new InvalidOperationException($"llama.cpp's decode said {result}.");
    }

    /// <summary>The model with a small tokenizer, whose ids the writer fills up to the table's rows.</summary>
    private static string Write(string type, string folder)
    {
        string file = Path.Combine(folder, $"llama-{type}.gguf"), source = Path.Combine(folder, "llama");
        if (File.Exists(file)) return file;
        if (!Directory.Exists(source))
        {
            using CausalLanguageModel model = CausalLanguageModel.Create(BenchmarkModels.Llama, BenchmarkModels.Weights());
            ModelFolder.Save(model, source);
            BpeTrainerSettings settings = new() { VocabularySize = 300 };
            File.WriteAllBytes(
                Path.Combine(source, "tokenizer.json"),
                TokenizerTrainer.Train(settings, ["the cat sat on the mat"], TrainingPipeline.ByteLevel).ToJson());
        }

        GgufExport.Write(new FolderModelFiles(source), file, GgufExport.Types[type]);
        return file;
    }
}
