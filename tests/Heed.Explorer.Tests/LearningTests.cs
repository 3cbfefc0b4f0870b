using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Heed.Doctor;
using Heed.Engine.Kernels;
using Heed.Explorer.Api;
using Heed.Generation;
using Heed.Generation.Sampling;
using Heed.Models;
using Heed.Models.Embeddings;
using Heed.Retrieval;
using Heed.Testing;
using Heed.Training.Objectives;

namespace Heed.Explorer.Tests;

/// <summary>Objectives, recurrence, embeddings and cards: every number is a fresh call's, bit for bit.</summary>
[Collection(BrowserGroup.Name)]
public class LearningTests(Servers servers)
{
    private static readonly HttpClient Client = new();

    public static TheoryData<string> Names => [.. Servers.Models.Select(m => m.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task Losses_of_the_next_token_are_those_of_a_fresh_run(string name)
    {
        ExplorerServer server = await servers.GetAsync(name);
        using JsonDocument trace = await TraceAsync(server);
        JsonElement root = trace.RootElement;
        using JsonDocument reply = await GetAsync(server, $"objectives?trace={root.GetProperty("id").GetString()}&objective=causal");
        Assert.Equal(name != "encoder", reply.RootElement.GetProperty("supported").GetBoolean());
        Assert.Equal(name == "encoder", reply.RootElement.GetProperty("why").GetString()!.Length > 0);
        int[] ids = Ids(root.GetProperty("tokens"));
        int[]? written = root.GetProperty("decoderTokens") is { ValueKind: JsonValueKind.Array } tokens ? Ids(tokens) : null;
        using HeedModel fresh = HeedModel.Open(Servers.FolderOf(name));
        ModelOutput output = fresh.Model.Run(new ModelInputs
        {
            InputIds = TokenGrid.Of([ids]),
            DecoderInputIds = written is null ? null : TokenGrid.Of([written])
        });
        int[] asked = written ?? ids;
        JsonElement[] read = [.. reply.RootElement.GetProperty("read").EnumerateArray()];
        Assert.Equal(asked, read.Select(t => t.GetProperty("id").GetInt32()));
        Assert.Equal(JsonValueKind.Null, read[0].GetProperty("loss").ValueKind);
        for (int t = 1; t < asked.Length; t++)
        {
            if (name == "encoder") Assert.Equal(JsonValueKind.Null, read[t].GetProperty("loss").ValueKind);
            else Assert.Equal(LossOf(output, t - 1, asked[t]), read[t].GetProperty("loss").GetSingle());
        }
    }

    [Fact]
    public async Task Masked_tokens_are_those_of_the_training_code_and_their_losses_the_models()
    {
        ExplorerServer server = await servers.GetAsync("encoder");
        using JsonDocument trace = await TraceAsync(server);
        string id = trace.RootElement.GetProperty("id").GetString()!;
        using JsonDocument reply = await GetAsync(server, $"objectives?trace={id}&objective=masked&rate=0.5&seed=3");
        int[] ids = Ids(trace.RootElement.GetProperty("tokens"));
        using HeedModel fresh = HeedModel.Open(Servers.FolderOf("encoder"));
        ObjectiveTokens tokens = ObjectiveTokens.Of(ObjectiveKind.Masked, fresh.Tokenizer, -1, 0, "");
        int[] body = ids[tokens.First.Count..^tokens.Last.Count];
        MaskingSettings settings = new() { Rate = 0.5, MaskId = tokens.MaskId };
        CorruptedText text = new MaskingObjective(512, tokens, fresh.Tokenizer.VocabularySize, settings)
            .Corrupt(body, [], new DrawSequence(new CounterRandom(3, ObjectivesEndpoint.Stream)));
        JsonElement[] read = [.. reply.RootElement.GetProperty("read").EnumerateArray()];
        Assert.Equal(text.Inputs, read.Select(t => t.GetProperty("id").GetInt32()));
        ModelOutput output = fresh.Model.Run(new ModelInputs
        {
            InputIds = TokenGrid.Of([text.Inputs]),
            TokenTypeIds = TokenGrid.Of([new int[text.Inputs.Length]])
        });
        int judged = 0;
        for (int t = 0; t < read.Length; t++)
        {
            if (text.Labels[t] < 0)
            {
                Assert.Equal(JsonValueKind.Null, read[t].GetProperty("loss").ValueKind);
                continue;
            }

            Assert.Equal(LossOf(output, t, text.Labels[t]), read[t].GetProperty("loss").GetSingle());
            judged++;
        }

        Assert.Equal(judged, reply.RootElement.GetProperty("predicted").GetInt32());
        Assert.True(judged > 1);
    }

    [Fact]
    public async Task Spans_of_a_model_with_sentinels_are_spelled_out_and_judged()
    {
        ExplorerServer server = await servers.GetAsync("encoder-decoder");
        using JsonDocument trace = await TraceAsync(server);
        string id = trace.RootElement.GetProperty("id").GetString()!;
        using JsonDocument reply = await GetAsync(server, $"objectives?trace={id}&objective=span&rate=0.4&span=2&seed=5");
        int[] inputs = Ids(reply.RootElement.GetProperty("read")), labels = Ids(reply.RootElement.GetProperty("written"));
        using HeedModel fresh = HeedModel.Open(Servers.FolderOf("encoder-decoder"));
        bool sentinels = ObjectiveTokens.SentinelsOf(fresh.Tokenizer).Count > 0;
        Assert.Equal(sentinels, reply.RootElement.GetProperty("supported").GetBoolean());
        if (!sentinels) return;
        int start = ((SequenceToSequenceModel)fresh.Model).DecoderStartId;
        ModelOutput output = fresh.Model.Run(new ModelInputs
        {
            InputIds = TokenGrid.Of([inputs]),
            DecoderInputIds = TokenGrid.Of([[start, .. labels[..^1]]])
        });
        JsonElement[] written = [.. reply.RootElement.GetProperty("written").EnumerateArray()];
        for (int t = 0; t < labels.Length; t++) Assert.Equal(LossOf(output, t, labels[t]), written[t].GetProperty("loss").GetSingle());
    }

    [Fact]
    public void Both_layers_have_as_many_parameters_and_what_is_counted_follows_from_shapes()
    {
        RecurrenceReply ten = RecurrenceEndpoint.Of(10), again = RecurrenceEndpoint.Of(10), many = RecurrenceEndpoint.Of(64);
        Assert.Equal(57_120, ten.Recurrent.Parameters);
        Assert.Equal(57_120, ten.Attention.Parameters);
        Assert.Equal((10, 9, 1, 1), (ten.Recurrent.Steps, ten.Recurrent.Path, ten.Attention.Steps, ten.Attention.Path));
        Assert.Equal((64, 63, 1, 1), (many.Recurrent.Steps, many.Recurrent.Path, many.Attention.Steps, many.Attention.Path));
        Assert.Equal(16.0 * 84 * 84 * 64, many.Recurrent.Operations);
        Assert.Equal((8.0 * 119 * 119 * 64) + (4.0 * 119 * 64 * 65 / 2), many.Attention.Operations);
        Assert.Equal(ten.Recurrent.Influence, again.Recurrent.Influence);
        Assert.Equal(ten.Attention.Influence, again.Attention.Influence);
        Assert.Equal(10, ten.Recurrent.Influence.Length);
        // What the first said fades in the line, and stays at the table.
        Assert.True(many.Recurrent.Reach < many.Attention.Reach / 100, $"{many.Recurrent.Reach} {many.Attention.Reach}");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_word_in_two_sentences_begins_at_one_row_and_its_cosines_are_the_runs(string name)
    {
        ExplorerServer server = await servers.GetAsync(name);
        using JsonDocument model = await GetAsync(server, "model");
        string text = model.RootElement.GetProperty("texts")[0].GetString()!, word = text.Split(' ')[1];
        string second = "so " + text;
        using JsonDocument reply = await GetAsync(server, $"contextual?first={Uri.EscapeDataString(text)}&second="
            + $"{Uri.EscapeDataString(second)}&word={Uri.EscapeDataString(word)}");
        JsonElement[] layers = [.. reply.RootElement.GetProperty("layers").EnumerateArray()];
        Assert.Equal(1, layers[0].GetProperty("cosine").GetSingle(), 4);
        string hook = layers[^1].GetProperty("hook").GetString()!;
        float[] Row(string side, string at)
        {
            int[] ids = Ids(reply.RootElement.GetProperty(side));
            using HeedModel fresh = HeedModel.Open(Servers.FolderOf(name));
            float[] values = [];
            fresh.Model.Run(new ModelInputs
            {
                InputIds = TokenGrid.Of([ids]),
                DecoderInputIds = fresh.Model is SequenceToSequenceModel pair ? TokenGrid.Of([[pair.DecoderStartId]]) : null
            }, new RunOptions { Hooks = new Engine.Nn.Hooks().ObserveWhere(n => n == hook, (_, x) => values = x.Value.ToArray()) });
            int width = values.Length / ids.Length;
            int[] places = [.. reply.RootElement.GetProperty(at).EnumerateArray().Select(p => p.GetInt32())];
            float[] mean = new float[width];
            foreach (int place in places)
                for (int d = 0; d < width; d++) mean[d] += values[(place * width) + d] / places.Length;
            return mean;
        }

        Assert.Equal((float)VectorSimilarity.Cosine.Of(Row("first", "firstAt"), Row("second", "secondAt")),
            layers[^1].GetProperty("cosine").GetSingle());
        HttpResponseMessage missing = await Client.GetAsync(new Uri(server.Address, "api/contextual?first=one&second=two&word=zebra"));
        Assert.Equal(HttpStatusCode.BadRequest, missing.StatusCode);
    }

    [Fact]
    public async Task Word_vectors_come_with_the_program_and_neighbours_are_theirs()
    {
        ExplorerServer server = await servers.GetAsync("decoder");
        WordVectors words = WordVectors.Read(Path.Combine(Repository.Root, "samples", "stories", "words.bin"));
        using JsonDocument reply = await GetAsync(server, "words?word=Dog&count=5");
        WordScore[] near = [.. words.MostSimilar(["dog"], null, 5)];
        Assert.Equal(near.Select(n => (n.Word, (float)n.Score)), reply.RootElement.GetProperty("near").EnumerateArray()
            .Select(n => (n.GetProperty("text").GetString()!, n.GetProperty("cosine").GetSingle())));
        Assert.Contains("cat", near.Select(n => n.Word));
        using JsonDocument unknown = await GetAsync(server, "words?word=gardn");
        Assert.False(unknown.RootElement.GetProperty("known").GetBoolean());
        Assert.Equal("garden", unknown.RootElement.GetProperty("meant").GetString());
    }

    [Fact]
    public async Task Sentences_are_ordered_by_their_likeness_and_the_same_sentence_is_first()
    {
        ExplorerServer server = await servers.GetAsync("encoder");
        string[] sentences = ["one two", "the cat sat", "dog"], none = [];
        using JsonDocument reply = await PostAsync(server, "sentences", new { sentences, query = "the cat sat" });
        JsonElement first = reply.RootElement.GetProperty("sentences")[0];
        Assert.Equal(1, first.GetProperty("index").GetInt32());
        Assert.Equal(1, first.GetProperty("contextual").GetSingle(), 5);
        HttpResponseMessage refused = await Client.PostAsJsonAsync(new Uri(server.Address, "api/sentences"),
            new { sentences = none, query = "x" });
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
    }

    [Fact]
    public void Every_rule_of_the_doctor_has_its_fix_from_the_doctors_page()
    {
        MistakesReply reply = MistakesEndpoint.Of();
        Assert.Equal(DoctorRule.All.Select(r => (r.Name, r.Symptom, r.Harm)), reply.Mistakes.Select(m => (m.Rule, m.Symptom, m.Harm)));
        Assert.All(reply.Mistakes, m => Assert.True(m.Cause.Length > 10 && m.Fix.Length > 3, $"{m.Rule} has no row in docs/doctor.md"));
        Assert.Contains("Causal = true", reply.Mistakes.Single(m => m.Rule == "leak-of-the-future").Fix, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_prompt_with_examples_answers_as_the_library_does()
    {
        ExplorerServer server = await servers.GetAsync("decoder");
        LabelledText[] examples = [new("good", "yes"), new("bad", "no")];
        using JsonDocument reply = await PostAsync(server, "fewshot", new
        {
            examples = examples.Select(e => new { text = e.Text, label = e.Label }),
            text = "fine"
        });
        using HeedModel fresh = HeedModel.Open(Servers.FolderOf("decoder"));
        IReadOnlyList<Prediction> own = fresh.ClassifyByExamples(["fine"], examples)[0];
        foreach (JsonElement label in reply.RootElement.GetProperty("labels").EnumerateArray())
            Assert.Equal(own.Single(p => p.Label == label.GetProperty("label").GetString()).Score,
                label.GetProperty("corrected").GetSingle());
        Assert.EndsWith("Text: fine\nLabel:", reply.RootElement.GetProperty("prompt").GetString(), StringComparison.Ordinal);
        HttpResponseMessage encoder = await Client.PostAsJsonAsync(new Uri((await servers.GetAsync("encoder")).Address, "api/fewshot"),
            new { examples = Array.Empty<object>(), labels = new[] { "a", "b" }, text = "x" });
        Assert.Equal(HttpStatusCode.BadRequest, encoder.StatusCode);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task The_doctor_examines_the_opened_model(string name)
    {
        using JsonDocument reply = await GetAsync(await servers.GetAsync(name), "examine");
        Assert.True(reply.RootElement.GetProperty("judged").GetArrayLength() > 0);
    }

    private static float LossOf(ModelOutput output, int row, int right)
    {
        int V = output.Logits!.Shape[output.Logits.Shape.Rank - 1];
        float[] scores = output.Logits.Span.Slice(row * V, V).ToArray();
        Probabilities.LogSoftmax(scores);
        return -scores[right];
    }

    private static int[] Ids(JsonElement tokens) => [.. tokens.EnumerateArray().Select(t => t.GetProperty("id").GetInt32())];

    private static async Task<JsonDocument> GetAsync(ExplorerServer server, string path)
        => await ReadAsync(await Client.GetAsync(new Uri(server.Address, "api/" + path)));

    private static async Task<JsonDocument> PostAsync<T>(ExplorerServer server, string name, T body)
        => await ReadAsync(await Client.PostAsJsonAsync(new Uri(server.Address, "api/" + name), body));

    private static async Task<JsonDocument> TraceAsync(ExplorerServer server)
    {
        using JsonDocument model = await GetAsync(server, "model");
        return await PostAsync(server, "trace", new
        {
            text = model.RootElement.GetProperty("texts")[0].GetString(),
            interventions = Array.Empty<string>()
        });
    }

    private static async Task<JsonDocument> ReadAsync(HttpResponseMessage reply)
    {
        string text = await reply.Content.ReadAsStringAsync();
        Assert.True(reply.IsSuccessStatusCode, text);
        return JsonDocument.Parse(text);
    }
}
