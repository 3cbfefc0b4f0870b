using Heed.Engine.Autograd;
using Heed.Engine.Nn;
using Heed.Engine.Runtime;
using Heed.Engine.Tensors;
using Heed.Models;

namespace Heed.Inspection;

/// <summary>Runs a model of any kind from ids to the scores of chosen rows, with hooks in between.</summary>
internal sealed class ModelRunner(Model model)
{
    /// <summary>The model.</summary>
    public Model Model => model;

    /// <summary>True for classifiers of texts, whose scores have no axis of positions.</summary>
    public bool IsTextClassifier => model is SequenceClassifier;

    /// <summary>True where scores come from the stack that writes.</summary>
    public bool HasTwoStacks => model is SequenceToSequenceModel;

    /// <summary>Number of scores of a row; 0 for a model without a head.</summary>
    public int Scores => model switch
    {
        CausalLanguageModel causal => causal.Head.Output.Outputs,
        SequenceToSequenceModel both => both.Head.Output.Outputs,
        MaskedLanguageModel masked => masked.Head.Vocabulary.Output.Outputs,
        SequenceClassifier classifier => classifier.Head.Classifier.Outputs,
        TokenClassifier tokens => tokens.Classifier.Outputs,
        QuestionAnswerer answers => answers.Outputs.Outputs,
        _ => 0,
    };

    /// <summary>The rows of a batch that scores come from.</summary>
    public TokenBatch Target(ModelInputs inputs) => HasTwoStacks
        ? TokenBatch.FromGrid(inputs.DecoderInputIds
            ?? throw new InputException("decoder_input_ids: the decoder needs ids; give InspectedText.DecoderIds."),
                inputs.DecoderAttentionMask)
        : Stack!.WithPositions(inputs).Pack();

    /// <summary>The one stack; null where there are two.</summary>
    public TokenStack? Stack => model switch
    {
        CausalLanguageModel causal => causal.Stack,
        SequenceClassifier classifier => classifier.Stack,
        EncoderModel encoder => encoder.Stack,
        _ => null,
    };

    /// <summary>Runs a batch. The caller has entered the model and a scope.</summary>
    /// <param name="inputs">Padded grids.</param>
    /// <param name="hooks">Who looks and changes; null: nobody.</param>
    /// <param name="position">Which row of each text is scored; null: all.</param>
    /// <param name="cancellationToken">Looked at before each layer.</param>
    /// <param name="score">False: the head does not run.</param>
    /// <param name="resume">Where the stack that scores come from begins; null: at layer 0.</param>
    /// <returns>[B, V], or [N, V] of all rows; the last rows where there is no score.</returns>
    public Variable Run(ModelInputs inputs, Hooks? hooks, int? position, CancellationToken cancellationToken, bool score = true,
        LayerResume? resume = null)
    {
        RunOptions options = new() { Hooks = hooks, CancellationToken = cancellationToken };
        TokenBatch batch = Target(inputs);
        ForwardContext context;
        Variable rows;                                                                                   // [N, D]
        if (model is SequenceToSequenceModel both)
        {
            TokenBatch source = inputs.Pack();
            ForwardContext reading = source.Context(options);
            Variable memory = both.Encode(source, reading);
            context = batch.Resuming(options, reading, resume);
            rows = both.Decode(batch, memory, context);
        }
        else
        {
            context = batch.Resuming(options, null, resume);
            rows = Stack!.Run(batch, context);
        }

        return score ? Score(rows, batch, context, position) : rows;
    }

    /// <summary>What a model makes of its last rows: scores.</summary>
    /// <param name="rows">[N, D], after the final norm.</param>
    /// <param name="batch">Whose rows.</param>
    /// <param name="context">Whose hooks look.</param>
    /// <param name="position">Which row of each text; null: all.</param>
    /// <returns>[B, V] or [N, V].</returns>
    public Variable Score(Variable rows, TokenBatch batch, ForwardContext context, int? position)
    {
        if (model is SequenceClassifier classifier)
            return context.Visit("", "logits", classifier.Head.Forward(rows, batch, context, model.Config.PaddingId));
        if (position is { } p)
        {
            int[] chosen = new int[batch.GridRows];
            for (int b = 0; b < chosen.Length; b++)
            {
                chosen[b] = batch.Starts[b] + p;
                if (p < 0 || chosen[b] >= batch.Starts[b + 1])
                    throw new InputException($"position {p}: the text has the positions 0 to {batch.Starts[b + 1] - batch.Starts[b] - 1}.");
            }

            rows = rows.Gather(chosen);                                                                  // [B, D]
        }

        Variable scores = model switch
        {
            CausalLanguageModel causal => causal.Head.Forward(rows),
            SequenceToSequenceModel both => both.Head.Forward(rows),
            MaskedLanguageModel masked => masked.Head.Vocabulary.Forward(masked.Head.Transform(rows, context)),
            TokenClassifier tokens
                => tokens.Classifier.Forward(tokens.Transform is null ? rows : tokens.Transform.Forward(rows, context), context),
            QuestionAnswerer answers
                => answers.Outputs.Forward(answers.Transform is null ? rows : answers.Transform.Forward(rows, context), context),
            _ => throw new InputException(
                $"{model.Architecture} has no scores to ask for: a language model, a masked language model, a classifier, a question "
                    + "answerer or an encoder-decoder was expected."),
        };
        return context.Visit("", "logits", scores);
    }

    /// <summary>Copies of texts of equal length as one batch.</summary>
    public static ModelInputs Batch(IReadOnlyList<InspectedText> texts)
    {
        InspectedText first = texts[0];
        return new ModelInputs
        {
            InputIds = Grid(texts, t => t.Ids)!,
            TokenTypeIds = first.TypeIds is null ? null : Grid(texts, t => t.TypeIds!),
            DecoderInputIds = first.DecoderIds.Count == 0 ? null : Grid(texts, t => t.DecoderIds),
        };
    }

    private static TokenGrid Grid(IReadOnlyList<InspectedText> texts, Func<InspectedText, IReadOnlyList<int>> ids)
    {
        int T = ids(texts[0]).Count;
        int[] cells = new int[texts.Count * T];
        for (int b = 0; b < texts.Count; b++)
        {
            IReadOnlyList<int> row = ids(texts[b]);
            if (row.Count != T) throw new InputException(
                $"texts: one has {T} tokens and another {row.Count}; here all have the same number.");
            for (int t = 0; t < T; t++) cells[(b * T) + t] = row[t];
        }

        return new TokenGrid(texts.Count, T, cells);
    }
}
