using System.Text;
using Heed.Generation;
using Heed.Generation.Embeddings;
using Heed.Models;

namespace Heed.Retrieval;

/// <summary>Answers questions from the documents of an index, with their sources, and says where these do not answer. Any number of threads
/// may ask one.</summary>
public sealed class DocumentAnswers
{
    private const string Instruction = "Answer the question from the sources alone, in one or two sentences, and name the numbers of the "
        + "sources that you used, such as [1]. If the sources do not answer it, say: not found.";

    private readonly SearchIndex _index;
    private readonly HeedModel? _model;
    private readonly IReranker? _reranker;

    /// <summary>Takes an index and models, which stay the caller's.</summary>
    /// <param name="index">The index.</param>
    /// <param name="model">A model with a question answering head, a decoder or an encoder-decoder; null: the best part is the
    /// answer.</param>
    /// <param name="reranker">Orders the parts that were found; null: as they were found.</param>
    /// <exception cref="InputException">The model neither answers nor writes.</exception>
    public DocumentAnswers(SearchIndex index, HeedModel? model = null, IReranker? reranker = null)
    {
        ArgumentNullException.ThrowIfNull(index);
        if (model is not null && model.Model is not (QuestionAnswerer or CausalLanguageModel or SequenceToSequenceModel))
            throw new InputException($"{model.Folder}: {model.Model.Architecture} neither answers questions nor writes. Open a model "
                + "with a question answering head, or a language model.");
        (_index, _model, _reranker) = (index, model, reranker);
    }

    /// <summary>Answers a question.</summary>
    /// <param name="question">The question.</param>
    /// <param name="options">How; null: from five parts.</param>
    /// <param name="cancellationToken">Ends the work between layers.</param>
    /// <exception cref="InputException">The question is blank, or leaves the model no room.</exception>
    public async Task<DocumentAnswer> AskAsync(
        string question, AnswerOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (string.IsNullOrWhiteSpace(question)) throw new InputException("question: is blank; ask one.");
        options ??= new AnswerOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Sources, 1, nameof(options));
        float[]? vector = _index.Dimensions > 0 && options.Search.Mode != SearchMode.Words
            ? await Task.Run(() => _index.VectorOf(question, options.Search, cancellationToken),
            cancellationToken).ConfigureAwait(false) : null;
        SearchOptions search = options.Search with { Top = options.Sources, Reranker = _reranker, Vector = vector };
        IReadOnlyList<SearchHit> sources = await _index.SearchAsync(question, search, cancellationToken).ConfigureAwait(false);
        (double evidence, double? threshold) = Evidence(question, vector, options);
        DocumentAnswer answer = new()
        {
            Found = sources.Count > 0 && !(evidence <= threshold),
            Kind = _model?.Model switch { null => AnswerKind.Passage, QuestionAnswerer => AnswerKind.Extracted, _ => AnswerKind.Generated },
            Evidence = evidence,
            Threshold = threshold,
            Sources = sources,
        };
        if (!answer.Found) return answer;
        return answer.Kind switch
        {
            AnswerKind.Passage => answer with { Text = sources[0].Text, Source = 0, Start = sources[0].Start, End = sources[0].End },
            AnswerKind.Extracted => await Extract(question, answer, options, cancellationToken).ConfigureAwait(false),
            _ => await Generate(question, answer, options, cancellationToken).ConfigureAwait(false),
        };
    }

    private (double Evidence, double? Threshold) Evidence(string question, float[]? vector, AnswerOptions options)
    {
        IndexSnapshot snapshot = _index.Snapshot;
        EvidenceThreshold? measured = snapshot.Manifest.Evidence;
        SearchMode of = measured?.Of ?? (vector is null ? SearchMode.Words : SearchMode.Vectors);
        if (of == SearchMode.Vectors && vector is null) (of, measured) = (SearchMode.Words, null);
        double evidence = EvidenceCalibration.Evidence(snapshot, of, question, vector, snapshot.Allowed(options.Search.Filter));
        return (double.IsFinite(evidence) ? evidence : 0, options.Threshold ?? measured?.Threshold);
    }

    private async Task<DocumentAnswer> Extract(
        string question, DocumentAnswer answer, AnswerOptions options, CancellationToken cancellationToken)
    {
        QuestionOptions asking = new() { MayBeMissing = true, LongestAnswer = options.LongestAnswer };
        IReadOnlyList<IReadOnlyList<Answer>> found = await _model!.FindAnswersAsync(
            [.. answer.Sources.Select(s => new TextPair(question, s.Text))], asking, cancellationToken).ConfigureAwait(false);
        int best = -1;
        for (int s = 0; s < found.Count; s++)
        {
            if (found[s] is not [{ Text.Length: > 0 } a, ..]) continue;
            if (best < 0 || a.Score > found[best][0].Score) best = s;
        }

        if (best < 0) return answer with { Found = false };
        Answer chosen = found[best][0];
        int start = answer.Sources[best].Start;
        return answer with
        {
            Text = chosen.Text,
            Source = best,
            Start = start + chosen.Start,
            End = start + chosen.End,
            Score = chosen.Score,
        };
    }

    private async Task<DocumentAnswer> Generate(
        string question, DocumentAnswer answer, AnswerOptions options, CancellationToken cancellationToken)
    {
        HeedModel model = _model!;
        int room = model.Model is SequenceToSequenceModel ? int.MaxValue : model.Model.Config.MaximumLength - options.MaxNewTokens;
        int sources = answer.Sources.Count;
        while (sources > 0 && Length(Prompt(question, answer.Sources, sources)) > room) sources--;
        if (sources == 0) throw new InputException($"{model.Folder}: reads {model.Model.Config.MaximumLength} tokens, which leaves no "
            + $"room for a source beside the question and an answer of {options.MaxNewTokens}. Ask for a shorter answer, build the index "
            + "with shorter parts, or open a model that reads more.");
        GenerationConfig config = model.Generation with { MaxNewTokens = options.MaxNewTokens };
        string prompt = Prompt(question, answer.Sources, sources);
        string text = model.HasChatTemplate
            ? (await model.ChatAsync([new ChatMessage("user", prompt)], config, cancellationToken).ConfigureAwait(false)).Text
            : await model.GenerateAsync(prompt + "\nAnswer:", config with { StopStrings = [.. config.StopStrings, "\nQuestion:"] },
                cancellationToken).ConfigureAwait(false);
        text = text.Trim();
        if (text.EndsWith("\nQuestion:", StringComparison.Ordinal)) text = text[..^"\nQuestion:".Length].TrimEnd();
        bool isFound = text.Length > 0 && !text.StartsWith("not found", StringComparison.OrdinalIgnoreCase);
        return answer with { Found = isFound, Text = isFound ? text : null, Sources = [.. answer.Sources.Take(sources)] };

        int Length(string whole) => model.HasChatTemplate ? model.ChatIds([new ChatMessage("user", whole)]).Length
            : model.Tokenizer.CountTokens(whole + "\nAnswer:");
    }

    private static string Prompt(string question, IReadOnlyList<SearchHit> sources, int count)
    {
        StringBuilder prompt = new(Instruction);
        for (int s = 0; s < count; s++)
        {
            SearchHit hit = sources[s];
            string above = string.Join(" › ", ((string?[])[hit.Title, hit.Heading]).Where(t => !string.IsNullOrEmpty(t)).Distinct());
            prompt.Append(System.Globalization.CultureInfo.InvariantCulture, $"\n\n[{s + 1}] {above}\n{hit.Text}");
        }

        return prompt.Append("\n\nQuestion: ").Append(question).ToString();
    }
}
