using System.Globalization;
using Heed.Engine.Autograd;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Models.Embeddings;
using Heed.Models.Files;
using Heed.Tokenizers;

namespace Heed.Doctor.Models;

/// <summary>The rule on how rows become one vector: against what is known of the published model, and against what the model can
/// know.</summary>
internal static class PoolingRules
{
    /// <summary>Published sentence encoders by a part of their name, and the pooling that they were trained with; the first that fits
    /// counts. As their model cards say; a family with both kinds of pooling is left out.</summary>
    private static readonly (string Name, Pooling Pooling)[] Published =
    [
        ("gte-modernbert", Pooling.First), ("snowflake-arctic-embed", Pooling.First), ("mxbai-embed", Pooling.First),
        ("bge-m3", Pooling.First), ("gte-multilingual", Pooling.First), ("gte-qwen", Pooling.Last),
        ("bge-", Pooling.First), ("qwen3-embedding", Pooling.Last), ("e5-mistral", Pooling.Last), ("multilingual-e5", Pooling.Mean),
        ("e5-", Pooling.Mean), ("all-minilm", Pooling.Mean), ("all-mpnet", Pooling.Mean), ("all-distilroberta", Pooling.Mean),
        ("paraphrase-", Pooling.Mean), ("multi-qa-mpnet-base-dot", Pooling.First), ("multi-qa-minilm", Pooling.Mean),
        ("distiluse", Pooling.Mean), ("nomic-embed", Pooling.Mean), ("embeddinggemma", Pooling.Mean),
        ("gte-", Pooling.Mean), ("jina-embeddings", Pooling.Mean), ("labse", Pooling.First), ("sentence-t5", Pooling.Mean),
    ];

    public static void Judge(OpenedFolder folder, Notes notes)
    {
        if (folder.Embedder is not { } embedder) return;
        notes.Judge(Rules.WrongPooling, () =>
        {
            if (embedder.Poolings.Count != 1 || IsKnown(folder, embedder.Poolings[0], notes)
                || ByDirection(folder, embedder.Poolings[0], notes)) return;
            if (folder.Tokenizer is { } tokenizer) ByVectors(folder, embedder, tokenizer, notes);
        });
    }

    private static bool IsKnown(OpenedFolder folder, Pooling pooling, Notes notes)
    {
        string name = folder.Model.Config.Original?["_name_or_path"]?.ToString() ?? "", at = Path.GetFullPath(folder.Files.Location);
        foreach (string known in (string[])[name, at.Replace("models--", "", StringComparison.Ordinal)])
        {
            (string part, Pooling right) = Array.Find(Published, p => Words(known).Contains(p.Name, StringComparison.Ordinal));
            if (part is null) continue;
            if (right == pooling) return true;
            Add(folder, notes, $"the pooling is {Word(pooling)}, and {part}… was trained with {Word(right)}", right);
            return true;
        }

        return false;
    }

    /// <summary>The last parts of a path or name, in small letters.</summary>
    private static string Words(string name) => string.Join('/', name.ToLowerInvariant().Split('/', '\\').TakeLast(4));

    /// <summary>The first token of a decoder has seen nothing but itself; the last one of an encoder is a separator that was not trained
    /// for
    /// it.</summary>
    private static bool ByDirection(OpenedFolder folder, Pooling pooling, Notes notes)
    {
        bool[] causal = [.. folder.Model.Parameters.Attentions.Where(a => !a.IsCross).Select(a => a.Config.Causal)];
        if (causal.Length == 0) return false;
        if (causal.All(c => c) && pooling == Pooling.First)
        {
            Add(folder, notes, $"the pooling is {Word(pooling)}, and every layer of this {folder.Model.Config.ModelType} is causal: the "
                + "first token sees no other", Pooling.Last);
            return true;
        }

        if (!causal.Any(c => c) && pooling == Pooling.Last)
        {
            Add(folder, notes, $"the pooling is {Word(pooling)}, and this {folder.Model.Config.ModelType} reads in both directions: the "
                + "last token is a separator or the end of a sentence, and no row to which the text comes together", Pooling.Mean);
            return true;
        }

        return false;
    }

    /// <summary>Unlike texts whose vectors are all but one.</summary>
    private static void ByVectors(OpenedFolder folder, SentenceEmbedder embedder, Tokenizer tokenizer, Notes notes)
    {
        const double Same = 0.9999;
        using TensorScope scope = TensorScope.Begin();
        Tokenizer cutting = folder.Model.Config.MaximumLength == int.MaxValue ? tokenizer
            : tokenizer.WithTruncation(new TruncationOptions(folder.Model.Config.MaximumLength));
        int[][] texts = [.. ModelProbe.GeneralTexts.Select(t => cutting.Encode(t).Ids.ToArray())];
        if (texts.Any(t => t.Length == 0 || t.Any(id => id >= folder.Model.Config.Vocabulary))) return;
        Tensor vectors = embedder.Embed(texts);
        double least = 1;
        int width = vectors.Shape.Last;
        for (int a = 0; a < texts.Length; a++)
            for (int b = a + 1; b < texts.Length; b++)
                least = Math.Min(least,
                    VectorSimilarity.Cosine.Of(vectors.Span.Slice(a * width, width), vectors.Span.Slice(b * width, width)));
        if (least > Same)
            Add(folder, notes, string.Create(CultureInfo.InvariantCulture,
                $"the pooling is {Word(embedder.Poolings[0])}, and {texts.Length} unlike texts have vectors with cosines "
                    + $"of {least:0.00000} and more"),
                embedder.Poolings[0] == Pooling.Mean ? Pooling.First : Pooling.Mean);
    }

    private static void Add(OpenedFolder folder, Notes notes, string evidence, Pooling right) => notes.Add(
        Rules.WrongPooling, Path.Combine(folder.Files.Location, "1_Pooling", ModelFolder.ConfigName), evidence,
        $"Set \"pooling_mode\" to {Word(right)} in the pooling's config.json (older files: pooling_mode_{Flag(right)}: true, the others "
            + "false), then embed again what was embedded before.");

    private static string Word(Pooling pooling) => pooling switch
    {
        Pooling.First => "cls",
        Pooling.Last => "lasttoken",
        Pooling.Mean => "mean",
        Pooling.Max => "max",
        Pooling.WeightedMean => "weightedmean",
        _ => "mean_sqrt_len_tokens",
    };

    private static string Flag(Pooling pooling) => pooling switch
    {
        Pooling.First => "cls_token",
        Pooling.Last => "lasttoken",
        _ => "mean_tokens",
    };
}
