using Heed.Engine.Kernels;
using Heed.Engine.Tensors;
using Heed.Explorer.Traces;
using Heed.Generation.Sampling;
using Heed.Models;
using Heed.Tokenizers;
using Heed.Training.Objectives;

namespace Heed.Explorer.Api;

/// <summary><c>GET /api/objectives?trace&amp;objective&amp;rate&amp;span&amp;seed</c>: the text as an objective of pre-training would have
/// it, and what the opened model loses at each token that is predicted. The corruption is that of <c>heed pretrain</c>.</summary>
internal sealed class ObjectivesEndpoint : IEndpoint
{
    /// <summary>The stream of random numbers that decides what is corrupted.</summary>
    internal const ulong Stream = 0x0B1E_C71F;

    public string Method => "GET";

    public string Name => "objectives";

    public async Task AnswerAsync(ApiCall call, ExplorerSession session)
    {
        Trace trace = call.Trace(session);
        double rate = call.Number("rate", 0.05f, 0.8f, 0.15f), span = call.Number("span", 1, 10, 3);
        DrawSequence draws = new(new CounterRandom((ulong)call.Integer("seed", 1, 9999, 1), Stream));
        string objective = call.Text("objective");
        ObjectiveReply reply = await session.Traces.ComputeAsync(() => objective switch
        {
            ObjectiveKind.Causal => Causal(session, trace),
            ObjectiveKind.Masked => Masked(session, trace, rate, draws, call.CancellationToken),
            ObjectiveKind.Span => Spans(session, trace, rate, span, draws, call.CancellationToken),
            _ => throw new InputException($"objective: is '{Printable.Shorten(objective)}'; causal, masked or span was expected."),
        }, call.CancellationToken).ConfigureAwait(false);
        await call.JsonAsync(reply, ExplorerJson.Default.ObjectiveReply).ConfigureAwait(false);
    }

    /// <summary>Each token from those before it: the scores of the run itself.</summary>
    private static ObjectiveReply Causal(ExplorerSession session, Trace trace)
    {
        bool predicts = session.Model is CausalLanguageModel or SequenceToSequenceModel;
        string why = predicts ? "" : $"{session.Model.Architecture} has no head for the next token"
            + (session.Layout.Main.IsCausal ? "." : ", and every row sees the tokens after it: there would be nothing left to predict.");
        IReadOnlyList<TextToken> tokens = trace.Main.Tokens;
        List<ObjectiveToken> read = [];
        for (int t = 0; t < tokens.Count; t++)
        {
            ObjectiveToken token = new(tokens[t].Id, tokens[t].Text, t > 0 ? "predicted" : tokens[t].Special ? "special" : "kept",
                null, null, null, null);
            read.Add(t > 0 && predicts ? Judged(session, token, trace.Logits!.At([t - 1]).Values.AsSpan(), tokens[t].Id) : token);
        }

        return Reply(ObjectiveKind.Causal, why, read, []);
    }

    /// <summary>Masked tokens from all others.</summary>
    private static ObjectiveReply Masked(ExplorerSession session, Trace trace, double rate, DrawSequence draws,
        CancellationToken cancellationToken)
    {
        Tokenizer tokenizer = TokenizerOf(session);
        int mask = ObjectiveTokens.MaskIdOf(tokenizer) ?? -1;
        ObjectiveTokens tokens = ObjectiveTokens.Of(ObjectiveKind.Causal, tokenizer, -1, 0, session.Opened.Folder);
        MaskingSettings settings = new() { Rate = rate, MaskId = mask };
        int[] ids = BodyOf(trace);
        CorruptedText text = new MaskingObjective(int.MaxValue, tokens, tokenizer.VocabularySize, settings).Corrupt(ids, [], draws);
        int[] original = [.. tokens.First, .. ids, .. tokens.Last];
        bool predicts = session.Model is MaskedLanguageModel && mask >= 0;
        string why = predicts ? "" : session.Model is MaskedLanguageModel ? "The tokenizer has no mask token."
            : $"{session.Model.Architecture} has no head for masked tokens"
                + (session.Layout.Main.IsCausal ? ", and its rows do not see the tokens after them." : ".");
        Tensor? logits = predicts ? session.Model.Run(InputsOf(trace, text.Inputs),
            new RunOptions { CancellationToken = cancellationToken }).Logits : null;
        List<ObjectiveToken> read = [];
        for (int t = 0; t < original.Length; t++)
        {
            bool frame = t < tokens.First.Count || t >= original.Length - tokens.Last.Count, chosen = text.Labels[t] >= 0;
            string kind = frame ? "special" : !chosen ? "kept" : text.Inputs[t] == mask ? "masked"
                : text.Inputs[t] == original[t] ? "unchanged" : "random";
            ObjectiveToken token = new(text.Inputs[t], text.Inputs[t] < 0 ? "[MASK]" : session.Inputs.Shown(text.Inputs[t]), kind, null,
                null, chosen ? session.Inputs.Shown(original[t]) : null, null);
            read.Add(chosen && logits is not null ? Judged(session, token, RowOf(logits, t), original[t]) : token);
        }

        return Reply(ObjectiveKind.Masked, why, read, []);
    }

