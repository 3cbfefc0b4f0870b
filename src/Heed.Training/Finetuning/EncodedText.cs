using Heed.Models;
using Heed.Tokenizers;

namespace Heed.Training.Finetuning;

/// <summary>A text as the model reads it.</summary>
/// <param name="Ids">[N].</param>
/// <param name="TypeIds">[N]: segments.</param>
internal sealed record EncodedText(int[] Ids, int[] TypeIds)
{
    /// <summary>Encodes a text, or a pair.</summary>
    public static EncodedText Of(Tokenizer tokenizer, string text, string? second)
    {
        TokenEncoding encoding = tokenizer.Encode(text, second);
        return new EncodedText(encoding.IdArray, encoding.TypeIdArray);
    }

    /// <summary>The padded grids of some texts.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="config">Says what fills rows.</param>
    public static ModelInputs Grid(IReadOnlyList<EncodedText> texts, ModelConfig config) => new()
    {
        InputIds = TokenGrid.Of([.. texts.Select(t => t.Ids)], config.PaddingId ?? 0),
        TokenTypeIds = TokenGrid.Of([.. texts.Select(t => t.TypeIds)]),
        AttentionMask = TokenGrid.Of([.. texts.Select(t => Array.ConvertAll(t.Ids, _ => 1))]),
    };
}
