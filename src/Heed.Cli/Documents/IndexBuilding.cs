using System.Diagnostics;
using Heed.Generation.Embeddings;
using Heed.Retrieval;

namespace Heed.Cli.Documents;

/// <summary>What a build did.</summary>
/// <param name="Written">Documents that were new or changed.</param>
/// <param name="Unchanged">Documents that the index held already.</param>
/// <param name="Removed">Documents that are no longer there.</param>
internal sealed record BuiltIndex(int Written, int Unchanged, int Removed);

/// <summary>Brings an index up to documents, and opens the models beside one.</summary>
internal static class IndexBuilding
{
    /// <summary>Brings an index up to documents: what is in it with the same content is passed over.</summary>
    /// <param name="folder">The index.</param>
    /// <param name="documents">The documents.</param>
    /// <param name="settings">How to build it; null: as it is.</param>
    /// <param name="embedder">Makes the vectors; null: words only.</param>
    /// <param name="keep">True: documents that are not among these stay.</param>
    /// <param name="terminal">Shows progress.</param>
    /// <param name="cancellationToken">Ends it; what was committed stays.</param>
    public static BuiltIndex Build(string folder, IEnumerable<SearchDocument> documents, SearchIndexSettings? settings,
        TextEmbedder? embedder,
        bool keep, Terminal terminal, CancellationToken cancellationToken)
    {
        int written = 0, unchanged = 0, removed = 0;
        Stopwatch clock = Stopwatch.StartNew();
        Reporter<SearchIndexProgress> progress = new(p => terminal.Status($"{p.Documents:N0} documents committed, "
            + $"{written + unchanged:N0} read"
            + (p.Embedded > 0 ? $", {p.Embedded:N0} parts embedded, {p.Embedded / clock.Elapsed.TotalSeconds:N0}/s" : "")));
        using SearchIndexWriter writer = SearchIndexWriter.Open(folder, settings, embedder, progress);
        terminal.WhenStopped = $"{writer.Documents:N0} documents and those committed since stay in {folder}; the same command resumes.";
        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach (SearchDocument document in documents)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!seen.Add(document.Key))
                terminal.Warn($"{document.Key}: comes twice; the later one counts.");
            if (writer.Put(document, cancellationToken)) written++;
            else unchanged++;
        }

        if (!keep)
            foreach (string key in writer.Keys.Where(k => !seen.Contains(k)).ToArray()) if (writer.Remove(key)) removed++;
        writer.Commit(cancellationToken);
        terminal.Status("measuring the threshold of evidence …");
        writer.Calibrate(cancellationToken);
        return new BuiltIndex(written, unchanged, removed);
    }

    /// <summary>The model of an index: the one that is named, or else the one in the folder where it was built from.</summary>
    /// <returns>Null: the index has no vectors, or its model is not there and none was named.</returns>
    public static TextEmbedder? Embedder(string index, string? named)
    {
        if (named is not null) return TextEmbedder.Open(named);
        IndexModel? model = IndexManifest.Read(index).Model;
        return model?.Folder is { } folder && Directory.Exists(folder) ? TextEmbedder.Open(folder) : null;
    }
}
