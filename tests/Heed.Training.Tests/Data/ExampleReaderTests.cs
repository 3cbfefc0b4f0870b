using System.Text.Json;
using Heed.Testing;
using Heed.Training.Data;

namespace Heed.Training.Tests.Data;

/// <summary>Each form of training data, and the faults of each.</summary>
public sealed class ExampleReaderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Lists_of_labels_are_several_labels_and_pairs_are_pairs()
    {
        ClassificationSet several = ExampleReader.Classification(Write("a.jsonl", """
            {"text": "a", "labels": ["x", "y"]}
            {"text": "b", "labels": []}
            """));
        Assert.Equal(LabelKind.Multiple, several.Kind);
        Assert.Empty(several.Examples[1].Labels);
        ClassificationSet pairs = ExampleReader.Classification(Write("b.jsonl", """
            {"premise": "a", "hypothesis": "b", "label": 0, "idx": 7}
            {"premise": "c", "hypothesis": "d", "label": 1, "idx": 8}
            """), new DataOptions { LabelNames = ["entailment", "contradiction"] });
        Assert.Equal(("a", "b", "entailment"), (pairs.Examples[0].Text, pairs.Examples[0].Second, pairs.Examples[0].Labels[0]));
        Assert.Contains(pairs.Statements, s => s.EndsWith("not used: 'idx'", StringComparison.Ordinal));
        Assert.Equal(LabelKind.Regression, ExampleReader.Classification(Write("c.jsonl",
            "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\", \"label\": 2.5}\n")).Kind);
        Assert.Equal(LabelKind.Regression, ExampleReader.Classification(Write("d.csv", "text,label\na,1\nb,2\n"),
            new DataOptions { Kind = LabelKind.Regression }).Kind);
        Assert.Equal(["x", "y"], ExampleReader.Classification(Write("e.csv", "text,labels\na,x|y\nb,x\n"),
            new DataOptions { Kind = LabelKind.Multiple }).Examples[0].Labels);
    }

    [Theory]
    [InlineData("""{"text": "b", "label": 7}""", "the label is 7; with 2 label names it is 0 to 1")]
    [InlineData("""{"text": "b", "label": -1}""", "the label is -1")]
    [InlineData("""{"text": "b", "label": "z"}""", "'z' is none of the 2 label names")]
    [InlineData("""{"text": "b", "label": {"a": 1}}""", "the label is an object")]
    [InlineData("""{"text": 5, "label": null}""", "'label' is missing")]
    [InlineData("""{"text": ["b"], "label": 0}""", "'text' is a list")]
    public void Labels_outside_their_names_and_other_kinds_are_faults(string line, string reason)
    {
        string file = Write("a.jsonl", "{\"text\": \"a\", \"label\": 0}\n" + line + "\n");
        string message = Assert.Throws<InputException>(() => ExampleReader.Classification(file,
            new DataOptions { LabelNames = ["x", "y"] })).Message;
        Assert.Contains($"{file}:2: ", message, StringComparison.Ordinal);
        Assert.Contains(reason, message, StringComparison.Ordinal);
    }

    [Fact]
    public void FastText_lines_and_folders_of_classes_are_classification_data()
    {
        ClassificationSet data = ExampleReader.Classification(Write("a.txt", "__label__x one text\n__label__y another\n"));
        Assert.Equal((LabelKind.Single, "one text", "x"), (data.Kind, data.Examples[0].Text, data.Examples[0].Labels[0]));
        Assert.Equal(LabelKind.Multiple, ExampleReader.Classification(Write("b.txt",
            "__label__x __label__y text\n__label__y another\n")).Kind);
        Assert.Contains(":2: does not begin with __label__",
            Assert.Throws<InputException>(() => ExampleReader.Classification(Write("c.txt", "__label__x text\nplain\n"))).Message,
            StringComparison.Ordinal);
        Directory.CreateDirectory(_folder.File("classes/good"));
        Directory.CreateDirectory(_folder.File("classes/bad"));
        Write("classes/good/1.txt", "fine\n");
        Write("classes/bad/1.txt", "poor");
        ClassificationSet folders = ExampleReader.Classification(_folder.File("classes"));
        Assert.Equal(["bad", "good"], folders.Labels);
        Assert.Equal(["poor", "fine"], folders.Examples.Select(e => e.Text));
        Write("classes/good/2.txt", " \n");
        Assert.Contains("2.txt:1: is empty",
            Assert.Throws<InputException>(() => ExampleReader.Classification(_folder.File("classes"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Conll_has_two_or_four_columns_document_lines_and_tags_that_open_by_inside()
    {
        ExampleSet<TaggedExample> data = ExampleReader.Tags(Write("a.conll",
            "-DOCSTART- -X- O O\n\nEU NNP I-NP B-ORG\nrejects VBZ I-VP O\n\n\nPeter NNP I-NP I-PER\n"));
        Assert.Equal([3, 7], data.Examples.Select(e => e.Place.Number));
        Assert.Equal(["B-ORG", "O"], data.Examples[0].Tags);
        Assert.Contains(data.Statements, s => s.StartsWith("1 entities begin with I-", StringComparison.Ordinal));
        string file = Write("b.conll", "EU B-ORG\nrejects\ncalls O\n\nPeter B-PER\n");
        Assert.Contains($"{file}:2: has 1 columns and the lines before 2",
            Assert.Throws<InputException>(() => ExampleReader.Tags(file)).Message, StringComparison.Ordinal);
        // The sentence with the fault is left out whole.
        Assert.Equal(["Peter"], Assert.Single(ExampleReader.Tags(file, new DataOptions { SkipFaulty = true }).Examples).Words);
    }

    [Fact]
    public void Tokens_with_tags_are_names_or_numbers_of_names()
    {
        string file = Write("a.jsonl", "{\"tokens\": [\"a\", \"b\"], \"ner_tags\": [0, 1]}\n");
        Assert.Equal(["O", "B-X"], ExampleReader.Tags(file, new DataOptions { LabelNames = ["O", "B-X"] }).Examples[0].Tags);
        Assert.Contains("name the tags", Assert.Throws<InputException>(() => ExampleReader.Tags(file)).Message, StringComparison.Ordinal);
        Assert.Contains("2 words in 'tokens' and 1 tags in 'tags'",
            Assert.Throws<InputException>(() => ExampleReader.Tags(Write("b.jsonl",
                "{\"tokens\": [\"a\", \"b\"], \"tags\": [\"O\"]}\n"))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Spans_of_each_tool_count_code_points_but_those_of_Label_Studio()
    {
        SpanExample example = ExampleReader.Spans(Write("a.jsonl", """{"text": "😀 in Köln", "entities": [{"start": 5, "end": 9, "label": "LOC"}, {"start": 0, "end": 1, "label": "X"}]}""" + "\n")).Examples[0];
        Assert.Equal(["😀", "Köln"], example.Spans.Select(s => example.Text[s.Start..s.End]));
        example = ExampleReader.Spans(Write("b.jsonl", """{"text": "😀 in Köln", "label": [[5, 9, "LOC"]]}""" + "\n")).Examples[0];
        Assert.Equal("Köln", example.Text[example.Spans[0].Start..example.Spans[0].End]);
        example = ExampleReader.Spans(Write("c.json", """[{"data": {"text": "😀 in Köln"}, "annotations": [{"result": [{"value": {"start": 6, "end": 10, "text": "Köln", "labels": ["LOC"]}}]}]}]""")).Examples[0];
        Assert.Equal("Köln", example.Text[example.Spans[0].Start..example.Spans[0].End]);
        foreach ((string spans, string reason) in (ReadOnlySpan<(string, string)>)[("[[0, 5, \"X\"]]",
            "is [0, 5) and the text has 4 characters"), ("[[2, 2, \"X\"]]", "is [2, 2)"), ("[[0, 2, \"X\"], [1, 3, \"Y\"]]", "overlap"),
            ("[[0, 2]]", "needs \"start\""), ("5", "a list of labelled parts")])
            Assert.Contains(reason, Assert.Throws<InputException>(() => ExampleReader.Spans(Write("d.jsonl", $$"""{"text": "abcd", "spans": {{spans}}}"""))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Squad_files_are_checked_against_their_contexts_with_the_line_of_each_question()
    {
        ExampleSet<QuestionExample> data = ExampleReader.Questions(Write("a.json", """
            {"version": "v2.0", "data": [{"title": "t", "paragraphs": [{"context": "😀 in Köln am Rhein",
             "qas": [
              {"id": "1", "question": "Where?", "answers": [{"text": "Köln", "answer_start": 5}]},
              {"id": "2", "question": "When?", "answers": [], "is_impossible": true}]}]}]}
            """));
        Assert.Equal([3, 4], data.Examples.Select(e => e.Place.Number));
        Assert.Equal(new ContextAnswer("Köln", 6), data.Examples[0].Answers[0]);
        Assert.Empty(data.Examples[1].Answers);
        Assert.Contains("SQuAD 2.0", data.Statements[0], StringComparison.Ordinal);
        string flat = Write("b.jsonl",
            "{\"question\": \"q\", \"context\": \"a b a\", \"answers\": {\"text\": [\"b\"], \"answer_start\": [3]}}\n");
        Assert.Contains($"{flat}:1: the answer 'b' does not stand at character 3 of the context; it stands at 2",
            Assert.Throws<InputException>(() => ExampleReader.Questions(flat)).Message, StringComparison.Ordinal);
        Assert.Single(ExampleReader.Questions(Write("c.jsonl",
            "{\"question\": \"q\", \"context\": \"a b\", \"answers\": {\"text\": [], \"answer_start\": []}}\n")).Examples);
        Assert.Contains("data[].paragraphs[].qas[]",
            Assert.Throws<InvalidFileException>(() => ExampleReader.Questions(Write("d.json", "{}"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Translations_and_summaries_come_by_columns_or_by_language()
    {
        ExampleSet<RewritingExample> data = ExampleReader.Rewritings(Write("a.jsonl",
            "{\"translation\": {\"en\": \"one\", \"de\": \"eins\"}}\n"));
        Assert.Equal(("one", "eins"), (data.Examples[0].Source, data.Examples[0].Target));
        DataOptions reverse = new()
        {
            Columns = new Dictionary<DataColumn,
            string>
            { [DataColumn.Source] = "de", [DataColumn.Target] = "en" }
        };
        Assert.Equal("eins", ExampleReader.Rewritings(_folder.File("a.jsonl"), reverse).Examples[0].Source);
        Assert.Equal("short", ExampleReader.Rewritings(Write("b.jsonl",
            "{\"document\": \"long\", \"summary\": \"short\"}\n")).Examples[0].Target);
        Assert.Contains("both 'document' with 'summary' and 'article' with 'summary'",
            Assert.Throws<InputException>(() => ExampleReader.Rewritings(Write("c.jsonl",
                "{\"document\": \"a\", \"article\": \"b\", \"summary\": \"c\"}\n"))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Similarities_are_scaled_and_their_kind_is_said()
    {
        SimilaritySet scores = ExampleReader.Similarity(Write("a.tsv", "sentence1\tsentence2\tscore\na\tb\t5.0\nc\td\t2.5\n"));
        Assert.Equal(SimilarityKind.Scores, scores.Kind);
        Assert.Equal([1.0, 0.5], scores.Examples.Select(e => e.Score));
        Assert.Contains(scores.Statements, s => s.Contains("divided by 5", StringComparison.Ordinal));
        Assert.Equal(SimilarityKind.Labels, ExampleReader.Similarity(Write("b.jsonl",
            "{\"sentence1\": \"a\", \"sentence2\": \"b\", \"label\": 1}\n")).Kind);
        Assert.Equal(SimilarityKind.Pairs, ExampleReader.Similarity(Write("c.jsonl", "{\"anchor\": \"a\", \"positive\": \"b\"}\n")).Kind);
        SimilaritySet triplets = ExampleReader.Similarity(Write("d.jsonl",
            "{\"anchor\": \"a\", \"positive\": \"b\", \"negative_1\": \"c\", \"negative_2\": \"d\"}\n"));
        Assert.Equal(["c", "d"], triplets.Examples[0].Negatives);
        Assert.Contains("a number from 0 to 1",
            Assert.Throws<InputException>(() => ExampleReader.Similarity(Write("e.csv", "sentence1,sentence2,score\na,b,-1\n"))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Conversations_of_every_form_become_messages()
    {
        Assert.Equal("""[{"role":"user","content":"hi"},{"role":"assistant","content":"hello"}]""",
            Text(Write("a.jsonl", """{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]}""")));
        Assert.Equal("""[{"role":"user","content":"hi"},{"role":"assistant","content":"hello"}]""",
            Text(Write("b.json", """[{"id": 1, "conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]}]""")));
        Assert.Equal("""[{"role":"user","content":"Add.\n1, 2"},{"role":"assistant","content":"3"}]""", Text(Write("c.json", """[{"instruction": "Add.", "input": "1, 2", "output": "3"}]""")));
        ChatExample tools = ExampleReader.Chats(Write("d.jsonl", """{"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": null, "tool_calls": [{"id": 1}]}], "tools": [{"type": "function"}]}""")).Examples[0];
        Assert.Equal(1, tools.Messages[1].GetProperty("tool_calls").GetArrayLength());
        Assert.Equal(JsonValueKind.Array, tools.Tools!.Value.ValueKind);
        foreach ((string messages, string reason) in (ReadOnlySpan<(string, string)>)[
            ("""[{"role": "user", "content": "hi"}]""", "no message of the assistant"), ("""[{"role": "king", "content": "hi"}]""", "message 0 has the role 'king'"),
            ("""[{"role": "user", "content": ""}, {"role": "assistant", "content": "a"}]""", "message 0 of the user is empty"), ("""[{"role": "user", "content": [{"type": "image"}]}]""", "message 0 has content that is no text"), ("[]", "is no list of messages")])
            Assert.Contains(reason, Assert.Throws<InputException>(() => ExampleReader.Chats(Write("e.jsonl", $$"""{"messages": {{messages}}}"""))).Message, StringComparison.Ordinal);

        string Text(string file) => ExampleReader.Chats(file).Examples[0].Messages.GetRawText();
    }

    private string Write(string name, string content)
    {
        File.WriteAllText(_folder.File(name), content);
        return _folder.File(name);
    }
}
