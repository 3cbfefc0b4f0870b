using System.Text.Json;
using Heed.Checkpoints;
using Heed.Generation.Embeddings;
using Heed.Retrieval;
using Heed.Testing;
using static Heed.Cli.Tests.CommandLine;

namespace Heed.Cli.Tests;

public class EmbedTextCommandTests
{
    private static string Encoder => Path.Combine(Repository.Goldens, "similarity", "folders", "bert-mean");

    private static string[] Sentences => File.ReadAllLines(Path.Combine(Repository.Goldens, "embeddings", "sentences.txt"));

    [Fact]
    public async Task A_file_of_texts_becomes_rows_in_its_order_with_the_bits_of_each_text_alone()
    {
        using TemporaryFolder folder = new();
        string[] texts = [.. Enumerable.Range(0, 2100).Select(i => $"text {i % 700} the {new string('a', i % 13)}")];
        File.WriteAllLines(folder.File("texts.txt"), texts);
        (int code, string output, string error) = await Run("embed", "texts", Encoder, "--file", folder.File("texts.txt"), "--out", folder.File("v.safetensors"));
        Assert.True(code == ExitCode.Ok, error);
        Assert.Contains("2,100 vectors", output, StringComparison.Ordinal);
        using SafetensorsFile file = SafetensorsFile.Open(folder.File("v.safetensors"));
        float[] rows = file["embeddings"].ToFloats();
        using TextEmbedder embedder = TextEmbedder.Open(Encoder);
        foreach (int i in (int[])[0, 1, 699, 700, 1023, 1024, 2099])
            Assert.Equal(embedder.Embed(texts[i]), rows[(i * embedder.Dimensions)..((i + 1) * embedder.Dimensions)]);
        Assert.Equal(["texts.txt", "v.safetensors"], Directory.EnumerateFiles(folder.Path).Select(f => Path.GetFileName(f)).Order());
    }

    [Fact]
    public async Task A_stopped_file_is_resumed_to_the_same_bytes()
    {
        using TemporaryFolder folder = new();
        string[] texts = [.. Enumerable.Range(0, 1500).Select(i => $"text {i}")];
        File.WriteAllLines(folder.File("texts.txt"), texts);
        foreach (string form in (string[])[".npy", ".jsonl"])
        {
            string whole = folder.File("whole" + form), stopped = folder.File("stopped" + form);
            Assert.Equal(ExitCode.Ok, (await Run("embed", "texts", Encoder, "--file", folder.File("texts.txt"), "--out", whole, "--dtype", "float16")).Code);
            using (TextEmbedder embedder = TextEmbedder.Open(Encoder))
            using (VectorFile part = VectorFile.Open(
                stopped, form == ".npy" ? VectorFileForm.Npy : VectorFileForm.JsonLines, VectorFormat.Float16, embedder.Dimensions, $"{Path.GetFullPath(Encoder)}///False"))
            {
                part.Append(embedder.Embed(texts[..1024]));
            }

            // What was written after the last record of the state is not trusted.
            using (FileStream torn = new(stopped + ".part", FileMode.Append)) torn.Write("torn"u8);
            (int code, string output, string error) = await Run("embed", "texts", Encoder, "--file", folder.File("texts.txt"), "--out", stopped, "--dtype", "float16", "--json");
            Assert.True(code == ExitCode.Ok, error);
            using JsonDocument json = JsonDocument.Parse(output);
            Assert.Equal(1024, json.RootElement.GetProperty("resumed_after").GetInt64());
            Assert.Equal(File.ReadAllBytes(whole), File.ReadAllBytes(stopped));
        }
    }

    [Fact]
    public async Task Npy_has_numpys_header_and_bits_are_packed_from_the_highest()
    {
        using TemporaryFolder folder = new();
        Assert.Equal(ExitCode.Ok, (await Run("embed", "texts", Encoder, "the", "a", "--out", folder.File("v.npy"), "--dtype", "binary")).Code);
        byte[] bytes = File.ReadAllBytes(folder.File("v.npy"));
        using TextEmbedder embedder = TextEmbedder.Open(Encoder);
        Assert.Equal("NUMPY", System.Text.Encoding.ASCII.GetString(bytes, 1, 5));
        Assert.Contains($"'descr': '|u1', 'fortran_order': False, 'shape': (2, {(embedder.Dimensions + 7) / 8})", System.Text.Encoding.ASCII.GetString(bytes), StringComparison.Ordinal);
        Assert.Equal(256 + (2 * ((embedder.Dimensions + 7) / 8)), bytes.Length);
        float[] vector = embedder.Embed("the");
        for (int i = 0; i < 8; i++) Assert.Equal(vector[i] > 0, (bytes[256] & (0x80 >> i)) != 0);
    }

