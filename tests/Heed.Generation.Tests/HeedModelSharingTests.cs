using Heed.Models;
using Heed.Engine.Nn;
using Heed.Models.Bert;
using Heed.Models.Files;
using Heed.Testing;
using Heed.Tokenizers;
using Xunit;

namespace Heed.Generation.Tests;

/// <summary>One model, many threads: the same bits as alone, and an end that waits for whoever is working.</summary>
public sealed class HeedModelSharingTests
{
    private static readonly GenerationConfig Twelve = new() { MaxNewTokens = 12 };

    [Fact]
    public void Sixteen_threads_that_embed_and_classify_get_what_each_gets_alone()
    {
        using TemporaryFolder folder = BertFolder();
        using HeedModel model = HeedModel.Open(folder.Path);
        string[] texts = [.. Enumerable.Range(0, 8).Select(i => string.Join(' ', Enumerable.Repeat("the word of the time", i + 1)))];
        Prediction[][] classes = [.. texts.Select(t => model.Classify(t).ToArray())];
        InParallel(16, t =>
        {
            for (int i = 0; i < 10; i++) Assert.Equal(classes[(t + i) % 8], t % 2 == 0 ? model.Classify(texts[(t + i) % 8]) : model.ClassifyAsync(texts[(t + i) % 8]).GetAwaiter().GetResult());
        });
    }

    [Fact]
    public void Sixteen_threads_that_generate_get_what_each_gets_alone()
    {
        using TemporaryFolder folder = HeedModelTests.Folder();
        using HeedModel alone = HeedModel.Open(folder.Path), model = HeedModel.Open(folder.Path);
        string[] texts = [.. Enumerable.Range(0, 8).Select(i => $"The model {i} said that it was " + new string('a', i * 9))];
        string[] expected = [.. texts.Select(t => alone.Generate(t, Twelve))];
        InParallel(16, t =>
        {
            for (int i = 0; i < 6; i++)
            {
                string text = texts[(t + i) % 8];
                string got = (t % 3) switch
                {
                    0 => model.Generate(text, Twelve),
                    1 => string.Concat(model.Stream(text, Twelve)),
                    _ => model.GenerateAsync(text, Twelve).GetAwaiter().GetResult(),
                };
                Assert.Equal(expected[(t + i) % 8], got);
            }
        });
    }

    [Fact]
    public void A_model_that_is_disposed_while_others_work_finishes_their_calls_and_refuses_new_ones()   // cases: u1, 16
    {
        for (int round = 0; round < 8; round++)
        {
            using TemporaryFolder folder = HeedModelTests.Folder();
            HeedModel model = HeedModel.Open(folder.Path);
            string expected = model.Generate("Once", Twelve);
            int refused = 0, done = 0;
            InParallel(4, t =>
            {
                try
                {
                    for (int i = 0; i < 200; i++)
                    {
                        Assert.Equal(expected, t == 0 ? string.Concat(model.Stream("Once", Twelve)) : model.Generate("Once", Twelve));
                        if (Interlocked.Increment(ref done) == 3 + round) model.Dispose();
                    }
                }
                catch (ObjectDisposedException)
                {
                    Interlocked.Increment(ref refused);
                }
            });
            Assert.Equal(4, refused);
            Assert.Throws<ObjectDisposedException>(() => model.Generate("Once"));
            Assert.Throws<ObjectDisposedException>(() => model.Stream("Once").GetEnumerator().MoveNext());
            Assert.Throws<ObjectDisposedException>(() => model.Embed("Once"));
            Assert.Throws<ObjectDisposedException>(() => model.Classify("Once"));
            Assert.Throws<ObjectDisposedException>(() => model.Fill("Once"));
        }
    }

    [Fact]
    public void A_stream_keeps_a_disposed_model_until_it_ends()
    {
        using TemporaryFolder folder = HeedModelTests.Folder();
        HeedModel model = HeedModel.Open(folder.Path);
        string expected = model.Generate("Once", Twelve);
        using IEnumerator<GenerationUpdate> reader = model.Stream("Once", Twelve).GetEnumerator();
        Assert.True(reader.MoveNext());
        string text = reader.Current.Text;
        model.Dispose();
        while (reader.MoveNext()) text += reader.Current.Text;
        Assert.Equal(expected, text);
        Assert.Throws<ObjectDisposedException>(() => model.Generate("Once"));
    }

    [Fact]
    public async Task The_second_turn_of_a_chat_computes_only_what_is_new()
    {
        using TemporaryFolder folder = ChainModel.Folder("llama3-style", t => ChainModel.Chain(t.Id(":"), t.Id("Ġthe"), t.Id("Ġa"), t.Id("Ġto"), t.Id("<|eot_id|>")), """{"max_new_tokens": 9}""");
        File.WriteAllText(folder.File("chat_template.jinja"),
            "{% for m in messages %}{{ m.role }}: {{ m.content }}<|eot_id|>{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}");
        using HeedModel model = HeedModel.Open(folder.Path);
        GenerationConfig config = model.Generation with { EndIds = [model.Tokenizer.Id("<|eot_id|>")] };
        List<ChatMessage> chat = [new(ChatRole.System, "be brief and be right about all that is asked"), new(ChatRole.User, "what is the time")];
        GeneratedText first = model.Chat(chat, config);
        Assert.Equal((" the a to", FinishReason.End, 0), (first.Text, first.Finish, first.Usage.CachedTokens));

        chat.AddRange([new(ChatRole.Assistant, first.Text.TrimStart()), new("user", "and the date")]);
        GeneratedText second = await model.ChatAsync(chat, config, TestContext.Current.CancellationToken);
        // All of the first turn was read but its last id.
        Assert.Equal(first.Usage.PromptTokens + first.Ids.Count - 1, second.Usage.CachedTokens);
        Assert.Equal(first.Text, second.Text);
        using HeedModel fresh = HeedModel.Open(folder.Path);
        Assert.Equal(second.Ids, fresh.Chat(chat, config).Ids);

        string streamed = "";
        GenerationUpdate? last = null;
        await foreach (GenerationUpdate update in model.ChatStreamAsync(chat, config, TestContext.Current.CancellationToken))
        {
            streamed += update.Text;
            last = update;
        }

        Assert.Equal(second.Text, streamed);
        Assert.Equal(FinishReason.End, last!.Finish);
        Assert.Equal(second.Usage.PromptTokens - 1, last.Usage.CachedTokens);
    }

    private static void InParallel(int threads, Action<int> work)
        => Task.WaitAll([.. Enumerable.Range(0, threads).Select(t => Task.Factory.StartNew(() => work(t), TaskCreationOptions.LongRunning))]);

    private static TemporaryFolder BertFolder()
    {
        TemporaryFolder folder = new();
        string tokenizer = Path.Combine(Repository.Goldens, "tokenizers", "bert-uncased", "tokenizer.json");
        File.Copy(tokenizer, folder.File("tokenizer.json"));
        BertConfig config = new()
        {
            Layers = 2,
            Heads = 4,
            Width = 32,
            Vocabulary = Tokenizer.FromFile(tokenizer).VocabularySize,
            PositionRows = 64,
            InitialDeviation = 0.2f,
            PaddingId = 0,
            Labels = ["bad", "fair", "good"],
        };
        using SequenceClassifier model = SequenceClassifier.Create(config, new ParameterSet(ParameterSource.Random(2)));
        ModelFolder.Save(model, folder.Path);
        return folder;
    }
}
