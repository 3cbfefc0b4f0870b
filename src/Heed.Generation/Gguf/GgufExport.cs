using Heed.Checkpoints;
using Heed.Checkpoints.Gguf;
using Heed.Engine.Nn;
using Heed.Models;
using Heed.Models.Bert;
using Heed.Models.Files;
using Heed.Models.Gpt2;
using Heed.Models.Llama;

namespace Heed.Generation.Gguf;

/// <summary>What <see cref="GgufExport"/> wrote.</summary>
/// <param name="Bytes">Bytes of tensors.</param>
/// <param name="Types">Tensors and values by the type they are stored in.</param>
internal sealed record GgufReport(long Bytes, IReadOnlyList<GgufTypeCount> Types);

/// <summary>How much is stored in a type.</summary>
internal sealed record GgufTypeCount(GgufType Type, int Tensors, long Values);

/// <summary>Writes a model and its tokenizer as a GGUF file, as llama.cpp's converter lays it out.</summary>
internal static class GgufExport
{
    /// <summary>The types of matrices that can be asked for, by the names of options.</summary>
    public static IReadOnlyDictionary<string, GgufType> Types { get; } = new Dictionary<string, GgufType>(StringComparer.Ordinal)
    {
        ["f32"] = GgufType.F32,
        ["f16"] = GgufType.F16,
        ["bf16"] = GgufType.BF16,
        ["q8_0"] = GgufType.Q8_0,
        ["q6_k"] = GgufType.Q6_K,
        ["q5_1"] = GgufType.Q5_1,
        ["q5_0"] = GgufType.Q5_0,
        ["q4_k"] = GgufType.Q4_K,
        ["q4_1"] = GgufType.Q4_1,
        ["q4_0"] = GgufType.Q4_0,
        ["mxfp4"] = GgufType.MXFP4,
    };

    // llama.h, llama_ftype.
    private static readonly Dictionary<GgufType, uint> FileTypes = new()
    {
        [GgufType.F32] = 0,
        [GgufType.F16] = 1,
        [GgufType.Q4_0] = 2,
        [GgufType.Q4_1] = 3,
        [GgufType.Q8_0] = 7,
        [GgufType.Q5_0] = 8,
        [GgufType.Q5_1] = 9,
        [GgufType.Q4_K] = 14,
        [GgufType.Q6_K] = 18,
        [GgufType.BF16] = 32,
        [GgufType.MXFP4] = 38,
    };

    /// <summary>Writes the file.</summary>
    /// <param name="source">The model's files.</param>
    /// <param name="target">The file to write; an old one is replaced at the end.</param>
    /// <param name="type">How matrices are stored. Vectors and tables of positions stay float32; the output of a model below six bits is
    /// stored in <c>Q6_K</c> (or <c>Q8_0</c>); a matrix whose rows are no whole blocks is stored in <c>Q8_0</c> or <c>F16</c>.</param>
    /// <param name="options">How the model is loaded.</param>
    /// <param name="progress">Receives the values written so far; may be null.</param>
    /// <param name="cancellationToken">Stops the writing; an old file stays.</param>
    /// <exception cref="InputException">The model's family has no form in GGUF, or its tokenizer has none.</exception>
    /// <exception cref="StorageException">A file cannot be read or written.</exception>
    public static GgufReport Write(
        IModelFiles source, string target, GgufType type, LoadOptions? options = null, IProgress<long>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        using Model model = ModelFolder.Load(source, options).Model;
        string architecture = Architecture(model, source);
        List<KeyValuePair<string, GgufValue>> metadata =
        [
            new("general.architecture", GgufValue.Of(architecture)),
            new("general.name", GgufValue.Of(Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(source.Location)))),
            new("general.file_type", GgufValue.Of(FileTypes[type])),
            new("general.quantization_version", GgufValue.Of(2u)),
            .. Sizes(model.Config, architecture),
            .. GgufVocabulary.Of(source, model.Config),
        ];
        List<GgufEntry> tensors = [];
        if (Factors(model.Config) is { } factors) tensors.Add(new GgufEntry(factors, GgufType.F32));
        foreach (Parameter parameter in model.Parameters)
        {
            RawTensor tensor = new ParameterTensor(parameter);
            string? name = GgufNames.ToGguf(architecture, parameter.Name);
            // A pooler is no part of the form: embeddings are pooled by what the metadata say.
            if (name is null && architecture == "bert" && parameter.Name.StartsWith("pooler.", StringComparison.Ordinal)) continue;
            if (name is null)
                throw new InputException($"{source.Location}: tensor '{parameter.Name}' has no name in GGUF's form of "
                    + $"{architecture}; only plain models of the family can be written.");
            tensors.Add(Entry(Laid(tensor, name, architecture, model.Config).Rename(name), name, type, model.Config.TiedOutput));
        }

