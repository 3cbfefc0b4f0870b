using Heed.Generation;
using Heed.Generation.Embeddings;
using Heed.Generation.Understanding;
using Heed.Models.Files;
using Heed.Tokenizers;

namespace Heed.Verification;

/// <summary>The models of a folder of tasks by their names, each opened when the first row asks for it.</summary>
/// <param name="folder">The folder, with <c>models/NAME</c>.</param>
/// <param name="model">A folder for rows whose model is none of these, if its name is theirs; or null.</param>
internal sealed class TaskFolder(string folder, string? model) : IDisposable
{
    private readonly Dictionary<string, HeedModel> _models = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TextEmbedder> _embedders = new(StringComparer.Ordinal);
    private readonly Dictionary<string, PairScorer> _scorers = new(StringComparer.Ordinal);

    /// <summary>The folder of a model; null if there is none: a published one that is not at hand.</summary>
    public string? PathOf(string name)
    {
        // A name is one part of a path: a case must not lead elsewhere.
        if (name != Path.GetFileName(name)
            || name is "" or "." or "..") throw new FormatException($"'{Printable.Shorten(name)}' is no name of a model");
        string inside = Path.Combine(folder, "models", name);
        if (Directory.Exists(inside)) return inside;
        if (model is not null && Path.GetFileName(Path.TrimEndingDirectorySeparator(model)) == name) return model;
        string beside = Path.Combine(folder, "..", "..", "models", name);
        return Directory.Exists(beside) ? beside : null;
    }

    /// <summary>A model.</summary>
    public HeedModel Open(string name) => Once(_models, name, path => HeedModel.Open(path));

    /// <summary>How a model reads texts.</summary>
    public TextReading Reading(string name) => Open(name).Reading;

    /// <summary>A tokenizer alone: rows of training data need no model.</summary>
    public Tokenizer OpenTokenizer(string name) => Tokenizer.FromFolder(PathOf(name) ?? throw Missing(name)).WithTruncation(null)
        .WithPadding(null);

    /// <summary>The length at which a model's texts end.</summary>
    public int LengthOf(string name) => TokenizerLength.Read(new FolderModelFiles(PathOf(name) ?? throw Missing(name))) ?? int.MaxValue;

    /// <summary>A model of sentence embeddings.</summary>
    public TextEmbedder OpenEmbedder(string name) => Once(_embedders, name, path => TextEmbedder.Open(path));

    /// <summary>A cross-encoder.</summary>
    public PairScorer OpenScorer(string name) => Once(_scorers, name, path => PairScorer.Open(path));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (HeedModel opened in _models.Values) opened.Dispose();
        foreach (TextEmbedder opened in _embedders.Values) opened.Dispose();
        foreach (PairScorer opened in _scorers.Values) opened.Dispose();
    }

    private T Once<T>(Dictionary<string, T> kept, string name, Func<string, T> open)
    {
        if (!kept.TryGetValue(name, out T? opened)) kept.Add(name, opened = open(PathOf(name) ?? throw Missing(name)));
        return opened;
    }

    private StorageException Missing(string name) => new($"{folder}: has no model 'models/{name}'.");
}