    /// <summary>Spans behind sentinels, spelled out by the decoder.</summary>
    private static ObjectiveReply Spans(ExplorerSession session, Trace trace, double rate, double meanLength, DrawSequence draws,
        CancellationToken cancellationToken)
    {
        Tokenizer tokenizer = TokenizerOf(session);
        int[] ids = BodyOf(trace);
        SpanCorruption.Noise noise = SpanCorruption.NoiseOf(ids.Length, rate, meanLength);
        IReadOnlyList<int> own = ObjectiveTokens.SentinelsOf(tokenizer), last = tokenizer.Frame.Last;
        bool has = own.Count > noise.Spans && last.Count > 0;
        int[] sentinels = has ? [.. own] : [.. Enumerable.Range(0, noise.Spans + 1).Select(n => -2 - n)];
        CorruptedText text = SpanCorruption.Corrupt(ids, SpanCorruption.Draw(ids.Length, noise, draws), sentinels, has ? last[^1] : -1);
        SequenceToSequenceModel? pair = has ? session.Model as SequenceToSequenceModel : null;
        string why = pair is not null ? "" : session.Model is not SequenceToSequenceModel
            ? $"{session.Model.Architecture} has no decoder beside its encoder that could spell the spans out."
            : "The tokenizer has no sentinels <extra_id_0>, <extra_id_1>, …: this model was trained by another objective.";
        Tensor? logits = null;
        if (pair is not null)
        {
            int start = session.Inputs.StartId ?? pair.DecoderStartId;
            ModelInputs inputs = InputsOf(trace, text.Inputs) with { DecoderInputIds = TokenGrid.Of([[start, .. text.Labels[..^1]]]) };
            logits = session.Model.Run(inputs, new RunOptions { CancellationToken = cancellationToken }).Logits;
        }

        List<ObjectiveToken> written = [];
        for (int t = 0; t < text.Labels.Length; t++)
        {
            ObjectiveToken token = Shown(text.Labels[t], "predicted");
            written.Add(logits is null ? token : Judged(session, token, RowOf(logits, t), text.Labels[t]));
        }

        return Reply(ObjectiveKind.Span, why, [.. text.Inputs.Select(id => Shown(id, "kept"))], written);

        ObjectiveToken Shown(int id, string kind) => id < 0 || sentinels.Contains(id)
            ? new(id, id == -1 ? "</s>" : $"<extra_id_{(id < 0 ? -2 - id : Array.IndexOf(sentinels, id))}>", id == -1 ? "special"
                : "sentinel", null, null, null, null)
            : new(id, session.Inputs.Shown(id), id == last.LastOrDefault(-1) ? "special" : kind, null, null, null, null);
    }

    private static Tokenizer TokenizerOf(ExplorerSession session) => session.Inputs.Tokenizer
        ?? throw new InputException($"This objective needs the tokenizer's special tokens. {session.Inputs.Missing}");

    /// <summary>The text without the tokens that the tokenizer adds.</summary>
    private static int[] BodyOf(Trace trace)
    {
        int[] ids = [.. trace.Text.Tokens.Where(t => !t.Special).Select(t => t.Id)];
        return ids.Length >= 2 ? ids
            : throw new InputException("text: has one token; two or more are needed, so that one can be hidden and one is left to read.");
    }

    private static ModelInputs InputsOf(Trace trace, int[] ids) => new()
    {
        InputIds = TokenGrid.Of([ids]),
        TokenTypeIds = trace.Text.Types is null ? null : TokenGrid.Of([new int[ids.Length]]),
    };

    private static ReadOnlySpan<float> RowOf(Tensor logits, int row)
    {
        int V = logits.Shape[logits.Shape.Rank - 1];
        return logits.Span.Slice(row * V, V);
    }

    /// <summary>A token with −log p of what is right there, p, and the likeliest token.</summary>
    private static ObjectiveToken Judged(ExplorerSession session, ObjectiveToken token, ReadOnlySpan<float> scores, int right)
    {
        float[] logarithms = scores.ToArray();
        Probabilities.LogSoftmax(logarithms);
        return token with
        {
            Loss = -logarithms[right],
            Probability = MathF.Exp(logarithms[right]),
            Guess = session.Inputs.Shown(PredictEndpoint.Best(scores, 1)[0]),
        };
    }

    private static ObjectiveReply Reply(string objective, string why, List<ObjectiveToken> read, List<ObjectiveToken> written)
    {
        List<ObjectiveToken> all = [.. read, .. written];
        float[] losses = [.. all.Where(t => t.Loss is not null).Select(t => t.Loss!.Value)];
        int predicted = all.Count(t => t.Label is not null || t.Kind == "predicted" || written.Contains(t));
        return new ObjectiveReply(objective, why.Length == 0, why, read, written, predicted, losses.Length == 0 ? null : losses.Average());
    }
}
