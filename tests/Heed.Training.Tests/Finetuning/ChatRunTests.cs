using System.Text.Json;
using Heed.Generation;
using Heed.Models;
using Heed.Templates;
using Heed.Testing;
using Heed.Tokenizers;
using Heed.Training.Collators;
using Heed.Training.Data;
using Heed.Training.Finetuning;
using Heed.Training.Logging;
using Heed.Training.Runs;

namespace Heed.Training.Tests.Finetuning;

public class ChatRunTests
{
    [Fact]
    public void Conversations_of_three_forms_become_a_model_that_answers()
    {
        using TemporaryFolder folder = new();
        string openAi = Messages(folder, 12), shared = folder.File("shared.jsonl"), alpaca = folder.File("alpaca.json");
        File.WriteAllLines(shared, Enumerable.Range(0, 6).Select(i
            => $"{{\"conversations\":[{{\"from\":\"human\",\"value\":\"Wer {i}?\"}},{{\"from\":\"gpt\",\"value\":\"Ich.\"}}]}}"));
        File.WriteAllText(alpaca, "[" + string.Join(",", Enumerable.Range(0, 6).Select(i => $"{{\"instruction\":\"say {i}\",\"input\":\"\",\"output\":\"yes\"}}")) + "]");
        foreach (string data in (string[])[openAi, shared, alpaca])
        {
            FinetuningConfig config = Config("llama-chat", data) with { Steps = 20, LearningRate = 1e-2, EvaluateEvery = 20 };
            EvaluationReport? report = Finetuned.Train(folder.File(Path.GetFileNameWithoutExtension(data)), config with { Test = data });
            Assert.Equal(Math.Exp(report!.Loss), report["perplexity"]!.Value, 1e-9);
            Assert.True(report.Loss < 4, $"{data}: loss {report.Loss}");
        }

        Assert.True(File.Exists(Path.Combine(folder.File("shared"), "chat_template.jinja")));
        using HeedModel opened = HeedModel.Open(folder.File("shared"));
        Assert.NotNull(opened.Chat([new ChatMessage("user", "Wer 3?")], opened.Generation with { MaxNewTokens = 4 }).Text);
    }

