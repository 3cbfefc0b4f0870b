using System.Text.Json;
using Heed.Engine.Tensors;
using Heed.Generation.Embeddings;
using Heed.Models;
using Heed.Tokenizers;

namespace Heed.Generation.Understanding;

/// <summary>How a folder's model reads texts: its tokenizer, the longest text, whether segments are told apart.</summary>
internal sealed class TextReading
{
    /// <summary>Texts that run at once; results do not depend on it.</summary>
    private const int AtOnce = 32;

    private readonly bool _hasSegments;

    private TextReading(Model model, Tokenizer tokenizer, int limit, bool hasSegments, string folder, ClassCalibration calibration)
    {
        Calibration = calibration;
        Model = model;
        Tokenizer = tokenizer;
        Limit = limit;
        _hasSegments = hasSegments;
        Folder = folder;
    }

    /// <summary>The model.</summary>
    public Model Model { get; }

    /// <summary>Without truncation and padding.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>Tokens of the longest text, special ones included: <c>model_max_length</c> of the tokenizer, or what the model reads;
    /// <see cref="int.MaxValue"/>: no limit.</summary>
    public int Limit { get; }

    /// <summary>What was fitted to make a classifier's probabilities honest.</summary>
    public ClassCalibration Calibration { get; }

    /// <summary>The folder, for errors.</summary>
    public string Folder { get; }

    /// <summary>How a folder's texts are read.</summary>
    /// <param name="files">The folder.</param>
    /// <param name="model">Its model.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <exception cref="InvalidFileException">tokenizer_config.json or calibration.json is damaged.</exception>
    public static TextReading Of(IModelFiles files, Model model, Tokenizer tokenizer) => new(
        model, tokenizer.WithTruncation(null).WithPadding(null),
        Math.Min(TokenizerLength.Read(files) ?? int.MaxValue, model.Config.MaximumLength), HasSegments(files), files.Location,
        model is SequenceClassifier ? ClassCalibration.Read(files) : ClassCalibration.None);

    /// <summary>The id of a special token by its role (<c>cls_token</c>); null if there is none.</summary>
    public int? IdOf(string role) => Tokenizer.SpecialTokens.TryGetValue(role, out string? token) ? Tokenizer.TokenToId(token) : null;

    /// <summary>A text or pair as tokens.</summary>
    /// <param name="text">The text.</param>
    /// <param name="pair">The second text, or null.</param>
    /// <param name="cut">True: cut to <see cref="Limit"/>, of a pair the longer text first.</param>
    public TokenEncoding Encode(string text, string? pair = null, bool cut = false) => (cut ? Cutting() : Tokenizer).Encode(text, pair);

    /// <summary>The tokenizer cutting texts.</summary>
    /// <param name="length">To how many tokens; null: <see cref="Limit"/>.</param>
    /// <param name="strategy">Which text of a pair.</param>
    /// <param name="stride">Tokens that each further window repeats.</param>
    public Tokenizer Cutting(int? length = null, TruncationStrategy strategy = TruncationStrategy.LongestFirst, int stride = 0)
    {
        int longest = length ?? Limit;
        return longest == int.MaxValue ? Tokenizer
            : Tokenizer.WithTruncation(new TruncationOptions(longest)
            {
                Strategy = strategy,
                Stride = stride,
                Direction = Tokenizer.TruncationSide,
            });
    }

    /// <summary>Runs the model on texts and takes what is needed of each.</summary>
    /// <param name="encodings">The texts.</param>
    /// <param name="take">Gets the output of some texts, the place of one among them and its encoding.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <returns>One result per text.</returns>
    public T[] Run<T>(IReadOnlyList<TokenEncoding> encodings, Func<ModelOutput, int, TokenEncoding, T> take,
        CancellationToken cancellationToken)
    {
        T[] results = new T[encodings.Count];
        int done = 0;
        foreach (TokenEncoding[] some in encodings.Chunk(AtOnce))
        {
            using TensorScope scope = TensorScope.Begin();
            ModelOutput output = Model.Run(InputsOf(some), new RunOptions { CancellationToken = cancellationToken });
            for (int b = 0; b < some.Length; b++) results[done++] = take(output, b, some[b]);
        }

        return results;
    }

    /// <summary>The first <paramref name="count"/> numbers of a text's row of an output [B, …].</summary>
    public static float[] Row(Tensor output, int b, int count)
    {
        int width = output.Count / output.Shape[0];
        return output.Span.Slice(b * width, count).ToArray();
    }

    /// <summary>Texts as the grids that a model reads, padded on the right.</summary>
    public ModelInputs InputsOf(IReadOnlyList<TokenEncoding> encodings) => new()
    {
        InputIds = TokenGrid.Of([.. encodings.Select(e => e.IdArray)], Model.Config.PaddingId ?? 0),
        AttentionMask = TokenGrid.Of([.. encodings.Select(e => Array.ConvertAll(e.IdArray, _ => 1))]),
        TokenTypeIds = _hasSegments ? TokenGrid.Of([.. encodings.Select(e => e.TypeIdArray)]) : null,
    };

    /// <summary>False where <c>model_input_names</c> of tokenizer_config.json leaves the segments out.</summary>
    private static bool HasSegments(IModelFiles files)
    {
        const string Name = "tokenizer_config.json";
        if (!files.Contains(Name)) return true;
        using JsonDocument document = files.ReadJson(Name, 16L << 20);
        if (document.RootElement.ValueKind != JsonValueKind.Object
            || !document.RootElement.TryGetProperty("model_input_names", out JsonElement names)
            || names.ValueKind != JsonValueKind.Array) return true;
        return names.EnumerateArray().Any(n => n.ValueKind == JsonValueKind.String && n.GetString() == "token_type_ids");
    }
}
