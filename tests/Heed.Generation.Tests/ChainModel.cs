using Heed.Models;
using Heed.Engine.Nn;
using Heed.Models.Files;
using Heed.Models.Llama;
using Heed.Testing;
using Heed.Tokenizers;

namespace Heed.Generation.Tests;

/// <summary>A LLaMA of one layer whose attention and feed-forward are zero: what follows an id depends on that id alone, so its texts are
/// known.</summary>
internal static class ChainModel
{
    private const int Width = 32;

    /// <param name="vocabulary">V.</param>
    /// <param name="steps">After an id the ids that may follow, with their scores; every other id scores 0.</param>
    /// <param name="change">Changes the configuration.</param>
    public static CausalLanguageModel Build(int vocabulary, (int From, (int To, float Score)[] Next)[] steps, Func<LlamaConfig, LlamaConfig>? change = null)
    {
        LlamaConfig config = new() { Layers = 1, Heads = 4, Width = Width, InnerWidth = Width, Vocabulary = vocabulary, ContextLength = 64 };
        CausalLanguageModel model = CausalLanguageModel.Create((change?.Invoke(config) ?? config).Checked(), new ParameterSet(ParameterSource.Random(1)));
        foreach (Parameter p in model.Parameters) p.Value.Span.Fill(p.Name.EndsWith("norm.weight", StringComparison.Ordinal) ? 1 : 0);
        Span<float> tokens = model.Parameters["model.embed_tokens.weight"].Value.Span, head = model.Parameters["lm_head.weight"].Value.Span;
        for (int k = 0; k < steps.Length; k++)
        {
            tokens[(steps[k].From * Width) + k] = 1;
            // After the norm a row is √D long.
            foreach ((int to, float score) in steps[k].Next) head[(to * Width) + k] = score / MathF.Sqrt(Width);
        }

        return model;
    }

    /// <summary>One id after the other.</summary>
    public static (int From, (int To, float Score)[] Next)[] Chain(params ReadOnlySpan<int> ids)
    {
        List<(int, (int, float)[])> steps = [];
        for (int i = 0; i + 1 < ids.Length; i++) steps.Add((ids[i], [(ids[i + 1], 20f)]));
        return [.. steps];
    }

    /// <summary>A folder with the model, a tokenizer of the goldens and, if given, generation_config.json.</summary>
    public static TemporaryFolder Folder(string tokenizer, Func<Tokenizer, (int From, (int To, float Score)[] Next)[]> steps, string? generation = null, Func<LlamaConfig, LlamaConfig>? change = null)
    {
        TemporaryFolder folder = new();
        string file = Path.Combine(Repository.Goldens, "tokenizers", tokenizer, "tokenizer.json");
        File.Copy(file, folder.File("tokenizer.json"));
        Tokenizer loaded = Tokenizer.FromFile(file);
        using CausalLanguageModel model = Build(loaded.VocabularySize, steps(loaded), change);
        ModelFolder.Save(model, folder.Path);
        if (generation is not null) File.WriteAllText(folder.File("generation_config.json"), generation);
        else if (File.Exists(folder.File("generation_config.json"))) File.Delete(folder.File("generation_config.json"));
        return folder;
    }

    public static int Id(this Tokenizer tokenizer, string token) => tokenizer.TokenToId(token) ?? throw new InvalidOperationException($"no token {token}");

    private static LlamaConfig Checked(this LlamaConfig config)
    {
        config.Validate();
        return config;
    }
}