    [Theory]
    [InlineData("cls")]
    [InlineData("max")]
    [InlineData("mean")]
    [InlineData("mean_sqrt_len_tokens")]
    [InlineData("weightedmean")]
    [InlineData("lasttoken")]
    public async Task A_pooling_gives_the_bits_of_a_folder_that_specifies_it(string word)
    {
        using TemporaryFolder folder = new();
        string config = "", bare = folder.File("bare");
        foreach (string file in Directory.EnumerateFiles(Encoder, "*", SearchOption.AllDirectories))
        {
            string name = Path.GetRelativePath(Encoder, file);
            foreach (string copy in (string[])["folder", .. name == "modules.json" ? Array.Empty<string>() : ["bare"]])
            {
                Directory.CreateDirectory(Path.GetDirectoryName(folder.File(Path.Combine(copy, name)))!);
                File.Copy(file, folder.File(Path.Combine(copy, name)));
            }

            if (name == Path.Combine("1_Pooling", "config.json")) config = folder.File(Path.Combine("folder", name));
        }

        File.WriteAllText(config, File.ReadAllText(config).Replace("\"mean\"", $"\"{word}\"", StringComparison.Ordinal));
        string expected = await Vector(folder.File("folder"));
        Assert.Equal(expected, await Vector(Encoder, "--pooling", word));
        Assert.Equal(expected, await Vector(bare, "--pooling", word));
        Assert.Equal(word == "mean", expected == await Vector(bare));

        static async Task<string> Vector(string model, params string[] options)
        {
            (int code, string output, string error) = await Run(["embed", "texts", model, "the word of it", .. options]);
            Assert.True(code == ExitCode.Ok, error);
            return output;
        }
    }

    [Fact]
    public async Task One_pooling_in_the_place_of_two_gives_its_own_width_or_is_refused_before_a_dense_layer()
    {
        string folders = Path.Combine(Repository.Goldens, "similarity", "folders");
        (int code, string output, string error) = await Run(
            "embed", "texts", Path.Combine(folders, "bert-sqrt-weighted"), "the", "--pooling", "cls", "--json");
        Assert.True(code == ExitCode.Ok, error);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.Equal(24, json.RootElement.GetProperty("dimensions").GetInt32());
        Assert.Equal(24, json.RootElement.GetProperty("vectors")[0].GetProperty("vector").GetArrayLength());
        (code, _, error) = await Run(
            "embed", "texts", Path.Combine(folders, "bert-cls-max-dense-pickle-old"), "the", "--pooling", "mean");
        Assert.Equal(ExitCode.InputRejected, code);
        Assert.Contains("takes 48", error, StringComparison.Ordinal);
    }

    [SharedFact]
    public async Task The_real_model_gives_the_references_vectors()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("texts.jsonl"), string.Concat(Sentences.Select(s => JsonSerializer.Serialize(new Dictionary<string, string> { ["text"] = s }) + "\n")));
        (int code, _, string error) = await Run(
            "embed", "texts", Path.Combine(Repository.Shared!, "models", "all-MiniLM-L6-v2"), "--file", folder.File("texts.jsonl"), "--out", folder.File("v.safetensors"));
        Assert.True(code == ExitCode.Ok, error);
        using SafetensorsFile found = SafetensorsFile.Open(folder.File("v.safetensors")), expected = SafetensorsFile.Open(Path.Combine(Repository.Goldens, "embeddings", "embeddings.safetensors"));
        float[] right = expected["embeddings"].ToFloats(), actual = found["embeddings"].ToFloats();
        Assert.Equal(right.Length, actual.Length);
        for (int i = 0; i < right.Length; i++) Assert.Equal(right[i], actual[i], 2e-6f);
    }

    [Theory]
    [InlineData("embed texts {e} --out x.bin the", ExitCode.Usage, ".safetensors")]
    [InlineData("embed texts {e} --file missing.txt", ExitCode.InputOutput, "missing.txt")]
    [InlineData("embed texts {e} the --prompt-name nobody", ExitCode.InputRejected, "nobody")]
    [InlineData("embed texts {e} the --pooling middle", ExitCode.Usage, "lasttoken")]
    [InlineData("embed compare {e} the the --word absent", ExitCode.Usage, "absent")]
    public async Task What_cannot_be_is_named(string line, int exit, string expected)
    {
        (int code, string output, string error) = await Run([.. line.Replace("{e}", Encoder, StringComparison.Ordinal).Split(' ')]);
        Assert.Equal(exit, code);
        Assert.Empty(output);
        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_word_in_the_same_sentence_twice_is_itself_in_every_layer()
    {
        (int code, string output, string error) = await Run("embed", "compare", Encoder, "the word", "the word", "--word", "word", "--json");
        Assert.True(code == ExitCode.Ok, error);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.All(json.RootElement.GetProperty("cosines").EnumerateArray(), c => Assert.Equal(1, c.GetDouble(), 1e-9));
        (_, output, _) = await Run("embed", "compare", Encoder, "a word", "the word of it", "--word", "word", "--json");
        using JsonDocument other = JsonDocument.Parse(output);
        double[] cosines = [.. other.RootElement.GetProperty("cosines").EnumerateArray().Select(c => c.GetDouble())];
        Assert.Equal(1, cosines[0], 1e-9);
        Assert.True(cosines[^1] < 1 - 1e-6);
    }
}
