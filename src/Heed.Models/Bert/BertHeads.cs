using Heed.Engine.Kernels;
using Heed.Engine.Nn;
using Heed.Engine.Tensors;

namespace Heed.Models.Bert;

/// <summary>Where BERT's and RoBERTa's heads lie in a checkpoint. RoBERTa and its kin have no pooler: their classifier brings a layer of
/// its own.</summary>
internal static class BertHeads
{
    private static readonly string[] OtherHeads =
        ["cls.", "lm_head.", "discriminator_predictions.", "generator_", "pooler.", "lm_predictions.", "mask_predictions."];

    public static Model Build(string architecture, HeadKind head, BertConfig c, ParameterSet parameters)
    {
        ParameterScope root = parameters.Root, prefix = head == HeadKind.None ? root.As("") : root / c.Prefix;
        Initializer normal = Initializer.Normal(c.InitialDeviation);
        float dropout = c.ClassifierDropout ?? c.Dropout;
        BertEncoder stack = new(c, prefix);
        switch (head)
        {
            case HeadKind.MaskedLanguageModel:
                return new MaskedLanguageModel(architecture, parameters, stack, Masked(c, root, stack));
            case HeadKind.ReplacedTokens:
                ParameterScope replaced = root / "discriminator_predictions";
                Linear inner = new(c.Width, c.Width, (replaced / "dense").As("head_dense"), initializer: normal);
                Linear outer = new(c.Width, 1, (replaced / "dense_prediction").As("output"), initializer: normal);
                return new ReplacedTokenDetector(architecture, parameters, stack, inner, c.Activation, outer);
            case HeadKind.PreTraining:
                Linear first = Pooler();
                return new MaskedLanguageModel(architecture, parameters, stack, Masked(c, root, stack),
                    new SequenceHead(NextSentence(), dense: first) { HookSite = "next_sentence" });
            case HeadKind.NextSentence:
                first = Pooler();
                return new SequenceClassifier(architecture, parameters, stack, new SequenceHead(NextSentence(), dense: first));
            case HeadKind.SequenceClassifier when c is RobertaConfig or ElectraConfig:
                ParameterScope at = (root / "classifier").As("classifier");
                Linear dense = new(c.Width, c.Width, (at / "dense").As("dense"), initializer: normal);
                Activation activation = c is ElectraConfig ? Activation.Gelu : Activation.Tanh;
                SequenceHead classifier = new(Classes(at / "out_proj"), dropout, dense, dropout) { Activation = activation };
                return new SequenceClassifier(architecture, parameters, stack, classifier);
            case HeadKind.SequenceClassifier when c is DebertaConfig d:
                dense = new Linear(c.Width, c.Width, (root / "pooler" / "dense").As("pooler"), initializer: normal);
                Linear classes = Classes(root / "classifier");
                classifier = new SequenceHead(classes, dropout, dense, d.PoolerDropout) { Activation = d.PoolerActivation };
                return new SequenceClassifier(architecture, parameters, stack, classifier);
            case HeadKind.SequenceClassifier:
                first = Pooler();
                return new SequenceClassifier(architecture, parameters, stack,
                    new SequenceHead(Classes(root / "classifier"), dropout, first));
            case HeadKind.TokenClassifier:
                return new TokenClassifier(architecture, parameters, stack, Classes(root / "classifier"), dropout);
            case HeadKind.QuestionAnswerer:
                return new QuestionAnswerer(architecture, parameters, stack,
                    new Linear(c.Width, 2, (root / "qa_outputs").As("qa_outputs"), initializer: normal));
            case HeadKind.None when c is ElectraConfig or DebertaConfig:
                return new EncoderModel(architecture, parameters, stack);
            default:
                // Files of models whose head needs none leave the pooler out; no row depends on it.
                return new EncoderModel(architecture, parameters, stack, parameters.CanFill("pooler.dense.weight") ? Pooler() : null);
        }

        Linear Pooler() => new(c.Width, c.Width, (prefix / "pooler" / "dense").As("pooler"), initializer: normal);
        Linear NextSentence() => new(c.Width, 2, (root / "cls" / "seq_relationship").As("next_sentence"), initializer: normal);
        Linear Classes(ParameterScope at) => new(c.Width, c.Labels.Count, at.As(at.Site.Length > 0 ? "output" : "classifier"),
            initializer: normal);
    }

    /// <summary>Heads of pre-training and poolers that a model with another head does not have.</summary>
    public static bool IsOtherHead(string stored)
        => Array.Exists(OtherHeads, beginning => stored.StartsWith(beginning, StringComparison.Ordinal))
            || stored.Contains(".pooler.", StringComparison.Ordinal);

    /// <summary>BERT's head under <c>cls.predictions</c>, RoBERTa's under <c>lm_head</c>, those of DeBERTa's third version and of ELECTRA's
    /// generator elsewhere. An
    /// untied head of the first two has two biases, of which only <c>decoder.bias</c> is used.</summary>
    internal static MaskedHead Masked(BertConfig c, ParameterScope root, BertEncoder stack)
    {
        bool roberta = c is RobertaConfig, third = c is DebertaConfig { LegacyHead: false };
        ParameterScope at = roberta ? root / "lm_head" : third ? root / "lm_predictions" / "lm_head" : root / "cls" / "predictions";
        ParameterScope transform = roberta || third ? at : at / "transform";
        Initializer normal = Initializer.Normal(c.InitialDeviation);
        VocabularyHeadConfig output = new()
        {
            Width = c.TableWidth,
            Vocabulary = c.Vocabulary,
            Tied = c.TiedOutput || third,
            Bias = true,
            Initializer = normal,
        };
        if (c is ElectraConfig) return Generator(c, root, stack, output);
        Parameter bias = at.Parameter("bias", new Shape(c.Vocabulary), Initializer.Zeros);
        if (!output.Tied) bias.AllowUnused();
        Linear dense = new(c.Width, c.Width, (transform / "dense").As("head_dense"), initializer: normal);
        LayerNorm norm = new(c.Width, c.NormEpsilon, (transform / (roberta ? "layer_norm" : "LayerNorm")).As("head.norm"));
        return new MaskedHead(dense, roberta ? Activation.Gelu : c.Activation, norm,
            new VocabularyHead(output, stack.Tokens, at / "decoder", bias));
    }

    /// <summary>ELECTRA's generator predicts from rows as wide as its tables, always with GELU by erf.</summary>
    private static MaskedHead Generator(BertConfig c, ParameterScope root, BertEncoder stack, VocabularyHeadConfig output)
    {
        ParameterScope predictions = root / "generator_predictions", at = root / "generator_lm_head";
        Linear dense = new(c.Width, c.TableWidth, (predictions / "dense").As("head_dense"), initializer: output.Initializer);
        LayerNorm norm = new(c.TableWidth, c.NormEpsilon, (predictions / "LayerNorm").As("head.norm"));
        Parameter? bias = c.TiedOutput ? at.Parameter("bias", new Shape(c.Vocabulary), Initializer.Zeros) : null;
        return new MaskedHead(dense, Activation.Gelu, norm, new VocabularyHead(output, stack.Tokens, at, bias));
    }
}
