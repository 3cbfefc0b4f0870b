using Heed.Generation.Embeddings;
using Heed.Testing;

namespace Heed.Verification.Tests;

/// <summary>Each key of the settings of each sentence-transformers folder of the goldens changed: the same vectors, those that are asked
/// for, or an error that names the file.</summary>
public sealed class SentenceMutationTests
{
    private static readonly string[] Texts = ["The parcel never arrived.", "a"];

    [Theory]
    [InlineData("config_sentence_transformers.json")]
    [InlineData("sentence_bert_config.json")]
    [InlineData("1_Pooling/config.json")]
    public void A_changed_key_is_refused_or_changes_nothing_that_it_does_not_ask_for(string name)
    {
        MutantCount mutants = new(name);
        List<string> wrong = [];
        foreach (string source in Directory.GetDirectories(Path.Combine(Repository.Goldens, "similarity", "folders")).Order(StringComparer.Ordinal))
        {
            if (!File.Exists(Path.Combine(source, name)) || Path.GetFileName(source).StartsWith("cross-encoder", StringComparison.Ordinal)) continue;
            string folder = Path.GetFileName(source);
            MemoryModelFiles whole = ModelFilesOfFolder.InMemory(source);
            string expected = Vectors(whole);
            foreach (JsonMutation mutation in JsonMutations.Of(File.ReadAllBytes(Path.Combine(source, name))))
            {
                try
                {
                    bool same = Vectors(With(source, name, mutation.Json)) == expected;
                    if (same) mutants.Same(folder);
                    else mutants.Followed(folder);
                    // A key that is left out has its standard, and a value of the right type may ask for other vectors.
                    if (!same && mutation.Value is not null && !mutation.IsSameKind && !AsksForIt(mutation)) wrong.Add($"{folder}/{name}: {mutation}: other vectors without a word");
                }
                catch (HeedException e)
                {
                    mutants.Refused(folder);
                    // Poolings that do not fit what follows are found by the dense layer.
                    if (!e.Message.Contains(name, StringComparison.Ordinal) && !e.Message.Contains("_Dense/config.json", StringComparison.Ordinal)) wrong.Add($"{folder}/{name}: {mutation}: {e.Message}");
                }
                catch (Exception e) when (e is not OutOfMemoryException)
                {
                    wrong.Add($"{folder}/{name}: {mutation}: {e.GetType().Name}: {e.Message}");
                }
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
        Assert.InRange(mutants.Count, 100, int.MaxValue);
        mutants.CheckDocument();
    }

    /// <summary>Null is the standard of every setting, and a pooling may be one word or a list.</summary>
    private static bool AsksForIt(JsonMutation mutation) => mutation.Value == "null";

    private static MemoryModelFiles With(string source, string name, byte[] json) => new(
        Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(source, file).Replace('\\', '/'))
            .Select(file => KeyValuePair.Create(file, (ReadOnlyMemory<byte>)(file == name ? json : File.ReadAllBytes(Path.Combine(source, file))))));

    private static string Vectors(IModelFiles files)
    {
        using TextEmbedder embedder = TextEmbedder.Open(files);
        return string.Join('|', embedder.Embed(Texts).Select(v => string.Join(' ', v))) + embedder.Similarity([1, 2], [3, 1]);
    }
}
