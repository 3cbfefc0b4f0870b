using Heed.Engine.Nn;
using Heed.Engine.Tensors;
using Heed.Models;
using Heed.Tokenizers;

namespace Heed.Doctor.Models;

/// <summary>A model with texts to try it on: its own tokenizer's, or ids drawn by a seed.</summary>
internal sealed class ModelProbe
{
    private const int LongestText = 48, TargetLength = 12;

    /// <summary>English of different lengths, of nothing in particular.</summary>
    public static readonly IReadOnlyList<string> GeneralTexts =
    [
        "The letter lay on the kitchen table for two days before anyone opened it, and when they did, the news was already old.",
        "She walked home along the river.",
        "In the early years of the railway the trains were slow, the seats were made of wood, and a journey of fifty miles took most of "
            + "the day.",
        "Numbers such as 12, 305 and 4096 appear in many texts, and so do the names of cities.",
    ];

    private ModelProbe(Model model, int[][] texts, bool hasWords) => (Model, Texts, HasWords) = (model, texts, hasWords);

    /// <summary>The model.</summary>
    public Model Model { get; }

    /// <summary>Ids of the texts, special ones included; of different lengths.</summary>
    public int[][] Texts { get; }

    /// <summary>True if the ids are words, not drawn.</summary>
    public bool HasWords { get; }

    /// <summary>True for models that predict the next token: by what they are, or by the ending of their class name.</summary>
    public bool IsCausal => Model is CausalLanguageModel || Model.Architecture.EndsWith("ForCausalLM", StringComparison.Ordinal)
        || Model.Architecture.EndsWith("LMHeadModel", StringComparison.Ordinal);

    /// <summary>Makes texts for a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="tokenizer">Its tokenizer; null: ids are drawn.</param>
    public static ModelProbe Of(Model model, Tokenizer? tokenizer)
    {
        int limit = Math.Clamp(model.Config.MaximumLength, 2, LongestText);
        if (tokenizer is not null)
        {
            Tokenizer cutting = tokenizer.WithPadding(null).WithTruncation(new TruncationOptions(limit));
            int[][] words = [.. GeneralTexts.Select(t => cutting.Encode(t).Ids.ToArray())];
            if (words.All(w => w.Length > 1 && w.All(id => id < model.Config.Vocabulary))
                && words.Select(w => w.Length).Distinct().Count() > 1)
                return new ModelProbe(model, words, hasWords: true);
        }

        int[] lengths = [Math.Min(limit, 12), Math.Min(limit, 31), Math.Max(1, Math.Min(limit, 20) - 1)];
        ulong state = 1;
        int[] special = [.. new[] { model.Config.PaddingId, model.Config.BeginId, model.Config.EndId }.OfType<int>()];
        int[][] drawn = [.. lengths.Select(n
            => Enumerable.Range(0, n).Select(_ => Drawn(model.Config.Vocabulary, special, ref state)).ToArray())];
        // Some heads read the row of a text's end.
        if (model is SequenceClassifier && model.Config.EndId is { } end && end < model.Config.Vocabulary)
            foreach (int[] text in drawn) text[^1] = end;
        return new ModelProbe(model, drawn, hasWords: false);
    }

    /// <summary>Runs the model on texts, padded on the right.</summary>
    /// <param name="texts">Ids.</param>
    /// <param name="hooks">See what it computes; null: none.</param>
    /// <param name="targets">What an encoder-decoder has written; null: ids drawn by a seed.</param>
    /// <param name="labels">[B, T]: labels of token losses, or null.</param>
    public ModelOutput Run(int[][] texts, Hooks? hooks = null, int[]? targets = null, TokenGrid? labels = null)
        => Model.Run(new ModelInputs
        {
            InputIds = TokenGrid.Of(texts, Model.Config.PaddingId ?? 0),
            AttentionMask = TokenGrid.Of([.. texts.Select(t => Array.ConvertAll(t, _ => 1))]),
            DecoderInputIds = Model is SequenceToSequenceModel both ? TokenGrid.Of([.. texts.Select(_ => targets ?? Targets(both))]) : null,
            Labels = labels,
        }, new RunOptions { Hooks = hooks });

    /// <summary>The start of a decoder and ids drawn after it.</summary>
    public static int[] Targets(SequenceToSequenceModel model)
    {
        ulong state = 2;
        int vocabulary = model.Stacks.OutputVocabulary;
        int[] special = [.. new[] { model.Config.PaddingId, model.Config.EndId, model.DecoderStartId }.OfType<int>()];
        return [model.DecoderStartId, .. Enumerable.Range(1, Math.Min(TargetLength, Math.Max(2, model.Config.MaximumLength)) - 1)
            .Select(_ => Drawn(vocabulary, special, ref state))];
    }

    /// <summary>What a head gives: scores if it has any.</summary>
    public static Tensor? ResultOf(ModelOutput output)
        => output.Logits ?? output.StartLogits ?? output.LastHiddenState ?? output.NextSentenceLogits ?? output.PoolerOutput;

    /// <summary>Another id than the one given.</summary>
    public static int Other(int id, int vocabulary) => (id + Math.Max(1, vocabulary / 2)) % vocabulary;

    private static int Drawn(int vocabulary, int[] special, ref ulong state)
    {
        for (int tries = 0; ; tries++)
        {
            state = (state * 6364136223846793005) + 1442695040888963407;
            int id = (int)((state >> 33) % (ulong)vocabulary);
            if (tries > 20 || !special.Contains(id)) return id;
        }
    }
}
