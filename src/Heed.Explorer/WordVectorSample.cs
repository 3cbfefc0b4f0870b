using Heed.Retrieval;

namespace Heed.Explorer;

/// <summary>The word vectors that come with Heed: they were trained by the command in <c>samples/stories/README.md</c>.</summary>
internal static class WordVectorSample
{
    private static readonly Lazy<WordVectors?> Vectors = new(() => File.Exists(Path) ? WordVectors.Read(Path) : null);

    /// <summary>Their file, beside this assembly.</summary>
    internal static string Path { get; } = System.IO.Path.Combine(AppContext.BaseDirectory, "word-vectors", "words.bin");

    /// <summary>The vectors; null where the file is missing.</summary>
    public static WordVectors? Open() => Vectors.Value;
}
