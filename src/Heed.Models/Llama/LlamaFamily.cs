using Heed.Engine.Nn;
using Heed.Models.Files;

namespace Heed.Models.Llama;

/// <summary>LLaMA, Mistral, Qwen2 and Qwen3 for the loader.</summary>
internal sealed class LlamaFamily : DecoderFamily
{
    private const string Qwen3Embedding = "Zhang et al. 2025, arXiv:2506.05176, table 1";

    private static readonly LlamaKind[] Kinds = [LlamaKind.Llama, LlamaKind.Mistral, LlamaKind.Qwen2, LlamaKind.Qwen3];

    private static readonly LlamaConfig Qwen2 = new() { Kind = LlamaKind.Qwen2, Width = 896, Layers = 24, Heads = 14, KeyHeads = 2, InnerWidth = 4864, Vocabulary = 151936, ContextLength = 32768, Theta = 1e6, AttentionBias = true, TiedOutput = true };

    private static readonly LlamaConfig Qwen3 = new() { Kind = LlamaKind.Qwen3, Width = 1024, Layers = 28, Heads = 16, KeyHeads = 8, HeadWidth = 128, InnerWidth = 3072, Vocabulary = 151936, ContextLength = 32768, Theta = 1e6, TiedOutput = true };

    public override IReadOnlyList<string> ModelTypes { get; } = ["llama", "mistral", "qwen2", "qwen3"];

    public override IReadOnlyList<string> Architectures { get; } = [.. Kinds.SelectMany(k => (string[])[NameOf(k) + "ForCausalLM", NameOf(k) + "ForSequenceClassification", NameOf(k) + "Model"])];

    public override IReadOnlyDictionary<string, string> OtherNames { get; } = Kinds.ToDictionary(k => NameOf(k) + "Model", k => NameOf(k) + "ForCausalLM");

    public override string BasePrefix => "model";

    public override IReadOnlyDictionary<string, ModelPreset> Presets { get; } = new Dictionary<string, ModelPreset>
    {
        ["llama-tiny"] = new(LlamaConfig.Tiny, "LlamaForCausalLM", "Heed's quick start"),
        ["llama-7b"] = new(new LlamaConfig { Width = 4096, Layers = 32, Heads = 32, InnerWidth = 11008 }, "LlamaForCausalLM", "Touvron et al. 2023, arXiv:2302.13971, table 2", "the paper says 6.7B"),
        ["llama-13b"] = new(new LlamaConfig { Width = 5120, Layers = 40, Heads = 40, InnerWidth = 13824 }, "LlamaForCausalLM", "Touvron et al. 2023, arXiv:2302.13971, table 2", "the paper says 13.0B"),
        ["llama-65b"] = new(new LlamaConfig { Width = 8192, Layers = 80, Heads = 64, InnerWidth = 22016 }, "LlamaForCausalLM", "Touvron et al. 2023, arXiv:2302.13971, table 2", "the paper says 65.2B"),
        ["mistral-7b"] = new(new LlamaConfig { Kind = LlamaKind.Mistral, Width = 4096, Layers = 32, Heads = 32, KeyHeads = 8, InnerWidth = 14336, ContextLength = 32768, Window = 4096 }, "MistralForCausalLM", "Jiang et al. 2023, arXiv:2310.06825, table 1", "the paper says 7B"),
        ["qwen2-0.5b"] = new(Qwen2, "Qwen2ForCausalLM", "Yang et al. 2024, arXiv:2407.10671, table 1", "the paper says 0.5B"),
        ["qwen2-7b"] = new(Qwen2 with { Width = 3584, Layers = 28, Heads = 28, KeyHeads = 4, InnerWidth = 18944, Vocabulary = 152064, TiedOutput = false }, "Qwen2ForCausalLM", "Yang et al. 2024, arXiv:2407.10671, table 1", "the paper says 7B"),
        ["qwen3-0.6b"] = new(Qwen3, "Qwen3ForCausalLM", "Yang et al. 2025, arXiv:2505.09388, table 1", "the paper says 0.6B"),
        ["qwen3-embedding-0.6b"] = new(Qwen3 with { Vocabulary = 151669 }, "Qwen3Model", Qwen3Embedding, "the paper says 0.6B"),
    };

    public override ModelConfig ReadConfig(ConfigReader file) => LlamaConfigFile.Read(file);

    protected override DecoderStack BuildStack(string architecture, ModelConfig config, ParameterScope at)
    {
        // The class names the member where the configuration was made in code.
        LlamaConfig c = (LlamaConfig)config;
        LlamaKind kind = Array.Find(Kinds, k => architecture.StartsWith(NameOf(k), StringComparison.Ordinal));
        return new LlamaModel(kind == c.Kind ? c : c with { Kind = kind }, at);
    }

    /// <summary>Older files hold RoPE's frequencies as a buffer.</summary>
    public override string? CurrentName(string stored) => stored.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal) ? null : stored;

    public static string NameOf(LlamaKind kind) => kind.ToString();
}