        GgufWriter.Write(target, metadata, tensors, progress, cancellationToken);
        return new GgufReport(tensors.Sum(GgufWriter.BytesOf), [.. tensors.GroupBy(t => t.Type)
            .Select(g => new GgufTypeCount(g.Key, g.Count(), g.Sum(t => t.Tensor.ElementCount)))]);
    }

    private static string Architecture(Model model, IModelFiles source) => (model.Config, model.Architecture) switch
    {
        (Gpt2Config, "GPT2LMHeadModel") => "gpt2",
        (LlamaConfig { Kind: LlamaKind.Qwen2 }, "Qwen2ForCausalLM") => "qwen2",
        (LlamaConfig { Kind: LlamaKind.Qwen3 }, "Qwen3ForCausalLM") => "qwen3",
        (LlamaConfig { Window: 0 }, "LlamaForCausalLM" or "MistralForCausalLM") => "llama",
        (BertConfig, "BertModel") => "bert",
        _ => throw new InputException($"{source.Location}: {model.Architecture} has no form in GGUF here; LLaMA, Mistral without a "
            + $"window, Qwen 2, Qwen 3 and GPT-2 with their language-model heads, and BertModel have one."),
    };

    private static IEnumerable<KeyValuePair<string, GgufValue>> Sizes(ModelConfig config, string architecture)
    {
        List<KeyValuePair<string, GgufValue>> keys = [];
        void Add(string name, GgufValue value) => keys.Add(new($"{architecture}.{name}", value));
        Add("block_count", GgufValue.Of((uint)config.Layers));
        Add("embedding_length", GgufValue.Of((uint)config.Width));
        switch (config)
        {
            case LlamaConfig llama:
                Add("vocab_size", GgufValue.Of((uint)llama.Vocabulary));
                Add("context_length", GgufValue.Of((uint)llama.ContextLength));
                Add("feed_forward_length", GgufValue.Of((uint)llama.InnerWidth));
                Add("attention.head_count", GgufValue.Of((uint)llama.Heads));
                Add("attention.head_count_kv", GgufValue.Of((uint)llama.KeyHeads));
                Add("attention.layer_norm_rms_epsilon", GgufValue.Of(llama.NormEpsilon));
                Add("attention.key_length", GgufValue.Of((uint)llama.HeadWidth));
                Add("attention.value_length", GgufValue.Of((uint)llama.HeadWidth));
                Add("rope.dimension_count", GgufValue.Of((uint)llama.HeadWidth));
                Add("rope.freq_base", GgufValue.Of((float)llama.Theta));
                foreach ((string name, GgufValue value) in Rope(llama)) Add(name, value);
                break;
            case Gpt2Config gpt:
                Add("context_length", GgufValue.Of((uint)gpt.MaximumLength));
                Add("feed_forward_length", GgufValue.Of((uint)gpt.InnerWidth));
                Add("attention.head_count", GgufValue.Of((uint)gpt.Heads));
                Add("attention.layer_norm_epsilon", GgufValue.Of(gpt.NormEpsilon));
                break;
            case BertConfig bert:
                Add("context_length", GgufValue.Of((uint)bert.MaximumLength));
                Add("feed_forward_length", GgufValue.Of((uint)bert.InnerWidth));
                Add("attention.head_count", GgufValue.Of((uint)bert.Heads));
                Add("attention.layer_norm_epsilon", GgufValue.Of(bert.NormEpsilon));
                Add("attention.causal", GgufValue.Of(false));
                break;
        }

        return keys;
    }

    private static IEnumerable<KeyValuePair<string, GgufValue>> Rope(LlamaConfig config)
    {
        switch (config.Scaling?.Kind)
        {
            case null or RopeScalingKind.Llama3 or RopeScalingKind.LongRope: // the last two are a tensor
                yield break;
            case RopeScalingKind.Linear or RopeScalingKind.Yarn:
                yield return new("rope.scaling.type", GgufValue.Of(config.Scaling.Kind == RopeScalingKind.Linear ? "linear" : "yarn"));
                yield return new("rope.scaling.factor", GgufValue.Of((float)config.Scaling.Factor));
                if (config.Scaling.OriginalLength > 0)
                    yield return new("rope.scaling.original_context_length", GgufValue.Of((uint)config.Scaling.OriginalLength));
                break;
            default:
                throw new InputException($"RoPE scaling of the kind {config.Scaling.Kind} has no form in GGUF here; none, linear, "
                    + $"yarn, llama3 have one.");
        }
    }

    /// <summary>LLaMA 3's scaling as the factors that divide each frequency.</summary>
    private static RawTensor? Factors(ModelConfig config)
    {
        if (config is not LlamaConfig { Scaling: { } scaling } llama) return null;
        double[] factors;
        switch (scaling.Kind)
        {
            case RopeScalingKind.Llama3:
                double[] Of(RopeScaling? rule) => RopeFrequencies.Compute(llama.HeadWidth, llama.Theta, rule, llama.ContextLength, 1);
                factors = [.. Of(null).Zip(Of(scaling), (before, after) => before / after)];
                break;
            case RopeScalingKind.LongRope when scaling.ShortFactors is { } few && scaling.LongFactors is { } many && few.SequenceEqual(many)
                && scaling.AttentionFactor is null or 1:
                factors = [.. scaling.ShortFactors!];
                break;
            case RopeScalingKind.LongRope:
                throw new InputException("RoPE scaling of the kind LongRope with different factors for long texts has no form in "
                    + "GGUF here.");
            default:
                return null;
        }

        return RawTensor.FromFloats("rope_freqs.weight", [factors.Length], factors.Select(f => (float)f).ToArray());
    }

    private static RawTensor Laid(RawTensor tensor, string name, string architecture, ModelConfig config)
    {
        if (architecture == "llama" && config is LlamaConfig llama)
        {
            if (name.Contains("attn_q.", StringComparison.Ordinal)) return new RotatedRowsTensor(tensor, llama.Heads, inverse: true);
            if (name.Contains("attn_k.", StringComparison.Ordinal)) return new RotatedRowsTensor(tensor, llama.KeyHeads, inverse: true);
        }

        return architecture == "gpt2" && tensor.Shape.Count == 2 && name.StartsWith("blk.", StringComparison.Ordinal)
            ? new TransposedTensor(tensor) : tensor;
    }

    private static GgufEntry Entry(RawTensor tensor, string name, GgufType type, bool tied)
    {
        if (tensor.Shape.Count < 2 || name.StartsWith("position_embd", StringComparison.Ordinal)
            || name.StartsWith("token_types", StringComparison.Ordinal))
            return new GgufEntry(tensor, GgufType.F32);
        bool isOutput = name == (tied ? "token_embd.weight" : "output.weight");
        GgufType stored = isOutput && Bits(type) < 6 ? GgufType.Q6_K : type;
        long row = tensor.Shape[^1];
        if (row % stored.BlockValues() != 0) stored = row % 32 == 0 ? (stored is GgufType.Q4_K ? GgufType.Q4_0 : GgufType.Q8_0)
            : GgufType.F16;
        return new GgufEntry(tensor, stored);
    }

    private static double Bits(GgufType type) => 8.0 * type.BlockBytes() / type.BlockValues();
}
