using System.Text.Json;
using Heed.Templates;
using Heed.Testing;
using Heed.Tokenizers;
using Heed.Training.Collators;
using Heed.Training.Data;

namespace Heed.Training.Tests.Collators;

/// <summary>Labels and windows as transformers prepares them (<c>goldens/pipelines/training-data</c>).</summary>
public sealed class CollatorGoldenTests
{
    private static readonly string Folder = Path.Combine(Repository.Goldens, "pipelines");

    [Fact]
    public void Tags_of_words_are_given_to_their_tokens()
    {
        int sentences = 0;
        foreach (JsonElement row in Rows("entity-labels"))
        {
            string[] names = Texts(row.GetProperty("label_names"));
            JsonElement settings = row.GetProperty("settings");
            int length = settings.TryGetProperty("max_length", out JsonElement given) ? given.GetInt32() : ModelMaxLength(row);
            Tokenizer tokenizer = Open(row).WithTruncation(new TruncationOptions(length));
            bool all = settings.TryGetProperty("label_all_tokens", out JsonElement flag) && flag.GetBoolean();
            foreach ((JsonElement input,
                JsonElement feature) in row.GetProperty("inputs").EnumerateArray().Zip(row.GetProperty("features").EnumerateArray()))
            {
                TaggedTokens found = TagAlignment.Align(tokenizer,
                    new TaggedExample(default, Texts(input.GetProperty("words")), Texts(input.GetProperty("tags"))), names, all);
                Assert.Equal(Integers(feature.GetProperty("input_ids")), found.Ids);
                Assert.Equal(Integers(feature.GetProperty("labels")), found.Labels);
                Assert.Equal(Integers(feature.GetProperty("lost_words")), found.LostWords);
                sentences++;
            }
        }

        Assert.Equal(54, sentences);
    }

    [Fact]
    public void Contexts_are_cut_into_windows_that_hold_the_answer_or_point_to_the_first_token()
    {
        int windows = 0;
        foreach (JsonElement row in Rows("question-features"))
        {
            JsonElement settings = row.GetProperty("settings");
            Tokenizer tokenizer = Open(row);
            JsonElement[] expected = [.. row.GetProperty("features").EnumerateArray()];
            int number = 0;
            List<QuestionWindow> found = [];
            List<string> contexts = [];
            foreach (JsonElement input in row.GetProperty("inputs").EnumerateArray())
            {
                QuestionExample example = Question(input);
                IReadOnlyList<QuestionWindow> some = QuestionWindows.Of(tokenizer, example,
                    settings.GetProperty("max_seq_length").GetInt32(), settings.GetProperty("doc_stride").GetInt32());
                Assert.Equal(expected.Count(e => e.GetProperty("example").GetInt32() == number), some.Count);
                found.AddRange(some);
                contexts.AddRange(some.Select(_ => example.Context));
                number++;
            }

            for (int i = 0; i < expected.Length; i++)
            {
                QuestionWindow window = found[i];
                bool isPadded = expected[i].TryGetProperty("attention_mask", out JsonElement mask);
                int length = isPadded ? Integers(mask).Sum() : window.Ids.Count;
                Assert.Equal(Integers(expected[i].GetProperty("input_ids")).Take(length), window.Ids);
                if (expected[i].TryGetProperty("token_type_ids", out JsonElement types)) Assert.Equal(Integers(types).Take(length),
                    window.TypeIds);
                if (expected[i].GetProperty("context") is { ValueKind: JsonValueKind.Array } context) Assert.Equal(Integers(context),
                    new[] { window.ContextStart, window.ContextEnd });
                Assert.Equal(expected[i].GetProperty("start_position").GetInt32(), window.StartPosition);
                Assert.Equal(expected[i].GetProperty("end_position").GetInt32(), window.EndPosition);
                int[] places = [.. CodePoints(contexts[i])];
                int[][] offsets = [.. expected[i].GetProperty("offsets").EnumerateArray().Select(Integers)];
                Assert.Equal(offsets.Select(o => places[o[0]]), window.Starts.Take(window.ContextEnd).Skip(window.ContextStart));
                Assert.Equal(offsets.Select(o => places[o[1]]), window.Ends.Take(window.ContextEnd).Skip(window.ContextStart));
                windows++;
            }
        }

        Assert.Equal(548, windows);
    }

    [Fact]
    public void Only_what_the_assistant_says_is_learned()
    {
        foreach (JsonElement row in Rows("chat-masks"))
        {
            JsonElement settings = row.GetProperty("settings");
            ChatTemplates templates = ChatTemplates.FromFolder(Path.Combine(Folder, "models", row.GetProperty("model").GetString()!));
            ChatRendering rendering = templates.Choose().Render(new ChatRequest
            {
                Messages = row.GetProperty("inputs"),
                AddGenerationPrompt = settings.TryGetProperty("add_generation_prompt", out JsonElement prompt) && prompt.GetBoolean(),
                Variables = templates.SpecialTokens,
            });
            // The stored text was rendered without the generation prompt.
            Assert.StartsWith(row.GetProperty("rendered").GetString()!, rendering.Text, StringComparison.Ordinal);
            ChatTokens found = ChatLabels.Of(Open(row), rendering, settings.TryGetProperty("max_length", out JsonElement length)
                ? length.GetInt32() : null);
            Assert.Equal(Integers(row.GetProperty("input_ids")), found.Ids);
            Assert.Equal(Integers(row.GetProperty("labels")), found.Labels);
        }
    }

    [Fact]
    public void A_tag_that_is_not_known_is_an_error_with_its_place()
    {
        Tokenizer tokenizer = Tokenizer.FromFolder(Path.Combine(Folder, "models", "bert-entities"));
        TaggedExample example = new(new DataPlace("a.conll", 3), ["the", "word"], ["O", "B-X"]);
        Assert.Contains("a.conll:3: the tag 'B-X' of word 1",
            Assert.Throws<InputException>(() => TagAlignment.Align(tokenizer, example, ["O"])).Message, StringComparison.Ordinal);
    }

    private static QuestionExample Question(JsonElement input)
    {
        string context = input.GetProperty("context").GetString()!;
        int[] places = [.. CodePoints(context)];
        List<ContextAnswer> answers = [];
        if (input.TryGetProperty("answers", out JsonElement given))
            foreach ((string text,
                int start) in Texts(given.GetProperty("text")).Zip(Integers(given.GetProperty("answer_start")))) answers.Add(new ContextAnswer(text, places[start]));
        return new QuestionExample(default, "", input.GetProperty("question").GetString()!, context, answers);
    }

    private static IEnumerable<int> CodePoints(string text)
    {
        for (int i = 0; i < text.Length; i += char.IsSurrogatePair(text, i) ? 2 : 1) yield return i;
        yield return text.Length;
    }

    private static Tokenizer Open(JsonElement row)
        => Tokenizer.FromFolder(Path.Combine(Folder, "models", row.GetProperty("model").GetString()!));

    private static int ModelMaxLength(JsonElement row)
    {
        using JsonDocument config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "models",
            row.GetProperty("model").GetString()!, "tokenizer_config.json")));
        return config.RootElement.GetProperty("model_max_length").GetInt32();
    }

    private static IEnumerable<JsonElement> Rows(string name)
        => File.ReadLines(Path.Combine(Folder, "training-data", name + ".jsonl")).Select(l => JsonDocument.Parse(l).RootElement);

    private static string[] Texts(JsonElement list) => [.. list.EnumerateArray().Select(v => v.GetString()!)];

    private static int[] Integers(JsonElement list) => [.. list.EnumerateArray().Select(v => v.GetInt32())];
}
