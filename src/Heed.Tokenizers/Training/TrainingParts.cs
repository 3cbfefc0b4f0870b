using Heed.Tokenizers.Decoders;
using Heed.Tokenizers.Normalizers;
using Heed.Tokenizers.PostProcessors;
using Heed.Tokenizers.PreTokenizers;
using Heed.Tokenizers.Text;

namespace Heed.Tokenizers.Training;

/// <summary>The pipeline around a model to be trained; the post-processor needs the model's ids.</summary>
internal sealed record TrainingParts(INormalizer? Normalizer, IPreTokenizer? PreTokenizer, IDecoder? Decoder, Func<ITokenModel, IPostProcessor?>? PostProcessor = null)
{
    public static TrainingParts Of(TrainingPipeline pipeline, TrainerSettings settings) => pipeline switch
    {
        TrainingPipeline.ByteLevel => new TrainingParts(
            null,
            new ByteLevelPreTokenizer(addPrefixSpace: false, trimOffsets: true, useRegex: true),
            new ByteLevelDecoder(addPrefixSpace: false, trimOffsets: true, useRegex: true),
            _ => new ByteLevelPostProcessor(addPrefixSpace: false, trimOffsets: false, useRegex: true)),
        TrainingPipeline.Bert => new TrainingParts(
            new BertNormalizer(cleanText: true, handleChinese: true, stripAccents: null, lowercase: true),
            new BertPreTokenizer(),
            settings is BpeTrainerSettings { ContinuingSubwordPrefix: { Length: > 0 } prefix } ? new WordPieceDecoder(prefix, cleanup: true) : null,
            model => Template(model, settings)),
        TrainingPipeline.Metaspace => new TrainingParts(
            null,
            new MetaspacePreTokenizer('\u2581', PrependScheme.Always, split: true),
            new MetaspaceDecoder('\u2581', PrependScheme.Always, split: true)),
        _ => new TrainingParts(
            null,
            new WhitespacePreTokenizer(),
            settings switch
            {
                WordPieceTrainerSettings { ContinuingSubwordPrefix: { Length: > 0 } prefix } => new WordPieceDecoder(prefix, cleanup: true),
                BpeTrainerSettings { EndOfWordSuffix: { Length: > 0 } suffix } => new BpeDecoder(suffix),
                _ => null,
            }),
    };

    /// <summary><c>[CLS] A [SEP]</c> and <c>[CLS] A [SEP] B [SEP]</c>, where both are special tokens.</summary>
    private static TemplateProcessing? Template(ITokenModel model, TrainerSettings settings)
    {
        const string First = "[CLS]", Last = "[SEP]";
        if (!settings.SpecialTokens.Contains(First) || !settings.SpecialTokens.Contains(Last)) return null;
        TemplatePiece first = new(-1, First, 0), last = new(-1, Last, 0);
        return new TemplateProcessing(
            [first, new TemplatePiece(0, "", 0), last],
            [first, new TemplatePiece(0, "", 0), last, new TemplatePiece(1, "", 1), last with { TypeId = 1 }],
            [new TemplateToken(First, [model.IdOf(First)], [First]), new TemplateToken(Last, [model.IdOf(Last)], [Last])]);
    }
}
