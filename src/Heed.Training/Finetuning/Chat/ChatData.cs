using System.Globalization;
using System.Text.Json;
using Heed.Models;
using Heed.Templates;
using Heed.Tokenizers;
using Heed.Training.Collators;
using Heed.Training.Data;

namespace Heed.Training.Finetuning;

/// <summary>Conversations, of which the assistant's words are learned.</summary>
internal sealed class ChatData : FinetuningData
{
    /// <summary>The task's name.</summary>
    public const string Name = "instruct";

    /// <inheritdoc/>
    public override string Task => Name;

    /// <summary>The template.</summary>
    public required ChatForm Form { get; init; }

    /// <summary>To learn from, whole.</summary>
    public required IReadOnlyList<ChatTokens> TrainingChats { get; init; }

    /// <summary>To evaluate on, whole.</summary>
    public required IReadOnlyList<ChatTokens> HeldOutChats { get; init; }

    /// <summary>Where each training conversation stands.</summary>
    public required IReadOnlyList<DataPlace> Places { get; init; }

    /// <inheritdoc/>
    public override int Training => TrainingChats.Count;

    /// <inheritdoc/>
    public override int HeldOut => HeldOutChats.Count;

    /// <inheritdoc/>
    public override LengthSummary Lengths => field ??= LengthSummary.Of(TrainingChats.Select(c => c.Ids.Count));

    /// <inheritdoc/>
    public override HeadKind Head => HeadKind.LanguageModel;

    /// <inheritdoc/>
    public override string? LostAnswers(FinetuningConfig decided) => Cut(decided.MaximumLength);

    /// <inheritdoc/>
    public override string? Cut(int length)
    {
        int[] cut = [.. Enumerable.Range(0, Training).Where(i => TrainingChats[i].Ids.Count > length)];
        if (cut.Length == 0) return null;
        long lost = cut.Sum(i => (long)Learned(TrainingChats[i].Labels.Skip(length)));
        int silent = cut.Count(i => Learned(TrainingChats[i].Labels.Take(length)) == 0);
        return string.Create(CultureInfo.InvariantCulture,
            $"{Printable.Part(cut.Length, Training, "conversation")} longer than {length:N0} tokens and cut at the end, with "
                + $"{Printable.Counted(lost, "token")} of the assistant; {silent:N0} {(silent == 1 ? "has" : "have")} nothing to learn from any more ({Some(cut.Select(i => Places[i]))}; raise "
                    + $"maximum_length "
                + $"to keep them whole)");
    }

    /// <inheritdoc/>
    public override FinetuningConfig Decide(FinetuningConfig config, ICollection<string> decisions)
    {
        decisions.Add(Form.Decision);
        long learned = TrainingChats.Sum(c => (long)Learned(c.Labels)), all = TrainingChats.Sum(c => (long)c.Ids.Count);
        decisions.Add(string.Create(CultureInfo.InvariantCulture,
            $"learned is what the assistant says, in each of its turns and with the end of the turn: {learned:N0} of {all:N0} tokens"));
        return config;
    }

    /// <inheritdoc/>
    public override FinetuningTask Make(FinetuningModel model, FinetuningConfig settings) => new ChatTask(model, this, settings);

    /// <summary>Reads and divides the data of a run.</summary>
    public static ChatData From(FinetuningConfig config, Tokenizer tokenizer, CancellationToken cancellationToken)
    {
        ChatForm form = ChatForm.Of(config, tokenizer);
        DataOptions options = Options(config);
        DataParts<ChatExample> parts = DataParts<ChatExample>.Read(config,
            path => ExampleReader.Chats(path, options, cancellationToken), DataSplit.Of, (data, dev) => DataReport.Of(data, dev));
        return new ChatData
        {
            Tokenizer = tokenizer,
            Form = form,
            TrainingChats = [.. parts.Training.Select(Tokens)],
            HeldOutChats = [.. parts.HeldOut.Select(Tokens)],
            Places = [.. parts.Training.Select(e => e.Place)],
            Report = parts.Report,
            Statements = parts.Statements,
            Fingerprint = SumOf([.. form.Parts, .. parts.Training.SelectMany(e => (string[])[e.Messages.GetRawText(),
                e.Tools?.GetRawText() ?? ""])]),
        };

        ChatTokens Tokens(ChatExample example)
        {
            cancellationToken.ThrowIfCancellationRequested();
            ChatTokens tokens = ChatLabels.Of(tokenizer,
                ChatSpans.Render(form.For(example.Tools is { ValueKind: JsonValueKind.Array }), example, form.Variables, Today.Instance));
            // The first token of a text is predicted by nothing.
            return Learned(tokens.Labels.Skip(1)) > 0 ? tokens
                : throw new InputException($"{example.Place}: the chat template writes no word "
                + $"of the assistant that could be learned; check its {{% generation %}} blocks, or leave the conversation out.");
        }
    }

    private static int Learned(IEnumerable<int> labels) => labels.Count(l => l != IgnoredLabel.Value);

    /// <summary>What a template takes for today: the same each day, as a run that resumes must read the same texts.</summary>
    private sealed class Today : TimeProvider
    {
        public static readonly Today Instance = new();

        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

        public override DateTimeOffset GetUtcNow() => new(2024, 7, 26, 12, 0, 0, TimeSpan.Zero);
    }
}
