using Heed.Checkpoints;
using Heed.Engine.Nn;
using Heed.Explorer.Traces;
using Heed.Models;

namespace Heed.Explorer.Api;

/// <summary><c>GET /api/model</c>: what is open.</summary>
internal sealed class ModelEndpoint : IEndpoint
{
    public string Method => "GET";

    public string Name => "model";

    public Task AnswerAsync(ApiCall call, ExplorerSession session) => call.JsonAsync(Of(session), ExplorerJson.Default.ModelReply);

    /// <summary>The reply.</summary>
    public static ModelReply Of(ExplorerSession session)
    {
        Model model = session.Model;
        string id = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(session.Opened.Folder)));
        if (id is "model" or "main") id = Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(session.Opened.Folder))) ?? id;
        return new ModelReply(
            id, session.Fingerprint, session.Opened.Folder, model.Architecture, model.Config.ModelType, FamilyOf(session), HeadOf(model),
            model.Parameters.Values, model.Config.Vocabulary, model.Config.Width, model.Config.Layers, session.LongestText,
            session.Inputs.Missing, string.Join(", ", model.StoredTypes.Values.Distinct().Order().Select(t => t.Name())),
            [.. session.Layout.Stacks.Select(Stack)], ExampleTexts.Of(session), model.Config.Labels, MaskToken(session),
            model.Context.Threads);
    }

    private static string FamilyOf(ExplorerSession session) => session.HasEncoderAndDecoder ? "encoder-decoder"
        : session.Layout.Stacks.Count > 0 && session.Layout.Main.IsCausal ? "decoder" : "encoder";

    private static string HeadOf(Model model) => model switch
    {
        CausalLanguageModel => "next token",
        MaskedLanguageModel => "masked token",
        SequenceToSequenceModel => "next token",
        SequenceClassifier => "class of the text",
        TokenClassifier => "class of each token",
        QuestionAnswerer => "answer",
        _ => "none",
    };

    /// <summary>The mask token of a masked language model, or null.</summary>
    internal static string? MaskToken(ExplorerSession session) => session.Model is MaskedLanguageModel
        && session.Inputs.Tokenizer?.SpecialTokens.TryGetValue("mask_token", out string? mask) == true ? mask : null;

    private static StackReply Stack(StackSite stack)
    {
        AttentionConfig a = stack.Layers[0].Self.Config;
        return new StackReply(stack.Name, stack.Layers.Count, a.Heads, a.KeyHeads, a.HeadWidth, a.Scale, a.Causal, a.Window,
            stack.Layers[0].Cross is not null, JsonWord(stack.Positions), a.Features is not null);
    }

    private static string JsonWord(PositionKind kind) => kind switch
    {
        PositionKind.None => "none",
        PositionKind.Learned => "learned",
        PositionKind.Sinusoidal => "sinusoidal",
        PositionKind.Rotary => "rotary",
        PositionKind.Alibi => "alibi",
        PositionKind.Relative => "relative",
        _ => "disentangled",
    };
}

/// <summary>Texts that a page begins with: the folder's own <c>examples.txt</c>, one a line, or some that suit the family.</summary>
internal static class ExampleTexts
{
    private const string FileName = "examples.txt";
    private const int Most = 12;

    private static readonly string[] Decoder =
    [
        "When Anna and Tom went to the market, Tom gave a book to",
        "The secret word is fito. Anna told Tom to remember fito. Tom did not forget",
        "One, two, three, one, two,",
    ];

    private static readonly string[] Encoder =
    [
        "The cat sat on the mat because it was tired.",
        "The bank by the river is closed, and the bank in the town is open.",
    ];

    /// <summary>The texts, the first one for the start.</summary>
    public static IReadOnlyList<string> Of(ExplorerSession session)
    {
        if (session.Files.Contains(FileName))
        {
            using ModelFile file = session.Files.Open(FileName);
            byte[] bytes = new byte[(int)Math.Min(file.Length, 1 << 16)];
            file.Read(0, bytes);
            string text = System.Text.Encoding.UTF8.GetString(bytes);
            string[] own = [.. text.Split('\n').Select(l => l.Trim('\r')).Where(l => l.Length > 0).Take(Most)];
            if (own.Length > 0) return own;
        }

        if (session.Inputs.Missing is not null)
        {
            int last = Math.Min(session.Model.Config.Vocabulary, 64) - 1;
            return [string.Join(' ', Enumerable.Range(0, Math.Min(10, session.LongestText)).Select(i => 4
                + (i * 7 % Math.Max(1, last - 4))))];
        }

        if (session.HasEncoderAndDecoder) return ["translate English to German: The house is small.", .. Encoder];
        if (ModelEndpoint.MaskToken(session) is { } mask) return [$"The cat sat on the {mask} because it was tired.",
            $"Paris is the {mask} of France.", .. Encoder];
        return session.Layout.Stacks.Count > 0 && session.Layout.Main.IsCausal ? Decoder : Encoder;
    }
}
