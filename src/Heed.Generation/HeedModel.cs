using System.Text.Json.Nodes;
using Heed.Checkpoints;
using Heed.Engine.Runtime;
using Heed.Generation.Inference;
using Heed.Models;
using Heed.Generation.Embeddings;
using Heed.Generation.Understanding;
using Heed.Models.Files;
using Heed.Templates;
using Heed.Tokenizers;

namespace Heed.Generation;

/// <summary>A model and its tokenizer, opened from a folder: text in, text (or classes, or fillings) out.</summary>
/// <example><code>
/// using HeedModel model = HeedModel.Open("models/gpt2");
/// Console.WriteLine(model.Generate("Once upon a time"));
/// </code></example>
/// <remarks>
/// Safe for any number of threads: what a call returns does not depend on the others. <see cref="Dispose"/> lets no further call begin; the
/// calls that are running finish, and the last of them frees the model.
/// </remarks>
public sealed partial class HeedModel : IDisposable
{
    private readonly ModelUses _uses;
    private readonly Lazy<Tokenizer> _tokenizer;
    private readonly Lazy<TextEmbedder> _embedder;
    private readonly Lazy<VectorHead?> _head;
    private readonly Lazy<TextReading> _reading;
    private readonly Lazy<InferenceEngine> _engine;
    private readonly Lazy<ChatTemplates> _templates;
    private readonly IProgress<string>? _warnings;

    private readonly IModelFiles _files;

    private HeedModel(
        IModelFiles files, Model model, GenerationConfig generation, TextEmbedder? embedder, IProgress<string>? warnings,
        InferenceOptions? inference)
    {
        _files = files;
        Model = model;
        _warnings = warnings;
        Generation = generation;
        _uses = new ModelUses(this, Free);
        // A file that is missing now may be there at the next call: only successes are kept.
        _tokenizer = new(() => ReadTokenizer(files, warnings), LazyThreadSafetyMode.PublicationOnly);
        _reading = new(() => TextReading.Of(files, Model, Tokenizer), LazyThreadSafetyMode.PublicationOnly);
        _head = new(() => VectorHead.Read(files), LazyThreadSafetyMode.PublicationOnly);
        _templates = new(() => ChatTemplates.FromFiles(files), LazyThreadSafetyMode.PublicationOnly);
        _embedder = embedder is null
            ? new(() => TextEmbedder.Over(files, model), LazyThreadSafetyMode.PublicationOnly)
            : new(embedder);
        _engine = new(() => new InferenceEngine(Model, inference));
    }

    /// <summary>The folder or address that was opened.</summary>
    public string Folder => _files.Location;

    /// <summary>The model. It is this object's: <see cref="Dispose"/> frees it.</summary>
    public Model Model { get; }

    /// <summary>Where the model computes; each call enters it.</summary>
    public ComputeContext Context => Model.Context;

    /// <summary>The folder's settings for generation; change them with <c>with</c> and pass them to
    /// <see cref="Generate(string, GenerationConfig?, CancellationToken)"/>. If they set no length, up to 128 tokens are generated, within
    /// the model's context.</summary>
    public GenerationConfig Generation { get; }

    /// <summary>How the model reads texts.</summary>
    internal TextReading Reading => _reading.Value;

    private static Tokenizer ReadTokenizer(IModelFiles files, IProgress<string>? warnings)
    {
        Tokenizer tokenizer = Tokenizer.FromFiles(files);
        if (warnings is not null)
            foreach (string warning in tokenizer.Report?.Warnings ?? []) warnings.Report(warning);
        return tokenizer.WithTruncation(null).WithPadding(null);
    }

    /// <summary>The folder's tokenizer, without its settings for truncation and padding; read when it is first asked for.</summary>
    /// <exception cref="StorageException">The folder has no tokenizer, or it cannot be read.</exception>
    /// <exception cref="InvalidFileException">A file of the tokenizer is damaged.</exception>
    public Tokenizer Tokenizer => _tokenizer.Value;

    /// <summary>Returns the memory of the weights, as soon as no call uses them any more.</summary>
    public void Dispose() => _uses.Close();

    private void Free()
    {
        if (_engine.IsValueCreated) _engine.Value.Dispose();
        if (_embedder.IsValueCreated) _embedder.Value.Dispose();
        Model.Dispose();
    }

    private static GenerationConfig Settings(IModelFiles files, Model model, ModelDescription? description, IProgress<string>? warnings)
    {
        bool generates = model is CausalLanguageModel or SequenceToSequenceModel;
        IProgress<string>? names = generates ? warnings : null;
        GenerationConfig config = description is null
            ? GenerationConfig.FromFiles(files, names)
            : GenerationConfig.FromFiles(files, description, names);
        // A departure: the reference does not look into config.json where there is a generation_config.json. A text that cannot end helps
        // nobody.
        if (config.EndIds.Count == 0) config = config with { EndIds = EndIds(model.Config) };
        config = config with { BeginId = config.BeginId ?? model.Config.BeginId, PaddingId = config.PaddingId ?? model.Config.PaddingId };
        if (!generates || warnings is null) return config;
        foreach (int id in config.EndIds.Where(id => id >= model.Config.Vocabulary))
            warnings.Report($"{files.Location}: eos_token_id {id} is not in the vocabulary of {model.Config.Vocabulary} ids and never "
                + "ends a text. Correct generation_config.json or config.json.");
        if (model is SequenceToSequenceModel both && config.DecoderStartId is null && model.Config.Original is { } stored
            && stored["decoder_start_token_id"] is null)
            warnings.Report($"{files.Location}: neither generation_config.json nor config.json sets decoder_start_token_id; "
                + $"id {both.DecoderStartId} is taken, as usual for {model.Config.ModelType}. Set it if the texts are wrong.");
        return config;
    }

    /// <summary>All ids of <c>eos_token_id</c> in config.json, which may be a list.</summary>
    private static int[] EndIds(ModelConfig config)
    {
        if (config.Original?["eos_token_id"] is JsonArray list)
            return [.. list.Select(id => id is JsonValue v && v.TryGetValue(out int end) ? end : -1).Where(id => id >= 0)];
        return config.EndId is { } one ? [one] : [];
    }
}
