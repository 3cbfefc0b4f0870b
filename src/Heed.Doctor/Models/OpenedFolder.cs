using Heed.Checkpoints;
using Heed.Models;
using Heed.Models.Embeddings;
using Heed.Models.Files;
using Heed.Tokenizers;

namespace Heed.Doctor.Models;

/// <summary>A model folder as the doctor opens it: what is missing or wrong is a finding, not an error, as far as there is a
/// model.</summary>
internal sealed class OpenedFolder : IDisposable
{
    private OpenedFolder(IModelFiles files, IModelFiles source, Model model, LoadReport report, SentenceEmbedder? embedder)
        => (Files, Source, Model, Report, Embedder) = (files, source, model, report, embedder);

    /// <summary>The folder.</summary>
    public IModelFiles Files { get; }

    /// <summary>Where the model's own files lie: the folder, or one below it.</summary>
    public IModelFiles Source { get; }

    /// <summary>The model.</summary>
    public Model Model { get; }

    /// <summary>What the weights lack.</summary>
    public LoadReport Report { get; }

    /// <summary>How the model makes vectors, for folders with modules.json; null else.</summary>
    public SentenceEmbedder? Embedder { get; }

    /// <summary>The tokenizer; null if the folder has none.</summary>
    public Tokenizer? Tokenizer { get; private init; }

    /// <summary>Opens a folder.</summary>
    /// <exception cref="InputException">No model can be made of its files.</exception>
    /// <exception cref="StorageException">A file is missing.</exception>
    public static OpenedFolder Open(string folder)
    {
        FolderModelFiles files = new(folder);
        LoadOptions options = new() { AllowMissing = true };
        if (!SentenceEmbedder.IsFor(files))
        {
            (Model model, LoadReport report) = ModelFolder.Load(files, options);
            return Over(new OpenedFolder(files, files, model, report, null));
        }

        SentenceEmbedder embedder = SentenceEmbedder.Load(files, options);
        if (embedder.Model is not { } inner)
        {
            embedder.Dispose();
            throw new InputException($"{folder}: holds word vectors without context; the doctor looks at models.");
        }

        return Over(new OpenedFolder(files, files.Below(embedder.SourcePath), inner, new LoadReport([], [], []), embedder));
    }

    private static OpenedFolder Over(OpenedFolder opened)
    {
        try
        {
            return new OpenedFolder(opened.Files, opened.Source, opened.Model, opened.Report, opened.Embedder)
            {
                Tokenizer = Heed.Tokenizers.Tokenizer.FromFiles(opened.Source).WithTruncation(null).WithPadding(null),
            };
        }
        catch (StorageException)
        {
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Embedder?.Dispose();
        Model.Dispose();
    }
}
