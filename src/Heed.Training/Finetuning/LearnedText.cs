using Heed.Models;
using Heed.Training.Collators;

namespace Heed.Training.Finetuning;

/// <summary>A text whose words are learned, or some of them.</summary>
/// <param name="Ids">[T]: what a decoder reads; what the encoder of an encoder-decoder reads.</param>
/// <param name="Labels">Of a decoder [T]: each token under itself, <see cref="IgnoredLabel.Value"/> where nothing is learned; of an
/// encoder-decoder [T']: what the decoder is to write.</param>
internal sealed record LearnedText(int[] Ids, int[] Labels)
{
    /// <summary>The padded grids of some texts.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="model">The model that reads them.</param>
    public static ModelInputs Grid(IReadOnlyList<LearnedText> texts, Model model)
    {
        int padding = model.Config.PaddingId ?? 0;
        ModelInputs inputs = new()
        {
            InputIds = TokenGrid.Of([.. texts.Select(t => t.Ids)], padding),
            AttentionMask = TokenGrid.Of([.. texts.Select(t => Ones(t.Ids))]),
            Labels = TokenGrid.Of([.. texts.Select(t => t.Labels)], IgnoredLabel.Value),
        };
        return model is not SequenceToSequenceModel both ? inputs : inputs with
        {
            DecoderInputIds = TokenGrid.Of([.. texts.Select(t => RewritingTokens.DecoderInputs(t.Labels, both.DecoderStartId, padding))],
                padding),
            DecoderAttentionMask = TokenGrid.Of([.. texts.Select(t => Ones(t.Labels))]),
        };
    }

    private static int[] Ones(int[] ids) => Array.ConvertAll(ids, _ => 1);
}
