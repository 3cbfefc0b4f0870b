using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Adapters;
using Heed.Models.Embeddings;
using Heed.Models.Files;
using Heed.Tokenizers;
using Heed.Training.Tasks;

namespace Heed.Training.Finetuning;

/// <summary>Writes an embedder as a folder that sentence-transformers opens, and reads its weights back.</summary>
internal static class SentenceModules
{
    private const string PoolingFolder = "1_Pooling", ConfigName = "config.json";

    /// <summary>Files of the settings, beside modules.json; they are kept as they are.</summary>
    private static readonly string[] Settings =
    [
        SentencePipeline.ModulesName, SentenceSettings.ConfigName, "sentence_bert_config.json", "sentence_roberta_config.json",
        "sentence_distilbert_config.json", "sentence_camembert_config.json", "sentence_albert_config.json",
        "sentence_xlm-roberta_config.json", "sentence_xlnet_config.json",
    ];

    /// <summary>True for a parameter of the encoder that its folder has: neither a module behind the pooling, nor a head of pairs, nor a pooler that
    /// was made up because the folder holds none.</summary>
    public static bool IsOfEncoder(Model model, SentenceEmbedder embedder, Parameter parameter)
        => !PairHead.IsOwn(parameter.Name) && !embedder.DenseModules.Any(d => parameter.Name.StartsWith(d.Path + ".", StringComparison.Ordinal))
            && (!parameter.MayBeUnused || model.StoredTypes.ContainsKey(parameter.Name));

    /// <summary>Writes the folder.</summary>
    /// <param name="embedder">What is written; it is open for training.</param>
    /// <param name="source">The folder that it comes from.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="folder">Exists.</param>
    /// <param name="adapter">Saved instead of the encoder's weights, or null.</param>
    public static void Save(SentenceEmbedder embedder, string source, Tokenizer tokenizer, string folder, Adapter? adapter = null)
    {
        Model model = embedder.Model!;
        if (adapter is null)
            ModelFolder.SaveSome(model, folder, DType.F32, CheckpointFolder.DefaultShardSize, p => IsOfEncoder(model, embedder, p));
        else adapter.Save(folder);
        TokenizerFolder.Save(tokenizer, folder, model.Config.EndId, source);
        if (File.Exists(Path.Combine(source, SentencePipeline.ModulesName))) CopySettings(embedder, source, folder);
        else WriteSettings(model, folder);
        foreach ((string path, DenseModule dense) in embedder.DenseModules)
            CheckpointFolder.Save(Path.Combine(folder, path),
                dense.Parameters.Select(p => new ParameterTensor(p).Rename(p.Name[(path.Length + 1)..])));
    }

    /// <summary>Gives the embedder the weights that <see cref="Save"/> wrote, to the bit.</summary>
    /// <param name="embedder">Is open for training.</param>
    /// <param name="folder">Was saved.</param>
    /// <param name="adapter">That of the embedder's model, or null.</param>
    public static void Load(SentenceEmbedder embedder, string folder, Adapter? adapter = null)
    {
        Model model = embedder.Model!;
        if (adapter is not null)
        {
            adapter.Restore(folder);
        }
        else
        {
            using CheckpointFolder weights = CheckpointFolder.Open(folder);
            foreach (Parameter p in model.Parameters)
                if (IsOfEncoder(model, embedder, p)) Assign(p, weights[p.Name]);
        }

        foreach ((string path, DenseModule dense) in embedder.DenseModules)
        {
            using CheckpointFolder weights = CheckpointFolder.Open(Path.Combine(folder, path));
            foreach (Parameter p in dense.Parameters) Assign(p, weights[p.Name[(path.Length + 1)..]]);
        }
    }

    private static void Assign(Parameter parameter, RawTensor tensor)
    {
        Tensor value = Tensor.Uninitialized(parameter.Shape);
        tensor.ReadFloats(value.Span);
        parameter.Assign(value);
    }

    private static void CopySettings(SentenceEmbedder embedder, string source, string folder)
    {
        foreach (string name in Settings) Copy(source, folder, name);
        foreach (string path in embedder.ModulePaths)
        {
            Directory.CreateDirectory(Path.Combine(folder, path));
            Copy(source, folder, Path.Combine(path, ConfigName));
        }
    }

    private static void Copy(string source, string folder, string name)
    {
        string path = Path.Combine(source, name);
        if (!File.Exists(path)) return;
        byte[] bytes = InputFile.ReadAll(path, 16 << 20);
        DurableFile.Write(Path.Combine(folder, name), stream => stream.Write(bytes));
    }

    /// <summary>A bare encoder becomes an encoder with mean pooling.</summary>
    private static void WriteSettings(Model model, string folder)
    {
        Write(folder, SentencePipeline.ModulesName, new JsonArray(
            Module(0, "", "sentence_transformers.base.modules.transformer.Transformer"),
            Module(1, PoolingFolder, "sentence_transformers.sentence_transformer.modules.pooling.Pooling")));
        Write(folder, SentenceSettings.ConfigName, new JsonObject
        {
            ["default_prompt_name"] = null,
            ["model_type"] = "SentenceTransformer",
            ["prompts"] = new JsonObject { ["document"] = "", ["query"] = "" },
            ["similarity_fn_name"] = "cosine",
        });
        WriteTransformer(folder, "feature-extraction", "last_hidden_state", "token_embeddings");
        Directory.CreateDirectory(Path.Combine(folder, PoolingFolder));
        Write(folder, Path.Combine(PoolingFolder, ConfigName), new JsonObject
        {
            ["embedding_dimension"] = model.Config.Width,
            ["pooling_mode"] = "mean",
            ["include_prompt"] = true,
        });
    }

    /// <summary>Writes the files by which a folder with a sequence classifier is a cross-encoder.</summary>
    public static void WriteCrossEncoder(string folder)
    {
        Write(folder, SentencePipeline.ModulesName,
            new JsonArray(Module(0, "", "sentence_transformers.base.modules.transformer.Transformer")));
        Write(folder, SentenceSettings.ConfigName, new JsonObject
        {
            ["activation_fn"] = "torch.nn.modules.activation.Sigmoid",
            ["default_prompt_name"] = null,
            ["model_type"] = "CrossEncoder",
            ["prompts"] = new JsonObject(),
        });
        WriteTransformer(folder, "sequence-classification", "logits", "scores");
    }

    private static void WriteTransformer(string folder, string task, string output, string module)
        => Write(folder, "sentence_bert_config.json", new JsonObject
        {
            ["transformer_task"] = task,
            ["modality_config"] = new JsonObject
            {
                ["text"] = new JsonObject { ["method"] = "forward", ["method_output_name"] = output },
            },
            ["module_output_name"] = module,
        });

    private static JsonObject Module(int index, string path, string type) => new()
    {
        ["idx"] = index,
        ["name"] = index.ToString(System.Globalization.CultureInfo.InvariantCulture),
        ["path"] = path,
        ["type"] = type,
    };

    private static void Write(string folder, string name, JsonNode json)
        => DurableFile.WriteText(Path.Combine(folder, name), StrictJson.Format(json));
}