    [Fact]
    public void Which_turns_are_learned_is_said_and_only_they_have_labels()
    {
        using TemporaryFolder folder = new();
        using TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("model"), Config("llama-chat", Messages(folder, 8)));
        Assert.Contains(run.Task.Decisions, d => d.StartsWith("learned is what the assistant says, in each of its turns", StringComparison.Ordinal));
        ChatData data = (ChatData)run.Task.Data;
        ChatTokens chat = data.TrainingChats[0];
        string learned = data.Tokenizer.Decode([.. chat.Labels.Where(l => l >= 0)], skipSpecialTokens: false);
        Assert.Contains("yes", learned, StringComparison.Ordinal);
        Assert.Contains("no", learned, StringComparison.Ordinal);
        Assert.DoesNotContain("why", learned, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{% for m in messages %}<{{ m.role }}>{{ m.content }}</s>{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}", "yes</s>|no</s>")]
    [InlineData("{{ '[' }}{% for m in messages %}{% if m.role == 'user' %}U:{{ m.content }} A:{% else %}{{ m.content }};{% endif %}{% endfor %}", "yes;|no;")]
    public void A_template_without_marks_shows_the_assistant_s_words_by_what_they_add(string template, string expected)
    {
        ChatExample example = Example("""[{"role":"user","content":"😀?"},{"role":"assistant","content":"yes"},{"role":"user","content":"why"},{"role":"assistant","content":"no"}]""");
        ChatRendering rendering = ChatSpans.Render(ChatTemplate.Parse(template, "t"), example, new Dictionary<string, JsonElement>(), TimeProvider.System);
        int[] points = [.. rendering.Text.EnumerateRunes().Select(r => r.Value)];
        Assert.Equal(expected, string.Join('|', rendering.GenerationSpans.Select(s => string.Concat(points[s].Select(char.ConvertFromUtf32)))));
    }

    [Fact]
    public void A_template_that_hides_where_a_turn_begins_is_refused_with_the_place()
    {
        ChatExample example = Example("""[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]""");
        ChatTemplate template = ChatTemplate.Parse("{{ messages | length }}{% for m in messages %}{{ m.content }}{% endfor %}", "t.jinja");
        InputException e = Assert.Throws<InputException>(() => ChatSpans.Render(template, example, new Dictionary<string, JsonElement>(), TimeProvider.System));
        Assert.StartsWith("chats.jsonl:7: t.jinja does not show where message 1, the assistant's, begins", e.Message, StringComparison.Ordinal);
        template = ChatTemplate.Parse("{{ raise_exception('only users') }}", "t.jinja");
        e = Assert.Throws<InputException>(() => ChatSpans.Render(template, example, new Dictionary<string, JsonElement>(), TimeProvider.System));
        Assert.Contains("chats.jsonl:7: the chat template refuses the conversation: t.jinja: line 1: only users", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_a_template_needs_one_and_keeps_it()
    {
        using TemporaryFolder folder = new();
        FinetuningConfig config = Config("llama-plain", Messages(folder, 8)) with { Steps = 2, EvaluateEvery = 2 };
        ConfigException e = Assert.Throws<ConfigException>(() => FinetuningRun.Prepare(folder.File("none"), config));
        Assert.Contains("has none. Name a file that holds one, or chatml; it is saved with the model.", e.Message, StringComparison.Ordinal);
        Assert.Equal(ExitCode.InputRejected, e.ExitCode);
        Finetuned.Train(folder.File("chatml"), config with { ChatTemplate = ChatForm.ChatMl });
        Assert.Contains("<|im_start|>", File.ReadAllText(Path.Combine(folder.File("chatml"), ChatForm.FileName)), StringComparison.Ordinal);
        using HeedModel opened = HeedModel.Open(folder.File("chatml"));
        Assert.NotNull(opened.Chat([new ChatMessage("user", "why")], opened.Generation with { MaxNewTokens = 2 }).Text);
        string file = folder.File("own.jinja");
        File.WriteAllText(file, "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}");
        Finetuned.Train(folder.File("own"), config with { ChatTemplate = file });
        Assert.Equal(File.ReadAllText(file), File.ReadAllText(Path.Combine(folder.File("own"), ChatForm.FileName)));
    }

    [Fact]
    public void A_run_that_was_interrupted_ends_with_the_bits_of_one_that_was_not()
    {
        using TemporaryFolder folder = new();
        Finetuned.AssertResumes(folder, Config("llama-chat", Messages(folder, 12)) with { BatchSize = 4 }, dropout: null);
    }

    [Fact]
    public void Any_split_of_a_batch_gives_its_gradient()
    {
        using TemporaryFolder folder = new();
        Finetuned.AssertSplits(folder, Config("llama-chat", Messages(folder, 9)), dropout: null);
    }

    [Fact]
    public void Conversations_that_are_cut_are_counted_with_what_is_lost()
    {
        using TemporaryFolder folder = new();
        using TrainingRun<FinetuningTask> run = FinetuningRun.Prepare(folder.File("model"),
            Config("llama-chat", Messages(folder, 8)) with { MaximumLength = 24, Dev = FinetuningConfig.NoDev });
        string cut = Assert.Single(run.Task.Decisions, d => d.Contains("cut at the end", StringComparison.Ordinal));
        Assert.StartsWith("8 of 8 conversations are longer than 24 tokens", cut, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}", "has no message of the assistant")]
    [InlineData("{\"messages\":[{\"role\":\"king\",\"content\":\"a\"}]}", "message 0 has the role 'king'")]
    [InlineData("{\"messages\":3}", "'messages' is no list of messages")]
    public void A_fault_of_the_data_is_named_with_its_line(string row, string message)
    {
        using TemporaryFolder folder = new();
        string data = folder.File("chats.jsonl");
        File.WriteAllText(data, row + "\n");
        InputException e = Assert.Throws<InputException>(() => FinetuningRun.Prepare(folder.File("model"), Config("llama-chat", data)));
        Assert.Contains($"chats.jsonl:1: {message}", e.Message, StringComparison.Ordinal);
        Assert.Equal(ExitCode.InputRejected, e.ExitCode);
    }

    [Fact]
    public void An_encoder_decoder_is_refused()
    {
        using TemporaryFolder folder = new();
        InputException e = Assert.Throws<InputException>(() => FinetuningRun.Prepare(folder.File("model"),
            Config("t5-translate", Messages(folder, 8)) with { ChatTemplate = ChatForm.ChatMl }));
        Assert.Contains("the t5 family has no head for instruct", e.Message, StringComparison.Ordinal);
    }

    private static FinetuningConfig Config(string model, string data)
        => new() { Task = ChatData.Name, Model = Finetuned.Pipeline(model), Train = data };

    private static string Messages(TemporaryFolder folder, int count)
    {
        string path = folder.File("chats.jsonl");
        File.WriteAllLines(path, Enumerable.Range(0, count).Select(i => $$"""
            {"messages":[{"role":"user","content":"is it {{string.Join(' ', Enumerable.Range(0, 1 + (i % 4)))}} {{i}}?"},{"role":"assistant","content":"yes"},{"role":"user","content":"why"},{"role":"assistant","content":"no"}]}
            """.Trim()));
        return path;
    }

    private static ChatExample Example(string messages)
    {
        using JsonDocument json = JsonDocument.Parse(messages);
        return new ChatExample(new DataPlace("chats.jsonl", 7), json.RootElement.Clone(), null);
    }
}
